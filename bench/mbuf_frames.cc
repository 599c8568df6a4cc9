#include "bench/mbuf_frames.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace mailtap::bench {

MbufFrames::MbufFrames(const std::string& arguments) : mbufs_(kFrames) {
  const std::string command = std::string(MAILTAP_GEN) +
                              " --format pcap-ns --packets 200k --out - --truth /dev/null"
                              " --summary /dev/null " +
                              arguments + " 2>/dev/null";
  std::FILE* pipe = ::popen(command.c_str(), "r");
  uint8_t file_header[24];
  uint32_t record[4];  // seconds, nanoseconds, captured, wire length
  bool good = pipe != nullptr && std::fread(file_header, sizeof(file_header), 1, pipe) == 1;
  std::vector<uint8_t> frame(256 << 10);
  while (good && count_ < kFrames) {
    good = std::fread(record, sizeof(record), 1, pipe) == 1 && record[2] <= frame.size() &&
           std::fread(frame.data(), record[2], 1, pipe) == 1;
    if (good) Add(frame.data(), record[2], record[3], record[0] * kNanosPerSecond + record[1]);
  }
  if (pipe != nullptr) ::pclose(pipe);
  if (count_ == kFrames) return;
  std::fprintf(stderr, "%s: no 200,000 packets\n", command.c_str());
  std::exit(EXIT_FAILURE);
}

void MbufFrames::Add(const uint8_t* frame, uint32_t captured, uint32_t wire_length,
                     UnixNanos time) {
  Mbuf& mbuf = mbufs_[count_++];
  mbuf.buf_addr = mbuf.headroom;
  mbuf.data_off = sizeof(mbuf.headroom);
  mbuf.data_len = std::min<uint32_t>(captured, sizeof(mbuf.data));
  mbuf.pkt_len = wire_length;
  mbuf.time = time;
  std::memcpy(mbuf.data, frame, mbuf.data_len);
}

}  // namespace mailtap::bench
