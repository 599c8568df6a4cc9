#include "app/mailtap-gen/engine.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace mailtap::gen {
namespace {

constexpr uint32_t kTrustedJump = 65'536;  // what a forged segment has to exceed to be a jump

uint32_t LargestFrame(uint32_t asked, Random& random) {
  if (asked != 0) return asked;
  // The "simple IMIX" of 7:4:1, its smallest frame widened to hold a few words of text.
  constexpr uint32_t kSizes[] = {128, 594, 1'514};
  return kSizes[Pick(random, {7, 4, 1})];
}

uint32_t FirstNumber(Random& random) {
  // Some sessions pass the end of the sequence space.
  constexpr double kNearEndPercent = 10;
  constexpr uint32_t kNear = 40'000;
  return random.Chance(kNearEndPercent) ? ~uint32_t{0} - random.Below(kNear)
                                        : static_cast<uint32_t>(random.Next());
}

}  // namespace

Engine::Engine(const EngineOptions& options, const std::vector<RecipeSession>& recipe,
               FrameSink& sink, TruthFile& truth)
    : options_(options),
      sink_(sink),
      truth_(truth),
      population_(options.population),
      random_(options.seed),
      forge_random_(~options.seed),
      pace_(options.rate) {
  for (const RecipeSession& session : recipe) {
    recipe_.push_back({&session});
    recipe_due_ = std::min(recipe_due_, session.at_ns);
  }
  if (options.packets == 0) return;
  flows_.resize(options.flows);
  for (uint32_t slot = 0; slot < options.flows; ++slot) {
    events_.push({random_.Next() % kSecond, slot});  // not all at once
  }
}

absl::Status Engine::Run() {
  while (status_.ok() && !sink_.failed()) {
    const uint64_t traffic =
        events_.empty() ? kNever : pace_.CaptureTime(events_.top().time_ns);
    const uint64_t recipe = recipe_events_.empty() ? kNever : recipe_events_.top().time_ns;
    if (recipe_due_ != kNever && recipe_due_ <= std::min(traffic, recipe)) {
      StartRecipes();
    } else if (recipe <= traffic && recipe != kNever) {
      RunRecipe();
    } else if (traffic != kNever) {
      RunTraffic(traffic);
    } else {
      break;
    }
  }
  return status_;
}

void Engine::RunTraffic(uint64_t now_ns) {
  const Event event = events_.top();
  events_.pop();
  Flow& flow = flows_[event.slot];
  // What is left of the budget belongs to the mail sessions that are open: a mail session is
  // never cut, background is.
  if (flow.mail == nullptr && Budget() == 0) return;
  ports_.Expire(now_ns);
  if (flow.serial == 0) StartTraffic(flow, now_ns);
  Emit(flow, now_ns);
  ++sent_;
  if (flow.mail != nullptr) {
    --mail_left_;
  }
  pace_.OnPacket(event.time_ns);
  if (flow.walker.Next(flow.plan, flow.next)) {
    events_.push({event.time_ns + flow.next.delay_ns, event.slot});
    return;
  }
  Finish(flow, now_ns);
  constexpr uint32_t kShortestRestNs = 100'000, kLongestRestNs = 50'000'000;
  events_.push(
      {event.time_ns + random_.Magnitude(kShortestRestNs, kLongestRestNs), event.slot});
}

// Packets that may still be promised.
uint64_t Engine::Budget() const {
  const uint64_t taken = sent_ + mail_left_;
  return taken < options_.packets ? options_.packets - taken : 0;
}

void Engine::StartTraffic(Flow& flow, uint64_t now_ns) {
  const auto share = options_.mail_share / 100;
  const auto planned = static_cast<double>(std::min(planned_, options_.packets));
  // None starts at the very end, so that the last ones don't go on for long by themselves.
  const double reserve = static_cast<double>(options_.packets) / 16 * (1 - share);
  if (share > 0 && static_cast<double>(mail_planned_) <= share * planned &&
      static_cast<double>(Budget()) >= reserve) {
    // A session has to fit what is left: a small one may, where a usual one does not.
    for (const bool small : {false, true}) {
      const Choice choice = population_.ChooseMail(random_, small);
      Prepare(flow, choice);
      PlanFlow(flow, choice);
      const uint32_t packets = flow.walker.Count(flow.plan);
      if (packets > Budget()) continue;
      mail_left_ += packets;
      mail_planned_ += packets;
      planned_ += packets;
      Open(flow, choice, now_ns);
      return;
    }
  }
  const Choice choice = population_.ChooseBackground(random_);
  Prepare(flow, choice);
  PlanFlow(flow, choice);
  planned_ += flow.walker.Count(flow.plan);
  Open(flow, choice, now_ns);
}

// The flow's constants, before its plan is written.
void Engine::Prepare(Flow& flow, const Choice& choice) {
  flow.plan.Clear();
  flow.plan.rtt_us = random_.Magnitude(200, 60'000);
  flow.addressing = {};
  Addressing& addressing = flow.addressing;
  addressing.timestamps = random_.Chance(85);
  addressing.may_fragment = options_.may_fragment;
  const uint32_t largest = LargestFrame(options_.frame_bytes, random_);
  const bool v6 = choice.client.v6;
  addressing.mss = static_cast<uint16_t>(largest - HeaderBytes(v6, Transport::kTcp, false));
}

void Engine::PlanFlow(Flow& flow, const Choice& choice) {
  flow.plan.parts.clear();
  flow.plan.text.clear();
  PlanWriter writer(flow.plan, random_);
  flow.plan.closer = random_.Chance(70) ? Side::kClient : Side::kServer;
  const std::size_t ending = Pick(random_, {60, 30, 10});
  flow.plan.ending = static_cast<Ending>(ending);
  if (choice.mail) {
    flow.counts = WriteMail(writer, choice.script);
  } else {
    constexpr uint32_t kLargestDownload = 200'000;
    WriteBackground(writer, choice.background, kLargestDownload);
  }
  const bool v6 = choice.client.v6;
  const uint32_t headers = HeaderBytes(v6, flow.plan.transport, flow.addressing.timestamps);
  const uint32_t mss_headers = HeaderBytes(v6, Transport::kTcp, false);
  const uint32_t segment = flow.addressing.mss + mss_headers - headers;
  // A datagram is never cut.
  flow.walker = Walker(flow.plan.transport == Transport::kTcp ? segment : kMaxFrameBytes);
}

void Engine::Open(Flow& flow, const Choice& choice, uint64_t now_ns) {
  flow.serial = ++serial_;
  flow.background = choice.background;
  Addressing& addressing = flow.addressing;
  addressing.icmp_id = random_.Below(65'536);
  const bool refused = flow.plan.ending == Ending::kRefused;
  for (const Side side : {Side::kClient, Side::kServer}) {
    Endpoint& end = addressing.ends[Index(side)];
    end.address = side == Side::kClient ? choice.client : choice.server;
    end.ip_id = static_cast<uint16_t>(random_.Next());
    end.seq = refused && side == Side::kServer ? 0 : FirstNumber(random_);
    end.stamp_base = static_cast<uint32_t>(random_.Next());
  }
  const std::optional<uint16_t> port = ports_.Take(choice.client, choice.server, choice.port);
  if (!port) {
    status_ = absl::ResourceExhaustedError(
        ToString(choice.client) + " has no port left for more connections with " +
        ToString(choice.server) + ": give the recipe more clients or servers");
  }
  addressing.ends[0].port = port.value_or(0);
  addressing.ends[1].port = choice.port;
  if (!options_.encapsulations.empty()) {
    // In turn, so that mail sessions meet all of them.
    const uint64_t turn = choice.mail ? mail_serial_++ : serial_;
    flow.encapsulation = &options_.encapsulations[turn % options_.encapsulations.size()];
  }
  flow.walker.Next(flow.plan, flow.next);
  if (!choice.mail) {
    truth_.AddBackgroundFlow(choice.background);
    return;
  }
  flow.mail = std::make_unique<MailRecord>();
  MailRecord& mail = *flow.mail;
  mail.first_seen_ns = options_.start_ns + static_cast<int64_t>(now_ns);
  mail.client = choice.client;
  mail.server = choice.server;
  mail.client_port = addressing.ends[0].port;
  mail.server_port = choice.port;
  mail.service = choice.script.service;
  mail.tls = choice.script.tls;
  mail.via = choice.script.via;
  mail.sni = choice.script.sni;
  mail.accepted = choice.script.uploads;
  mail.rejected = choice.script.rejected;
  mail.retrievals = choice.script.downloads;
  mail.counts = flow.counts;
  mail.odd_port = choice.odd_port;
  mail.reset = flow.plan.ending == Ending::kReset;
  mail.origin = flow.recipe == 0 ? "traffic" : recipe_[flow.recipe - 1].session->name;
  if (flow.encapsulation != nullptr) mail.encap = flow.encapsulation->Tags();
  if (forge_random_.Chance(options_.forge)) flow.forge_left = forge_random_.Between(1, 3);
}

void Engine::Emit(Flow& flow, uint64_t now_ns) {
  const Step step = flow.next;
  const bool tcp = flow.plan.transport == Transport::kTcp;
  const uint32_t length =
      WriteFrame(pool_, flow.plan, step, now_ns, flow.addressing, frame_.data());
  const auto time = options_.start_ns + static_cast<int64_t>(now_ns);
  const uint32_t payload = tcp && !step.probe ? step.length : 0;
  sink_.Accept({time, frame_.data(), length, length},
               {flow.serial, step.side, payload, flow.encapsulation});
  if (flow.mail == nullptr) {
    truth_.AddBackgroundPacket(flow.background);
    return;
  }
  MailRecord& mail = *flow.mail;
  mail.last_seen_ns = time;
  mail.traffic.bytes[Index(step.side)] += payload;
  ++mail.traffic.packets[Index(step.side)];
  if (flow.forge_left != 0 && payload != 0 && forge_random_.Chance(20)) {
    --flow.forge_left;
    ++mail.forged;
    Forge(flow, now_ns, step.side);
  }
}

// A segment that `side` never sent: its numbers are off, all else is right.
void Engine::Forge(const Flow& flow, uint64_t now_ns, Side side) {
  Addressing copy = flow.addressing;
  Endpoint& sender = copy.ends[Index(side)];
  constexpr uint32_t kMostBytes = 1'000;
  Plan words;
  words.parts.push_back({static_cast<uint32_t>(forge_random_.Next()),
                         forge_random_.Between(1, kMostBytes), 0, Fill::kLines, side, true});
  if (options_.forge_within != 0) {
    sender.seq += forge_random_.Between(1, options_.forge_within);
  } else {
    const uint32_t clear = kTrustedJump + kMostBytes + 1;
    sender.seq += clear + forge_random_.Below(~uint32_t{0} - 2 * clear);
  }
  sender.ip_id = static_cast<uint16_t>(forge_random_.Next());
  Step step;
  step.side = side;
  step.flags = kAck | kPsh;
  step.length = std::min<uint32_t>(words.parts[0].length, copy.mss - 12u);
  const uint32_t length = WriteFrame(pool_, words, step, now_ns, copy, frame_.data());
  const auto time = options_.start_ns + static_cast<int64_t>(now_ns);
  sink_.Accept({time, frame_.data(), length, length},
               {flow.serial, side, step.length, flow.encapsulation});
  ++forged_;
}

void Engine::Finish(Flow& flow, uint64_t now_ns) {
  const Endpoint& client = flow.addressing.ends[0];
  const Endpoint& server = flow.addressing.ends[1];
  ports_.Release(client.address, client.port, server.address, server.port, now_ns);
  if (flow.mail != nullptr) truth_.AddMail(*flow.mail);
  flow.mail.reset();
  flow.forge_left = 0;
  flow.serial = 0;
}

}  // namespace mailtap::gen
