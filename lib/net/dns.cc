#include "lib/net/dns.h"

#include <algorithm>

#include "lib/net/wire.h"

namespace mailtap::net {
namespace {

constexpr uint32_t kHeader = 12;
constexpr uint32_t kQuestionRest = 4;  // type and class
constexpr uint32_t kRecordRest = 10;   // type, class, TTL, length
constexpr uint16_t kTypeA = 1, kTypeCname = 5, kTypeAaaa = 28, kTypeAny = 255;
constexpr uint16_t kClassInternet = 1;
constexpr uint8_t kPointer = 0xc0;  // the top bits of a length: a pointer's first byte
constexpr int kMostRecords = 128;   // of an answer, looked at

struct Message {
  const uint8_t* data;
  uint32_t size;
};

enum class Skipped { kWhole, kCut, kMalformed };

// Moves `at` past a name as it stands there.
Skipped SkipName(const Message& message, uint32_t& at) {
  const uint32_t start = at;
  while (at < message.size) {
    const uint8_t length = message.data[at];
    if ((length & kPointer) == kPointer) {
      at += 2;
      return at <= message.size ? Skipped::kWhole : Skipped::kCut;
    }
    if ((length & kPointer) != 0) return Skipped::kMalformed;
    at += 1u + length;
    if (length == 0) return Skipped::kWhole;
    if (at - start > DnsAnswer::kMaxLength + 2u) return Skipped::kMalformed;
  }
  return Skipped::kCut;
}

bool IsHostCharacter(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// The name at `at` as text. False where it is malformed, longer than a name may be, or holds
// bytes that no host's name has: a dot inside a label would make it look like another name.
// Pointers only lead to what stands before them, so that this ends.
bool ReadName(const Message& message, uint32_t at, DnsAnswer::Name& name) {
  uint32_t length = 0;
  uint32_t limit = at + 1;  // pointers lead below it
  while (at < message.size) {
    const uint8_t label = message.data[at];
    if ((label & kPointer) == kPointer) {
      if (at + 2 > message.size) return false;
      const uint32_t target = Load16(message.data + at) & 0x3fffu;
      if (target + 1 >= limit) return false;
      at = target;
      limit = target + 1;
      continue;
    }
    if ((label & kPointer) != 0 || at + 1 + label > message.size) return false;
    if (label == 0) {
      name.length = static_cast<uint8_t>(length);
      return length != 0;
    }
    if (length + label + (length != 0 ? 1 : 0) > DnsAnswer::kMaxLength) return false;
    if (length != 0) name.text[length++] = '.';
    for (uint32_t i = 1; i <= label; ++i) {
      uint8_t c = message.data[at + i];
      if (c >= 'A' && c <= 'Z') c |= 0x20;
      if (!IsHostCharacter(c)) return false;
      name.text[length++] = static_cast<char>(c);
    }
    at += 1u + label;
  }
  return false;
}

struct Record {
  uint16_t type;
  uint32_t ttl;
  const uint8_t* data;
  uint32_t at;  // of the data
  uint16_t length;
};

// A TTL with its top bit set means 0 (RFC 2181, 8).
uint32_t Ttl(uint32_t given) {
  return given > 0x7fffffff ? 0 : std::min(given, DnsAnswer::kLongestTtl);
}

void AddAddress(const Record& record, DnsAnswer& answer) {
  if (answer.address_count == DnsAnswer::kMaxAddresses) return;
  answer.addresses[answer.address_count++] =
      record.type == kTypeA ? IpAddress::FromV4(record.data) : IpAddress::FromV6(record.data);
}

// A record of the last name: an address, or what it is an alias of. False where that is no
// name.
bool Take(const Message& message, const Record& record, DnsAnswer& answer) {
  const bool address = (record.type == kTypeA && record.length == 4) ||
                       (record.type == kTypeAaaa && record.length == 16);
  const bool alias = record.type == kTypeCname && answer.address_count == 0;
  if (!address && !alias) return true;
  for (int i = 0; i < answer.name_count; ++i) {
    answer.names[i].ttl = std::min(answer.names[i].ttl, record.ttl);
  }
  if (address) {
    AddAddress(record, answer);
    return true;
  }
  // Of a longer chain the last place holds each next name: the one that records may belong to.
  const int place = std::min(answer.name_count, DnsAnswer::kMaxNames - 1);
  DnsAnswer::Name next;
  if (!ReadName({message.data, record.at + record.length}, record.at, next)) return false;
  next.ttl = DnsAnswer::kLongestTtl;
  answer.names[place] = next;
  answer.name_count = place + 1;
  return true;
}

// Whether the name at `owner_at` is the last of the answer's, which stands at `name_at`. Most
// are a pointer to it.
bool Owns(const Message& message, uint32_t owner_at, uint32_t name_at,
          const DnsAnswer& answer) {
  if (Load16(message.data + owner_at) == (kPointer << 8) + name_at) return true;
  DnsAnswer::Name name;
  return ReadName(message, owner_at, name) &&
         name.view() == answer.names[answer.name_count - 1].view();
}

// The answer section, from `at` on. `name_at`: where the last of the answer's names stands.
DnsResult ReadRecords(const Message& message, uint32_t at, int count, uint32_t& name_at,
                      DnsAnswer& answer) {
  for (int i = 0; i < std::min(count, kMostRecords); ++i) {
    const uint32_t owner_at = at;
    const Skipped owner = SkipName(message, at);
    if (owner == Skipped::kMalformed) return DnsResult::kMalformed;
    if (owner == Skipped::kCut || at + kRecordRest > message.size) break;
    const uint8_t* rest = message.data + at;
    at += kRecordRest;
    const Record record = {Load16(rest), Ttl(Load32(rest + 4)), message.data + at, at,
                           Load16(rest + 8)};
    if (at + record.length > message.size) break;
    at += record.length;
    if (Load16(rest + 2) != kClassInternet || !Owns(message, owner_at, name_at, answer)) {
      continue;
    }
    if (!Take(message, record, answer)) return DnsResult::kNoAnswer;
    if (record.type == kTypeCname && answer.address_count == 0) name_at = record.at;
  }
  return answer.address_count != 0 ? DnsResult::kAnswer : DnsResult::kNoAnswer;
}

}  // namespace

DnsResult ReadDnsAnswer(const uint8_t* data, uint32_t size, DnsAnswer& answer) {
  answer.name_count = answer.address_count = 0;
  const Message message = {data, size};
  if (size < kHeader) return DnsResult::kMalformed;
  // RFC 1035, 4.1.1: a response (QR) to a standard query (opcode 0) without error (RCODE 0),
  // whose reserved bit (Z) is 0.
  constexpr uint16_t kResponse = 0x8000, kOpcode = 0x7800, kReserved = 0x0040, kError = 0x000f;
  const uint16_t flags = Load16(data + 2);
  const uint16_t questions = Load16(data + 4);
  if ((flags & kReserved) != 0) return DnsResult::kMalformed;
  if ((flags & kResponse) == 0 || (flags & (kOpcode | kError)) != 0 || questions != 1) {
    return DnsResult::kNoAnswer;
  }
  uint32_t at = kHeader;
  if (SkipName(message, at) != Skipped::kWhole || at + kQuestionRest > size) {
    return DnsResult::kMalformed;
  }
  const uint16_t type = Load16(data + at);
  const uint16_t dns_class = Load16(data + at + 2);
  const bool asked_address = type == kTypeA || type == kTypeAaaa || type == kTypeAny;
  if (!asked_address || dns_class != kClassInternet) return DnsResult::kNoAnswer;
  DnsAnswer::Name& question = answer.names[0];
  if (!ReadName(message, kHeader, question)) return DnsResult::kNoAnswer;
  question.ttl = DnsAnswer::kLongestTtl;
  answer.name_count = 1;
  // Some servers put the addresses before the aliases that lead to them.
  uint32_t name_at = kHeader;
  DnsResult result = DnsResult::kNoAnswer;
  for (int round = 0; round < 2 && result == DnsResult::kNoAnswer; ++round) {
    if (round != 0 && answer.name_count == 1) break;
    result = ReadRecords(message, at + kQuestionRest, Load16(data + 6), name_at, answer);
  }
  return result;
}

}  // namespace mailtap::net
