// Any bytes as a message of the DNS, and as what a name server says over TCP: the reader stays
// within its bounds, what it gives out is well formed, and what is read of a stream does not
// depend on how it is cut.
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/net/dns.h"
#include "lib/pipeline/dns_streams.h"
#include "tests/fuzz/driver.h"
#include "tests/unit/net/dns_message.h"

namespace mailtap::fuzz {

std::vector<std::string> Seeds() {
  const net::DnsMessage plain = {.records = {{"mail.example.com", 1, 60, "192.0.2.1"}}};
  const net::DnsMessage chain = {.type = 28,
                                 .records = {{"mail.example.com", 5, 300, "a.example.net"},
                                             {"a.example.net", 5, 20, "b.example.org"},
                                             {"b.example.org", 28, 100, "2001:db8::1"}}};
  return {"\x01" + plain.Bytes(), "\x20" + chain.Bytes(),
          "\x03" + net::OverTcp(plain.Bytes()) + net::OverTcp(chain.Bytes())};
}

}  // namespace mailtap::fuzz

namespace {

using mailtap::net::DnsAnswer;

void CheckMessage(const uint8_t* data, std::size_t size) {
  DnsAnswer answer;
  if (mailtap::net::ReadDnsAnswer(data, static_cast<uint32_t>(size), answer) !=
      mailtap::net::DnsResult::kAnswer) {
    return;
  }
  if (answer.name_count < 1 || answer.name_count > DnsAnswer::kMaxNames) std::abort();
  if (answer.address_count < 1 || answer.address_count > DnsAnswer::kMaxAddresses) std::abort();
  for (int i = 0; i < answer.name_count; ++i) {
    const DnsAnswer::Name& name = answer.names[i];
    if (name.length == 0 || name.length > DnsAnswer::kMaxLength) std::abort();
    if (name.ttl > DnsAnswer::kLongestTtl) std::abort();
    for (const char c : name.view()) {
      const bool host =
          (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      if (!host) std::abort();
    }
  }
}

std::vector<std::string> Messages(const uint8_t* data, std::size_t size, std::size_t step) {
  mailtap::pipeline::DnsStreams streams;
  mailtap::net::Segment segment;
  std::vector<std::string> messages;
  const auto take = [&] {
    streams.Take(segment, /*flow_hash=*/1, [&](const uint8_t* message, uint32_t length) {
      CheckMessage(message, length);
      messages.emplace_back(reinterpret_cast<const char*>(message), length);
    });
  };
  segment.flags = mailtap::net::kSyn | mailtap::net::kAck;
  segment.seq = 0xfffffff0;  // wraps soon
  take();
  segment.flags = mailtap::net::kAck;
  ++segment.seq;
  for (std::size_t at = 0; at < size; at += step) {
    segment.payload = data + at;
    segment.length = segment.captured = static_cast<uint32_t>(std::min(step, size - at));
    take();
    segment.seq += segment.length;
  }
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = std::max<std::size_t>(data[0], 1);
  CheckMessage(data + 1, size - 1);
  if (Messages(data + 1, size - 1, step) != Messages(data + 1, size - 1, size)) std::abort();
  return 0;
}
