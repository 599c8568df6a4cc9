// A worker's whole data plane: decode, filter, place in a session, account, read what must be
// read, and once a tick flush what changed. Run to completion; DPDK-free.
//
// One thread owns a worker and makes every call but counters(). Nothing is allocated after
// Create, nothing blocks, nothing logs.
#ifndef MAILTAP_LIB_PIPELINE_WORKER_H_
#define MAILTAP_LIB_PIPELINE_WORKER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "lib/classify/port_table.h"
#include "lib/classify/recogniser.h"
#include "lib/config/config.h"
#include "lib/exchange/known_servers.h"
#include "lib/exchange/ring.h"
#include "lib/flow/copy_table.h"
#include "lib/flow/hole_pool.h"
#include "lib/flow/sequence.h"
#include "lib/flow/session_table.h"
#include "lib/flow/suspicion.h"
#include "lib/flow/timer_wheel.h"
#include "lib/flow/unheard.h"
#include "lib/meter/conversation_table.h"
#include "lib/net/plain_tcp.h"
#include "lib/pipeline/answers.h"
#include "lib/pipeline/counters.h"
#include "lib/pipeline/dialogue_pool.h"
#include "lib/pipeline/first_look.h"
#include "lib/pipeline/handshakes.h"
#include "lib/pipeline/intern.h"
#include "lib/pipeline/packet_view.h"
#include "lib/pipeline/pending.h"
#include "lib/pipeline/reassembler.h"
#include "lib/pipeline/session_state.h"
#include "lib/pipeline/tls_names.h"

namespace mailtap::pipeline {

class Worker {
 public:
  // Brings what every packet's look reads into the caches.
  static void Prefetch(const PacketView& packet) {
    PrefetchPacket(packet.data);
    PrefetchPacket(packet.data + kCacheLine);
  }

  // Allocates every table. `ring` takes the records, `known_servers` (may be null) says which
  // servers on odd ports have spoken mail; both outlive the worker.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(
      const config::Config& config, std::shared_ptr<const classify::PatternDatabase> patterns,
      exchange::RecordRing& ring, const exchange::KnownServers* known_servers = nullptr);

  // A process before this one has counted the sessions that were there: those that are met
  // mid-stream and first seen before `until` are counted as sessions no more. Before Process().
  void ResumeSessions(UnixNanos until) { counted_before_ = until; }

  // Packets of the tick under way, in order, whose bytes stay until it returns.
  void Process(absl::Span<const PacketView> packets);

  // The same in two steps, for who has called Prefetch() for the packets some time before: the
  // bytes of all that were taken stay until Settle() returns, or the end of a tick.
  void Take(absl::Span<const PacketView> packets);
  void Settle();

  // Ends `tick`: settles and expires what fell due before its end and pushes what changed.
  // False when the ring filled up: call again once there is room, with the same tick, or go on
  // with the next tick and let the rest wait.
  bool EndTick(int64_t tick);

  // Ends every session, as if all had idled out, and flushes. Returns like EndTick.
  bool Finish(int64_t tick);

  // The earliest tick whose EndTick has something to do without further packets, or INT64_MAX.
  int64_t NextEventTick() const;

  // Any thread.
  const WorkerCounters& counters() const { return counters_; }

  // What its tables take for the sessions that `limits.sessions` has room for, and for all that
  // belongs to them. Any thread.
  std::size_t session_bytes() const {
    return sessions_.bytes() + dialogues_.bytes() + holes_.bytes() + names_.bytes() +
           dirty_.capacity() * sizeof(uint32_t);
  }

 private:
  static constexpr uint32_t kPendingSlots = 32;
  // A packet's cold record is asked for when so many more are queued behind it, its dialogue
  // when so many are ahead of it.
  static constexpr uint32_t kHotAhead = 10, kDialogueAhead = 3;

  Worker(const config::Config& config, classify::Recogniser recogniser,
         exchange::RecordRing& ring, const exchange::KnownServers* known_servers);

  // Filter (filter.cc)
  void TakeSegment(uint32_t encap_tag, UnixNanos time);
  void CountCut(const PacketView& packet);
  void TakeOther(const PacketView& packet);
  void TakeFragment(net::Segment fragment, UnixNanos time);
  void ProcessWhole(const PacketView& packet);
  void TakeDecoded(const PacketView& packet, net::Outcome outcome);
  void KeepSample(const PacketView& packet, net::Outcome outcome);
  bool MayBeWanted(const net::PlainTcp& tcp) const;
  bool Wanted(Pending& pending);
  void Queue();
  void AskForCold(uint32_t i);

  // One packet (worker.cc)
  void Handle(Pending& pending);
  uint32_t FindOrCreate(Pending& pending, const flow::SessionKey& key, flow::End& end);
  void FollowOther(flow::HotSession& hot, flow::End end, const net::Segment& segment,
                   UnixNanos time);
  void Account(uint32_t slot, flow::End end, const Pending& pending);
  void Establish(flow::HotSession& hot);
  void AccountReset(flow::HotSession& hot, flow::ColdSession& cold, flow::End end,
                    const Pending& pending);
  // Out of line, or it takes registers from what is not rare.
  [[gnu::noinline]] void AccountNumbers(flow::HotSession& hot, flow::ColdSession& cold,
                                        flow::End end, const Pending& pending);
  void MarkDirty(flow::HotSession& hot) {
    if (hot.state.dirty == 0) AddDirty(hot);
  }
  void AddDirty(flow::HotSession& hot);
  void CountCopy(flow::HotSession& hot, flow::End end, uint32_t bytes);

  // New sessions (opening.cc)
  uint32_t Create(const Pending& pending, const flow::SessionKey& key);
  void CountUnattributed(const Pending& pending);
  flow::Handshake* NoteOf(Pending& pending);
  void LeaveNote(Pending& pending);
  // `handshake`: the one that the packet goes on with, where it is known to.
  uint32_t CreateOnMailPort(Pending& pending, const flow::SessionKey& key,
                            flow::Handshake* handshake = nullptr);
  void TakeHandshake(flow::HotSession& hot, flow::End client, flow::Handshake& handshake,
                     UnixNanos time);
  uint32_t CreateUndecided(const Pending& pending, const flow::SessionKey& key);
  bool DeservesSession(const Pending& pending, const flow::SessionKey& key,
                       const Beginning& beginning, bool word, bool hello);
  uint32_t CreateToRead(const Pending& pending, const flow::SessionKey& key);
  uint32_t CreateBehindItsWords(const Pending& pending, const flow::SessionKey& key);
  uint32_t OnForeignWords(const Pending& pending, const flow::SessionKey& key);
  uint32_t CreateOnOddPort(const Pending& pending, const flow::SessionKey& key);
  uint32_t CreateAtHandshake(const Pending& pending, const flow::SessionKey& key);
  bool OpensInHandshake(const net::Segment& segment);
  bool HasRoomForUndecided();
  bool IsWithKnownServer(const flow::SessionKey& key) const;
  bool LeadsToKnownServer(const flow::SessionKey& key, bool from_server) const;

  // Ports used again (port_reuse.cc)
  static bool AnswersSyn(const flow::HotSession& hot, flow::End end,
                         const net::Segment& segment);
  bool HasOtherNumbers(const flow::HotSession& hot, flow::End end,
                       const net::Segment& segment) const;
  static bool IsOver(const flow::HotSession& hot, flow::End end, uint8_t flags);
  uint32_t OutOfWindow(const net::Segment& segment);
  uint32_t StartAnew(Pending& pending, const flow::SessionKey& key, uint32_t slot,
                     flow::End& end);

  // Text (reading.cc)
  bool StartReading(uint32_t slot);
  void Read(uint32_t slot, flow::End end, const net::Segment& segment);
  bool Offer(uint32_t slot, flow::End end, const TextSegment& piece);
  void ReadOverGaps(uint32_t slot, flow::End end, const TextSegment& piece);
  bool GiveText(uint32_t slot, flow::End end, const TextSegment& piece);
  Turns TurnsOf(const flow::HotSession& hot) const;
  bool PassGap(flow::HotSession& hot, flow::End lost_end, uint32_t to);
  void Resume(uint32_t slot, flow::End lost_end);
  void ReadHeld(uint32_t slot);
  void OnText(uint32_t slot, flow::End end, const TextSegment& piece);
  void ReadOpening(const flow::HotSession& hot, flow::End end, const TextSegment& piece);

  // Where it starts (text_start.cc)
  bool AwaitsHandshake(const flow::HotSession& hot, flow::End end, uint8_t flags,
                       const TextSegment& piece) const;
  bool HoldForHandshake(const flow::HotSession& hot, flow::End end, uint8_t flags,
                        const TextSegment& piece);
  void ReadWithoutHandshake(uint32_t slot);
  void BeginText(flow::HotSession& hot, flow::End end, const TextSegment& at_hand);
  bool ReadSupposed(uint32_t slot);

  // Messages (transfers.cc)
  void CountAs(const flow::HotSession& hot, Service service);
  void ChooseCounter(const flow::HotSession& hot, const TextSegment& piece);
  void ReadServer(uint32_t slot, const TextSegment& piece);
  void ReadReplies(uint32_t slot, const TextSegment& piece);
  void Compressed(flow::HotSession& hot);
  bool ReadHeard(uint32_t slot, uint32_t ack);
  void OverlookedEnd(flow::HotSession& hot, uint32_t ack);
  void ReadClient(uint32_t slot, const TextSegment& piece);
  uint32_t ReadCommands(flow::HotSession& hot, const TextSegment& piece);
  static void NoteRefusal(Dialogue& dialogue, const net::Segment& segment);
  void EndRetrieval(const flow::HotSession& hot, const TextSegment& piece);
  void Stop(flow::HotSession& hot, const TextSegment& piece, uint32_t taken);
  void SkipAhead(flow::HotSession& hot, flow::End end, uint32_t missing);
  void ReadMessageText(uint32_t slot, const TextSegment& piece);
  uint32_t Heard(const flow::HotSession& hot, flow::End by, uint32_t ack) const;
  void StartText(const flow::HotSession& hot, flow::End sender, uint32_t number);
  uint64_t TextUpTo(const flow::HotSession& hot, flow::End sender, uint32_t number) const;

  // What goes before a dialogue (preface.cc)
  bool OpenPreface(uint32_t slot, const TextSegment& piece, uint32_t said_before);
  bool MayOpenPreface(const flow::HotSession& hot) const;
  bool OpenAnswer(uint32_t slot, const TextSegment& piece);
  void AbandonPreface(flow::HotSession& hot);
  void ReadPreface(uint32_t slot, flow::End end, const TextSegment& piece);
  void BeginDialogue(flow::HotSession& hot, flow::End end, uint32_t seq);

  // TLS (tls.cc)
  void ReadTls(uint32_t slot, flow::End end, const TextSegment& piece);
  void ReadCertificate(flow::HotSession& hot, const TextSegment& piece);
  bool StartsWithHello(const flow::HotSession& hot, const TextSegment& piece) const;
  void StartHello(uint32_t slot, const TextSegment& piece, uint32_t at);
  void JudgeHello(uint32_t slot, bool finished);
  bool AwaitsTls(const flow::HotSession& hot) const;
  bool SpokeClear(const flow::HotSession& hot) const;
  void RefuseHello(flow::HotSession& hot);
  bool MayRefuseMail(const flow::HotSession& hot) const;
  void ReadAsClear(flow::HotSession& hot, const TextSegment& piece);
  void ReadClearAnswer(uint32_t slot, const TextSegment& piece);
  bool AcceptHello(uint32_t slot);
  std::optional<Service> ClaimedIn(const classify::TlsHelloParser& hello, uint16_t port) const;
  bool RulesMailOut(const net::Segment& hello) const;
  bool JudgeServerTls(uint32_t slot);
  bool AnswersUnseenHello(uint32_t slot, const TextSegment& piece);
  bool GoesOnInRecords(const flow::HotSession& hot, flow::End end, const TextSegment& piece);
  bool JudgeRecord(uint32_t slot, flow::End end, const TextSegment& piece);
  std::optional<Service> GreetedAs(const flow::HotSession& hot) const;
  static bool AskedForTls(const Dialogue& dialogue);
  bool OpenedOtherwise(const flow::HotSession& hot) const;
  bool MayHaveAskedForTls(const flow::HotSession& hot) const;
  uint16_t TargetPort(const flow::HotSession& hot) const;

  // Verdicts (judging.cc)
  struct Hint {
    bool known = false;
    Service service = Service::kSmtp;
    bool tls = false;
  };
  void Judge(uint32_t slot, bool finished);
  void Decide(flow::HotSession& hot, flow::Stage stage);
  bool MayBeHidden(const Dialogue& dialogue, bool by_gap, bool finished);
  void Accept(uint32_t slot, Service service, Evidence evidence, Tls tls);
  void AcceptByPort(uint32_t slot, const Hint& port);
  void Reject(uint32_t slot, bool contradicts = true);
  void StopReading(flow::HotSession& hot);
  void KeepName(flow::HotSession& hot, absl::string_view name);
  void SendBannerName(const flow::HotSession& hot, const OpeningText& opening);
  Hint PortHint(const flow::HotSession& hot) const;
  Hint PastHint(const flow::HotSession& hot) const;

  // Ticks (ticking.cc)
  bool SendEncaps();
  void ExpireFragments(UnixNanos now);
  void SettleDue(UnixNanos now);
  bool Expire(int64_t tick);
  bool GoesOn(uint32_t slot);
  bool AwaitsAnswer(const flow::HotSession& hot, const flow::ColdSession& cold) const;
  bool SpeaksTlsAsItsPort(const flow::HotSession& hot) const;
  int64_t DueTick(const flow::HotSession& hot, const flow::ColdSession& cold) const;
  void Schedule(flow::HotSession& hot);
  void SetGauges(int64_t tick);

  // Counts (folding.cc)
  void Fold(flow::HotSession& hot);
  struct Messages {
    uint32_t accepted = 0;
    uint32_t rejected = 0;
  };
  // Those that Fold() has not told of yet.
  Messages TakeMessages(const flow::HotSession& hot, const flow::ColdSession& cold);
  meter::ConversationKey KeyOf(const flow::HotSession& hot) const;
  void Converse(const flow::HotSession& hot, flow::ColdSession& cold);

  // Ends of sessions (ending.cc)
  bool EndSession(uint32_t slot);
  void CloseText(uint32_t slot);
  bool Report(const flow::HotSession& hot, bool counted_at_end);
  bool HeardWhole(const flow::HotSession& hot) const;
  void TellMessages(const flow::HotSession& hot, meter::SessionRecord& record) const;
  bool SendName(const flow::HotSession& hot, meter::NameSource source, absl::string_view name);
  void Label(const flow::HotSession& hot, meter::NameSource source, absl::string_view name);
  void CountFailed(const flow::HotSession& hot);
  void Forget(uint32_t slot);

  void CountMismatch(Mismatch what) {
    counters_.port_content_mismatch[static_cast<int>(what)].Add(1);
  }
  void Short(Shortage what) { counters_.shortages[static_cast<int>(what)].Add(1); }

  const config::Timeouts timeouts_;
  Reassembler reassembler_;
  classify::PortTable ports_;
  const TlsNames tls_names_;
  const FirstLook first_look_;
  classify::Recogniser recogniser_;
  exchange::RecordRing& ring_;
  const exchange::KnownServers* const known_servers_;  // or null

  WorkerCounters counters_;
  flow::SessionTable sessions_;
  flow::HolePool holes_;
  flow::Sequencer sequencer_;
  flow::TimerWheel timers_;
  Handshakes handshakes_;
  flow::SuspicionArray suspicion_;
  flow::UnheardTable unheard_;
  flow::CopyTable copies_;
  meter::ConversationTable conversations_;
  DialoguePool dialogues_;
  NameTable names_;
  EncapTable encaps_;
  const uint32_t split_kinds_;  // kinds of encapsulation that keep address spaces apart
  EncapTable split_encaps_;     // what the encap tags stand for
  Answers answers_;
  uint32_t sent_encaps_ = 0;  // how many of these the control core knows
  std::array<int64_t, net::kOutcomeCount> samples_left_;
  std::vector<uint32_t> dirty_;  // cold records of sessions with pending counts
  std::array<Pending, kPendingSlots> pending_;
  uint32_t pending_count_ = 0;
  uint32_t established_ = 0;  // mail sessions
  const uint32_t most_half_open_;
  uint32_t half_open_ = 0;  // see IsHalfOpen
  const uint32_t most_unnoted_;
  bool left_notes_ = false;  // of SYNs on mail ports
  const uint32_t most_undecided_;
  uint32_t undecided_ = 0;  // see IsUndecided
  const uint32_t most_others_;
  uint32_t others_ = 0;            // that are followed though they are no mail
  UnixNanos counted_before_ = 0;   // see ResumeSessions()
  UnixNanos now_ = 0;              // of the packet at hand
  int64_t full_tick_ = INT64_MIN;  // the last that found the ring full
  bool started_ = false;           // a first packet has set the clock
  bool remove_ = false;            // the session at hand is not mail, and is to be removed
};

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_WORKER_H_
