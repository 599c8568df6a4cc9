// Where the mirror's frames go: a capture, or memory from which a port sends them.
#ifndef MAILTAP_APP_MAILTAP_GEN_FRAME_WRITER_H_
#define MAILTAP_APP_MAILTAP_GEN_FRAME_WRITER_H_

#include "app/mailtap-gen/frame.h"

namespace mailtap::gen {

class FrameWriter {
 public:
  virtual ~FrameWriter() = default;
  // `frame` is valid during the call only.
  virtual void Write(const FrameView& frame) = 0;
  // Whether what was written is lost, and all else will be.
  virtual bool failed() const { return false; }
};

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_FRAME_WRITER_H_
