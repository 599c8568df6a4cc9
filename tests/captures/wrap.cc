// Wraps the IP packets of Ethernet captures, and cuts them into fragments before that.
//
// usage: wrap KINDS FRAGMENT FOLDER CAPTURE...
//   KINDS     as mailtap-gen's --encap takes them; "" for none
//   FRAGMENT  most IP payload bytes in a fragment, a multiple of 8; 0 for whole packets
//
// Writes FOLDER/0.pcap, FOLDER/1.pcap and so on. Frames that hold no whole IP packet stay as
// they are; so do those too large for another header.
#include <pcap/pcap.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "app/mailtap-gen/encapsulation.h"
#include "app/mailtap-gen/frame.h"
#include "app/mailtap-gen/mirror.h"
#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

constexpr std::size_t kLargest = 65'000;  // leaves room for headers in 16 bits of length

// Cuts the link layer's padding off. False where the frame holds no IP packet, or not all of
// it.
bool TrimToIp(FrameBytes& frame) {
  if (frame.size() < kEthernetBytes + 20 || frame.size() > kLargest) return false;
  const uint32_t type = Get16(frame.data() + 12);
  const uint8_t* ip = frame.data() + kEthernetBytes;
  uint32_t size = 0;
  if (type == kIpv4Type) size = Get16(ip + 2);
  if (type == kIpv6Type && frame.size() >= kEthernetBytes + 40) size = 40 + Get16(ip + 4);
  if (size < 20 || kEthernetBytes + size > frame.size()) return false;
  frame.resize(kEthernetBytes + size);
  return true;
}

// A packet that is a fragment already, or has options that not all fragments would keep, is
// left whole. Senders give no id to packets that must not be cut, so these get one each.
std::vector<FrameBytes> Cut(FrameBytes frame, uint32_t payload, uint32_t id) {
  uint8_t* ip = frame.data() + kEthernetBytes;
  const bool v6 = ip[0] >> 4 == 6;
  constexpr uint8_t kTcp = 6, kAh = 51;
  const uint8_t protocol = v6 ? ip[6] : ip[9];
  const bool plain = v6 || ((ip[0] & 0x0f) == 5 && (Get16(ip + 6) & 0x3fff) == 0);
  if (payload == 0 || !plain || (protocol != kTcp && protocol != kAh)) return {frame};
  if (!v6) {
    Put16(ip + 4, id);
    FixIpv4Checksum(ip);
  }
  return Fragment(frame, payload, id);
}

// `id` goes on from capture to capture, since they are replayed together.
bool WrapCapture(const Encapsulation& encapsulation, uint32_t payload, const std::string& from,
                 const std::string& to, uint32_t& id) {
  char error[PCAP_ERRBUF_SIZE] = "";
  pcap_t* source =
      pcap_open_offline_with_tstamp_precision(from.c_str(), PCAP_TSTAMP_PRECISION_NANO, error);
  if (source == nullptr || pcap_datalink(source) != DLT_EN10MB) {
    std::fprintf(stderr, "%s: no Ethernet capture: %s\n", from.c_str(), error);
    return false;
  }
  pcap_dumper_t* out = pcap_dump_open(source, to.c_str());
  if (out == nullptr) {
    std::fprintf(stderr, "%s\n", pcap_geterr(source));
    return false;
  }
  const auto write = [out](pcap_pkthdr header, const FrameBytes& frame) {
    header.len += static_cast<uint32_t>(frame.size()) - header.caplen;
    header.caplen = static_cast<uint32_t>(frame.size());
    pcap_dump(reinterpret_cast<u_char*>(out), &header, frame.data());
  };
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(source, &header, &data) == 1) {
    FrameBytes frame(data, data + header->caplen);
    if (!TrimToIp(frame)) {
      write(*header, frame);
      continue;
    }
    pcap_pkthdr whole = *header;
    whole.len = whole.caplen;  // without the padding
    encapsulation.WrapBeforeFragments(frame);
    for (FrameBytes& piece : Cut(std::move(frame), payload, ++id)) {
      encapsulation.WrapAfterFragments(piece);
      write(whole, piece);
    }
  }
  const bool written = pcap_dump_flush(out) == 0;
  pcap_dump_close(out);
  pcap_close(source);
  return written;
}

int Main(int argc, char** argv) {
  if (argc < 5) return 1;
  const auto encapsulation = Encapsulation::Parse(argv[1]);
  if (!encapsulation.ok()) {
    std::fprintf(stderr, "%s\n", std::string(encapsulation.status().message()).c_str());
    return 1;
  }
  const auto payload = static_cast<uint32_t>(std::atoi(argv[2]));
  const std::string folder = argv[3];
  uint32_t id = 0;
  for (int i = 4; i < argc; ++i) {
    if (!WrapCapture(*encapsulation, payload, argv[i],
                     folder + "/" + std::to_string(i - 4) + ".pcap", id)) {
      return 1;
    }
  }
  for (const std::string& tag : encapsulation->Tags()) std::printf("%s\n", tag.c_str());
  return 0;
}

}  // namespace
}  // namespace mailtap::gen

int main(int argc, char** argv) { return mailtap::gen::Main(argc, argv); }
