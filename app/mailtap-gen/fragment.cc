#include <algorithm>
#include <vector>

#include "app/mailtap-gen/mirror.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr uint32_t kMoreFragments = 0x2000;
constexpr uint32_t kDontFragment = 0x4000;
constexpr uint8_t kFragmentProtocol = 44;
constexpr std::size_t kFragmentHeader = 8;

}  // namespace

// RFC 791, 3.2; RFC 8200, 4.5.
std::vector<FrameBytes> Fragment(const FrameBytes& frame, uint32_t payload, uint32_t v6_id) {
  const bool v6 = frame[kEthernetBytes] >> 4 == 6;
  const std::size_t ip_bytes = v6 ? 40 : 20;
  const std::size_t start = kEthernetBytes + ip_bytes;
  const std::size_t total = frame.size() - start;
  if (total <= payload) return {frame};
  std::vector<FrameBytes> fragments;
  for (std::size_t offset = 0; offset < total; offset += payload) {
    const std::size_t size = std::min<std::size_t>(payload, total - offset);
    const bool more = offset + size < total;
    FrameBytes fragment(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(start));
    uint8_t* ip = fragment.data() + kEthernetBytes;
    const auto at = static_cast<uint32_t>(offset);
    if (v6) {
      uint8_t header[kFragmentHeader] = {ip[6], 0};
      Put16(header + 2, at | (more ? 1 : 0));
      Put32(header + 4, v6_id);
      ip[6] = kFragmentProtocol;
      Put16(ip + 4, static_cast<uint32_t>(size + kFragmentHeader));
      fragment.insert(fragment.end(), header, header + kFragmentHeader);
    } else {
      Put16(ip + 2, static_cast<uint32_t>(size + ip_bytes));
      Put16(ip + 6,
            (Get16(ip + 6) & ~(kDontFragment | 0x1fff)) | at / 8 | (more ? kMoreFragments : 0));
      FixIpv4Checksum(ip);
    }
    const auto from = frame.begin() + static_cast<std::ptrdiff_t>(start + offset);
    fragment.insert(fragment.end(), from, from + static_cast<std::ptrdiff_t>(size));
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

}  // namespace mailtap::gen
