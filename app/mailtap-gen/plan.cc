#include "app/mailtap-gen/plan.h"

#include <algorithm>

#include "app/mailtap-gen/fill.h"

namespace mailtap::gen {

void PlanWriter::Say(Side side, std::string_view text) {
  const auto length = static_cast<uint32_t>(text.size());
  if (sealed_) {
    SayFill(side, Fill::kRandom, length);
    return;
  }
  const auto offset = static_cast<uint32_t>(plan_.text.size());
  plan_.text += text;
  Add(side, Fill::kText, offset, length);
}

void PlanWriter::SayFill(Side side, Fill fill, uint32_t length) {
  if (length == 0) return;
  const auto seed = static_cast<uint32_t>(random_.Next());
  if (sealed_) {
    Add(side, Fill::kRecords, seed, SealedLength(length));
  } else {
    Add(side, fill, seed, length);
  }
}

void PlanWriter::Pause(uint32_t microseconds) {
  pause_us_ = std::max(pause_us_, microseconds);
  if (!plan_.parts.empty()) plan_.parts.back().last = true;
}

void PlanWriter::Add(Side side, Fill fill, uint32_t offset, uint32_t length) {
  std::vector<Part>& parts = plan_.parts;
  if (!parts.empty() && parts.back().side != side) parts.back().last = true;
  Part part{offset, length, 0, fill, side, false};
  if (parts.empty() || parts.back().last) {
    // Half a round trip for the words to arrive, and a moment to find an answer.
    part.delay_us = std::max(pause_us_, plan_.rtt_us / 2 + random_.Magnitude(50, 5'000));
    pause_us_ = 0;
  } else if (fill == Fill::kText && parts.back().fill == Fill::kText) {
    parts.back().length += length;
    return;
  }
  parts.push_back(part);
}

}  // namespace mailtap::gen
