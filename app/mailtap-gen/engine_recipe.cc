// A recipe's sessions: each at its own time, whatever the generated traffic does.
#include <algorithm>

#include "app/mailtap-gen/engine.h"

namespace mailtap::gen {

// Opens the recipe's next sessions, those that are due first.
void Engine::StartRecipes() {
  const uint64_t due = recipe_due_;
  recipe_due_ = kNever;
  for (RecipeCursor& cursor : recipe_) {
    if (!cursor.done() && cursor.due() == due) {
      StartRecipe(cursor);
      ++cursor.run;
    }
    if (!cursor.done()) recipe_due_ = std::min(recipe_due_, cursor.due());
  }
}

void Engine::StartRecipe(const RecipeCursor& cursor) {
  const RecipeSession& session = *cursor.session;
  auto slot = static_cast<uint32_t>(recipe_flows_.size());
  if (free_.empty()) {
    recipe_flows_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  Flow& flow = recipe_flows_[slot];
  Choice choice;
  choice.mail = true;
  choice.client = Plus(session.client, static_cast<uint32_t>(cursor.run % session.clients));
  choice.server = Plus(session.server, static_cast<uint32_t>(cursor.run % session.servers));
  choice.port = session.port;
  choice.odd_port = IsOddPort(session.port);
  choice.script = session.script;
  flow.recipe = static_cast<uint32_t>(&cursor - recipe_.data()) + 1;
  Prepare(flow, choice);
  // Two segments and an acknowledgment share three gaps.
  flow.plan.gap_ns =
      std::max<uint64_t>(flow.addressing.mss * kSecond * 2 / 3 / session.speed, 1);
  PlanFlow(flow, choice);
  flow.plan.ending = session.reset ? Ending::kReset : Ending::kFin;
  Open(flow, choice, cursor.due());
  recipe_events_.push({cursor.due(), slot});
}

void Engine::RunRecipe() {
  Event event = recipe_events_.top();
  recipe_events_.pop();
  ports_.Expire(event.time_ns);
  Flow& flow = recipe_flows_[event.slot];
  Emit(flow, event.time_ns);
  if (flow.walker.Next(flow.plan, flow.next)) {
    event.time_ns += flow.next.delay_ns;
    recipe_events_.push(event);
  } else {
    Finish(flow, event.time_ns);
    free_.push_back(event.slot);
  }
}

}  // namespace mailtap::gen
