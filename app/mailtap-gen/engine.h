// Runs many sessions at once and hands their packets on in the order of time.
#ifndef MAILTAP_APP_MAILTAP_GEN_ENGINE_H_
#define MAILTAP_APP_MAILTAP_GEN_ENGINE_H_

#include <array>
#include <cstdint>
#include <queue>
#include <vector>

#include "absl/status/status.h"
#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/fill.h"
#include "app/mailtap-gen/flow.h"
#include "app/mailtap-gen/pace.h"
#include "app/mailtap-gen/population.h"
#include "app/mailtap-gen/ports.h"
#include "app/mailtap-gen/random.h"
#include "app/mailtap-gen/recipe.h"
#include "app/mailtap-gen/truth.h"

namespace mailtap::gen {

struct EngineOptions {
  uint64_t seed = 1;
  int64_t start_ns = 0;          // of the capture, since 1970
  uint64_t packets = 100'000;    // of generated traffic; recipes come on top
  uint32_t flows = 200;          // at once
  double mail_share = 20;        // percent of the packets
  double rate = 0;               // packets a second; 0: the sessions' own speed
  uint32_t frame_bytes = 1'514;  // the largest frame; 0: an Internet mix
  bool may_fragment = false;
  double forge = 0;                           // percent of mail sessions
  uint32_t forge_within = 0;                  // 0: anywhere further than 64 KiB
  std::vector<Encapsulation> encapsulations;  // each flow draws one; empty: none
  PopulationOptions population;
};

class Engine {
 public:
  // What it is given outlives it.
  Engine(const EngineOptions& options, const std::vector<RecipeSession>& recipe,
         FrameSink& sink, TruthFile& truth);

  // To the end of the capture, or to where it can't be written any more. ResourceExhausted
  // where a recipe has a client open more connections than it has ports for.
  absl::Status Run();

  uint64_t forged() const { return forged_; }

 private:
  // When a flow will send its next packet, or a slot start its next flow.
  struct Event {
    uint64_t time_ns;  // since the capture's start; generated traffic: in its own time
    uint32_t slot;
    friend bool operator>(const Event& a, const Event& b) {
      return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.slot > b.slot;
    }
  };
  // A recipe's session that is due next.
  struct RecipeCursor {
    const RecipeSession* session;
    uint64_t run = 0;
    uint64_t due() const { return session->at_ns + run * session->every_ns; }
    bool done() const { return run == session->count; }
  };

  static constexpr uint64_t kNever = ~uint64_t{0};
  static constexpr uint64_t kSecond = 1'000'000'000;  // ns

  using Events = std::priority_queue<Event, std::vector<Event>, std::greater<>>;

  void RunTraffic(uint64_t now_ns);
  void RunRecipe();
  void StartTraffic(Flow& flow, uint64_t now_ns);
  void StartRecipes();
  void StartRecipe(const RecipeCursor& cursor);
  void Prepare(Flow& flow, const Choice& choice);
  void PlanFlow(Flow& flow, const Choice& choice);
  void Open(Flow& flow, const Choice& choice, uint64_t now_ns);
  void Emit(Flow& flow, uint64_t now_ns);
  void Forge(const Flow& flow, uint64_t now_ns, Side side);
  void Finish(Flow& flow, uint64_t now_ns);
  uint64_t Budget() const;

  const EngineOptions& options_;
  FrameSink& sink_;
  TruthFile& truth_;
  Population population_;
  FillPool pool_;
  Random random_;
  Random forge_random_;
  ClientPorts ports_;
  Pace pace_;
  std::vector<Flow> flows_;  // of generated traffic, by slot
  Events events_;            // theirs
  std::vector<Flow> recipe_flows_;
  Events recipe_events_;
  std::vector<uint32_t> free_;  // slots of recipe_flows_ without one
  std::vector<RecipeCursor> recipe_;
  uint64_t recipe_due_ = kNever;  // when the first of them is due
  std::array<uint8_t, kMaxFrameBytes> frame_;
  uint64_t serial_ = 0;
  uint64_t mail_serial_ = 0;
  // Packets of generated traffic.
  uint64_t sent_ = 0;
  uint64_t mail_left_ = 0;     // that open mail sessions will still send
  uint64_t mail_planned_ = 0;  // of all mail sessions so far
  uint64_t planned_ = 0;       // of all sessions so far
  uint64_t forged_ = 0;
  absl::Status status_;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_ENGINE_H_
