// A session under way, and where its frames go.
#ifndef MAILTAP_APP_MAILTAP_GEN_FLOW_H_
#define MAILTAP_APP_MAILTAP_GEN_FLOW_H_

#include <cstdint>
#include <memory>

#include "app/mailtap-gen/background.h"
#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/frame.h"
#include "app/mailtap-gen/plan.h"
#include "app/mailtap-gen/truth.h"
#include "app/mailtap-gen/walker.h"

namespace mailtap::gen {

struct Flow {
  Plan plan;
  Walker walker;
  Step next;  // what it will send when its time comes
  Addressing addressing;
  uint64_t serial = 0;  // unique in a run
  const Encapsulation* encapsulation = nullptr;
  std::unique_ptr<MailRecord> mail;  // null for background
  MailCounts counts;                 // of the plan, where it is mail's
  uint32_t forge_left = 0;           // segments still to be forged
  uint32_t recipe = 0;  // index + 1 of the recipe's session; 0 for generated traffic
  Background background = Background::kHttp;
};

// What a mirror has to know of a frame besides its bytes.
struct FrameInfo {
  uint64_t flow = 0;  // Flow::serial
  Side side = Side::kClient;
  uint32_t payload = 0;                          // of TCP, in bytes; 0 for probes and all else
  const Encapsulation* encapsulation = nullptr;  // null: none
};

// Takes frames in the order of their times.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // `frame` is valid during the call only.
  virtual void Accept(const FrameView& frame, const FrameInfo& info) = 0;
  // Whether there is no use in going on.
  virtual bool failed() const = 0;
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_FLOW_H_
