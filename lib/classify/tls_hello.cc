#include "lib/classify/tls_hello.h"

#include <algorithm>

#include "lib/base/cache_line.h"
#include "lib/net/wire.h"

namespace mailtap::classify {
namespace {

constexpr uint8_t kClientHello = 1;
constexpr uint8_t kServerHello = 2;
constexpr uint32_t kMaxRecord = 16'384 + 2'048;  // RFC 5246, 6.2.3
constexpr uint16_t kServerNameExtension = 0;
constexpr uint16_t kAlpnExtension = 16;
constexpr uint32_t kExtensionHeaderBytes = 4;  // type and length

bool IsNameByte(uint8_t c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// Whether a record with such a handshake message opens `data`, as far as it goes.
bool OpensWith(uint8_t message, const uint8_t* data, std::size_t size) {
  if (size > 0 && data[0] != kTlsHandshakeRecord) return false;
  if (size > 1 && data[1] != 3) return false;
  if (size > 2 && data[2] > 4) return false;
  return size <= 5 || data[5] == message;
}

// Of an ALPN name, whose last eight bytes are a number. "imap" and "pop3" are registered (RFC
// 7301, 6); Exim's clients and servers call SMTP "smtp" or "esmtp" (its option tls_alpn).
std::optional<Service> MailService(uint64_t name) {
  constexpr uint64_t kImap = 0x696d6170, kPop3 = 0x706f7033, kSmtp = 0x736d7470,
                     kEsmtp = 0x65'736d7470;
  if (name == kImap) return Service::kImap;
  if (name == kPop3) return Service::kPop3;
  if (name == kSmtp || name == kEsmtp) return Service::kSmtp;
  return std::nullopt;
}

// Whether one of an ALPN extension's names is mail's; names have a byte of length.
bool NamesMail(const uint8_t* list, std::size_t size) {
  for (std::size_t at = 2; at < size;) {
    const std::size_t end = at + 1 + list[at];
    if (end > size) return false;
    uint64_t name = 0;
    while (++at < end) name = name << 8 | list[at];
    if (MailService(name).has_value()) return true;
  }
  return false;
}

}  // namespace

bool LooksLikeTlsRecord(const uint8_t* data, std::size_t size) {
  if (size < kRecordStart || !IsTlsRecordType(data[0]) || data[1] != 3 || data[2] > 4)
    return false;
  const uint32_t length = data[3] << 8 | data[4];
  return length != 0 && length <= kMaxRecord;
}

bool LooksLikeSsl2Hello(const uint8_t* data, std::size_t size) {
  if (size < kRecordStart || (data[0] & 0x80) == 0 || data[2] != kClientHello) return false;
  return data[3] == 3 || (data[3] == 0 && data[4] == 2);
}

bool LooksLikeClientHello(const uint8_t* data, std::size_t size) {
  return OpensWith(kClientHello, data, size);
}

bool LooksLikeServerHello(const uint8_t* data, std::size_t size) {
  return OpensWith(kServerHello, data, size);
}

bool MayOfferMail(const uint8_t* data, std::size_t size) {
  constexpr std::size_t kRecordHeaderBytes = 5, kHandshakeHeaderBytes = 4;
  constexpr std::size_t kSessionIdAt = kRecordHeaderBytes + kHandshakeHeaderBytes + 2 + 32;
  if (size <= kSessionIdAt) return false;
  // Each extension tells where the next one is: without this, each would wait for memory.
  constexpr std::size_t kMostAsked = 16 * kCacheLine;
  for (std::size_t at = kCacheLine; at < std::min(size, kMostAsked); at += kCacheLine) {
    __builtin_prefetch(data + at);
  }
  const std::size_t record = net::Load16(data + 3);
  const std::size_t message = net::Load32(data + kRecordHeaderBytes) & 0xffffff;
  if (record < kHandshakeHeaderBytes + message) return true;
  std::size_t at = kSessionIdAt + 1 + data[kSessionIdAt];
  if (at + 2 > size) return false;
  at += 2 + net::Load16(data + at);  // cipher suites
  if (at + 1 > size) return false;
  at += 1 + data[at] + 2;  // compression methods, and the extensions' length
  while (at + kExtensionHeaderBytes <= size) {
    const std::size_t length = net::Load16(data + at + 2);
    const bool alpn = net::Load16(data + at) == kAlpnExtension;
    at += kExtensionHeaderBytes;
    if (alpn && at < size && NamesMail(data + at, std::min(length, size - at))) return true;
    at += length;
  }
  return false;
}

TlsHelloParser::Status TlsHelloParser::Feed(const uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  while (at < size && status_ == Status::kNeedMore) {
    if (field_ != Field::kRecordHeader && record_left_ == 0) {
      // The handshake message goes on in the next record.
      resume_ = field_;
      resume_needed_ = needed_;
      resume_value_ = value_;
      field_ = Field::kRecordHeader;
      needed_ = 5;
    }
    const bool in_record = field_ != Field::kRecordHeader;
    if (field_ == Field::kExtensionHeader && needed_ == kExtensionHeaderBytes) {
      const uint32_t passed = PassExtensions(data + at, size - at);
      at += passed;
      if (passed != 0) continue;
    }
    if (in_record && skip_ != 0) {
      const auto step = std::min<std::size_t>({skip_, record_left_, size - at});
      skip_ -= static_cast<uint32_t>(step);
      record_left_ -= static_cast<uint32_t>(step);
      at += step;
      if (skip_ == 0 && needed_ == 0) Finish();
      continue;
    }
    const auto step = static_cast<uint32_t>(std::min<std::size_t>(
        in_record ? std::min(needed_, record_left_) : needed_, size - at));
    for (uint32_t i = 0; i < step; ++i) value_ = value_ << 8 | data[at + i];
    if (field_ == Field::kServerName) AddToName(data + at, step);
    if (in_record) record_left_ -= step;
    at += step;
    needed_ -= step;
    if (needed_ == 0) Finish();
  }
  return status_;
}

// Most extensions are of no interest, and lie in the bytes at hand as a whole: a short cut past
// these.
uint32_t TlsHelloParser::PassExtensions(const uint8_t* data, std::size_t size) {
  const auto bytes =
      static_cast<uint32_t>(std::min<std::size_t>({size, record_left_, extensions_left_}));
  uint32_t at = 0;
  while (at + kExtensionHeaderBytes <= bytes) {
    const uint16_t type = net::Load16(data + at);
    const uint32_t end = at + kExtensionHeaderBytes + net::Load16(data + at + 2);
    if (type == kServerNameExtension || type == kAlpnExtension || end > bytes) break;
    at = end;
  }
  record_left_ -= at;
  extensions_left_ -= at;
  if (extensions_left_ < kExtensionHeaderBytes) status_ = Status::kDone;
  return at;
}

void TlsHelloParser::AddToName(const uint8_t* data, uint32_t size) {
  for (uint32_t i = 0; i < size; ++i) {
    const uint8_t byte = data[i];
    const uint8_t lower = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
    if (!IsNameByte(lower) || name_length_ >= kMaxName) {
      name_bad_ = true;
    } else {
      name_[name_length_++] = static_cast<char>(lower);
    }
  }
}

void TlsHelloParser::Expect(Field field, uint32_t bytes) {
  field_ = field;
  needed_ = bytes;
  value_ = 0;
  if (bytes == 0) Finish();
}

void TlsHelloParser::SkipThen(Field field, uint32_t skip, uint32_t bytes) {
  field_ = field;
  skip_ = skip;
  needed_ = bytes;
  value_ = 0;
}

void TlsHelloParser::SkipInMessage(Field field, uint32_t skip, uint32_t bytes) {
  if (skip + bytes > message_left_) {
    status_ = Status::kNotHello;
    return;
  }
  message_left_ -= skip + bytes;
  SkipThen(field, skip, bytes);
}

void TlsHelloParser::Finish() {
  const auto low16 = static_cast<uint32_t>(value_ & 0xffff);
  switch (field_) {
    case Field::kRecordHeader:
      return FinishRecordHeader();
    case Field::kHandshakeHeader:
      if (value_ >> 24 != kClientHello) {
        status_ = Status::kNotHello;
        return;
      }
      message_left_ = static_cast<uint32_t>(value_ & 0xffffff);
      return SkipInMessage(Field::kSessionIdLength, 2 + 32, 1);
    case Field::kSessionIdLength:
      return SkipInMessage(Field::kCiphersLength, low16 & 0xff, 2);
    case Field::kCiphersLength:
      return SkipInMessage(Field::kCompressionLength, low16, 1);
    case Field::kCompressionLength:
      if (message_left_ == (low16 & 0xff)) {
        status_ = Status::kDone;  // no extensions: allowed up to TLS 1.2
        return;
      }
      return SkipInMessage(Field::kExtensionsLength, low16 & 0xff, 2);
    case Field::kExtensionsLength:
      extensions_left_ = std::min(low16, message_left_);
      return NextExtension();
    case Field::kExtensionHeader:
      return FinishExtensionHeader();
    case Field::kSkipExtension:
      return NextExtension();
    case Field::kServerNameHeader: {
      // List length (2), name type (1, 0 is a host name), name length (2).
      const bool host = (value_ >> 16 & 0xff) == 0;
      extension_left_ -= 5;
      if (!host || low16 == 0 || low16 > extension_left_) return EndExtension();
      extension_left_ -= low16;
      return Expect(Field::kServerName, low16);
    }
    case Field::kServerName:
      return FinishName();
    case Field::kAlpnListLength:
      extension_left_ -= 2;
      return extension_left_ == 0 ? NextExtension() : Expect(Field::kAlpnLength, 1);
    case Field::kAlpnLength: {
      const uint32_t length = low16 & 0xff;
      --extension_left_;
      if (length == 0 || length > extension_left_) {
        status_ = Status::kNotHello;
        return;
      }
      extension_left_ -= length;
      return Expect(Field::kAlpnName, length);
    }
    case Field::kAlpnName:
      return FinishAlpn();
  }
}

void TlsHelloParser::FinishRecordHeader() {
  const auto type = static_cast<uint8_t>(value_ >> 32);
  const auto major = static_cast<uint8_t>(value_ >> 24);
  record_left_ = static_cast<uint32_t>(value_ & 0xffff);
  if (type != kTlsHandshakeRecord || major != 3 || record_left_ == 0 ||
      record_left_ > kMaxRecord) {
    status_ = Status::kNotHello;
    return;
  }
  field_ = resume_;
  needed_ = resume_needed_;
  value_ = resume_value_;
}

void TlsHelloParser::NextExtension() {
  if (extensions_left_ < kExtensionHeaderBytes) {
    status_ = Status::kDone;
    return;
  }
  Expect(Field::kExtensionHeader, kExtensionHeaderBytes);
}

void TlsHelloParser::FinishExtensionHeader() {
  const auto type = static_cast<uint16_t>(value_ >> 16);
  const auto length = static_cast<uint32_t>(value_ & 0xffff);
  if (length + kExtensionHeaderBytes > extensions_left_) {
    status_ = Status::kDone;  // cut off or malformed: what was read so far stands
    return;
  }
  extensions_left_ -= length + kExtensionHeaderBytes;
  extension_left_ = length;
  // Of two names, which RFC 8446, 4.2, forbids, the first counts.
  const bool named = name_length_ != 0 || name_bad_;
  if (type == kServerNameExtension && length >= 5 && !named) {
    return Expect(Field::kServerNameHeader, 5);
  }
  if (type == kAlpnExtension && length >= 2) return Expect(Field::kAlpnListLength, 2);
  EndExtension();
}

void TlsHelloParser::EndExtension() {
  if (extension_left_ == 0) return NextExtension();
  SkipThen(Field::kSkipExtension, extension_left_, 0);
}

void TlsHelloParser::FinishName() {
  if (name_length_ != 0 && name_[name_length_ - 1] == '.') --name_length_;  // the root's
  const absl::string_view name(name_, name_length_);
  const bool dotted = name.find('.') != name.npos && name.front() != '.' &&
                      name.back() != '.' && name.find("..") == name.npos;
  name_done_ = !name_bad_ && dotted;
  EndExtension();
}

void TlsHelloParser::FinishAlpn() {
  if (!alpn_.has_value()) alpn_ = MailService(value_);  // the first is what it likes best
  if (extension_left_ == 0) return NextExtension();
  Expect(Field::kAlpnLength, 1);
}

}  // namespace mailtap::classify
