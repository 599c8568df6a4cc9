// The start of a frame that can't be decoded, for diagnosis.
#ifndef MAILTAP_LIB_PIPELINE_SAMPLE_H_
#define MAILTAP_LIB_PIPELINE_SAMPLE_H_

#include "lib/meter/records.h"
#include "lib/net/decode.h"
#include "lib/pipeline/packet_view.h"
#include "lib/pipeline/reassembler.h"

namespace mailtap::pipeline {

// Of a frame or packet that decodes to `outcome`, a drop: the headers that tell it so, and no
// content behind them. Pure; as costly as decoding it a hundred times.
meter::SampleRecord SampleOf(const PacketView& packet, net::Outcome outcome,
                             const Reassembler& reassembler);

}  // namespace mailtap::pipeline

#endif  // MAILTAP_LIB_PIPELINE_SAMPLE_H_
