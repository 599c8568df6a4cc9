#include "lib/classify/tls_certificate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "lib/classify/tls_hello.h"

namespace mailtap::classify {
namespace {

constexpr uint8_t kServerHello = 2, kCertificate = 11;
constexpr uint32_t kMostBytes = 65'536;  // of handshake messages: many times a usual chain

// DER
constexpr uint8_t kBoolean = 0x01, kOctetString = 0x04, kObjectId = 0x06, kSequence = 0x30;
constexpr uint8_t kExtensionsField = 0xa3;      // [3] of TBSCertificate
constexpr uint8_t kDnsName = 0x82;              // [2] of GeneralName
constexpr uint32_t kSubjectAltName = 0x551d11;  // 2.5.29.17

bool IsHostName(absl::string_view name) {
  absl::string_view labels = name;
  absl::ConsumePrefix(&labels, "*.");
  return absl::StrContains(labels, '.') && labels.front() != '.' && labels.back() != '.' &&
         !absl::StrContains(labels, "..") &&
         std::all_of(labels.begin(), labels.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
         });
}

}  // namespace

std::size_t TlsCertificateParser::Feed(const uint8_t* data, std::size_t size) {
  if (status_ == Status::kName) {
    status_ =
        names_ == kMaxNames || position_ >= names_end_ ? Status::kDone : Status::kNeedMore;
  }
  std::size_t at = 0;
  while (at < size && status_ == Status::kNeedMore) {
    if (record_left_ == 0) {
      TakeRecordHeader(data[at++]);
      continue;
    }
    if (skip_ != 0) {
      const auto step =
          static_cast<uint32_t>(std::min<std::size_t>({skip_, record_left_, size - at}));
      skip_ -= step;
      record_left_ -= step;
      position_ += step;
      at += step;
      continue;
    }
    --record_left_;
    ++position_;
    Take(data[at++]);
    if (position_ > kMostBytes) status_ = Status::kDone;
  }
  return at;
}

void TlsCertificateParser::TakeRecordHeader(uint8_t byte) {
  constexpr uint8_t kHeaderBytes = 5, kMajorVersion = 3;
  if (record_needed_ == kHeaderBytes && byte != kTlsHandshakeRecord) {
    status_ = Status::kDone;  // from here on all is encrypted
    return;
  }
  record_header_ = record_header_ << 8 | byte;
  if (--record_needed_ != 0) return;
  record_needed_ = kHeaderBytes;
  record_left_ = record_header_ & 0xffff;
  if (record_header_ >> 24 != kMajorVersion || record_left_ == 0) status_ = Status::kDone;
}

void TlsCertificateParser::Expect(Field field, uint32_t bytes) {
  field_ = field;
  needed_ = bytes;
  value_ = 0;
}

void TlsCertificateParser::Enter(Place place) {
  place_ = place;
  Expect(Field::kTag, 1);
}

void TlsCertificateParser::SkipTo(Place place, uint32_t bytes) {
  skip_ = bytes;
  Enter(place);
}

void TlsCertificateParser::Take(uint8_t byte) {
  value_ = value_ << 8 | byte;
  if (field_ == Field::kName) {
    name_[name_length_++] = absl::ascii_tolower(byte);
  }
  if (--needed_ == 0) Finish();
}

void TlsCertificateParser::Finish() {
  constexpr uint32_t kLongForm = 0x80, kMostLengthBytes = 3;
  switch (field_) {
    case Field::kMessageHeader:
      return FinishMessageHeader();
    case Field::kListLength:
      return Expect(Field::kCertificateLength, 3);
    case Field::kCertificateLength:
      return Enter(Place::kTop);
    case Field::kTag:
      tag_ = static_cast<uint8_t>(value_);
      return Expect(Field::kLength, 1);
    case Field::kLength:
      if (value_ < kLongForm) return OnElement(value_);
      if (value_ == kLongForm || value_ - kLongForm > kMostLengthBytes) break;
      return Expect(Field::kLongLength, value_ - kLongForm);
    case Field::kLongLength:
      return OnElement(value_);
    case Field::kExtensionId:
      alternative_names_ = value_ == kSubjectAltName;
      return Enter(Place::kExtension);
    case Field::kName:
      return FinishName();
  }
  status_ = Status::kDone;
}

void TlsCertificateParser::FinishMessageHeader() {
  const uint32_t length = value_ & 0xffffff;
  switch (value_ >> 24) {
    case kServerHello:
      skip_ = length;
      return Expect(Field::kMessageHeader, 4);
    case kCertificate:
      return Expect(Field::kListLength, 3);
    default:
      status_ = Status::kDone;  // a server that shows none
  }
}

void TlsCertificateParser::OnElement(uint32_t length) {
  switch (place_) {
    case Place::kTop:
      if (tag_ == kSequence) return Enter(Place::kCertificate);
      break;
    case Place::kCertificate:
      if (tag_ == kSequence) return Enter(Place::kToBeSigned);
      break;
    case Place::kToBeSigned:
      if (tag_ == kExtensionsField) return Enter(Place::kExtensionsTag);
      return SkipTo(Place::kToBeSigned, length);
    case Place::kExtensionsTag:
      if (tag_ == kSequence) return Enter(Place::kExtensions);
      break;
    case Place::kExtensions:
      if (tag_ != kSequence) break;  // behind the last one
      extension_end_ = position_ + length;
      alternative_names_ = false;
      return Enter(Place::kExtension);
    case Place::kExtension:
      if (tag_ == kObjectId && length == 3) return Expect(Field::kExtensionId, 3);
      if (tag_ == kBoolean) return SkipTo(Place::kExtension, length);
      if (tag_ == kOctetString && alternative_names_) return Enter(Place::kNamesWrapper);
      if (position_ > extension_end_) break;
      return SkipTo(Place::kExtensions, extension_end_ - position_);
    case Place::kNamesWrapper:
      if (tag_ != kSequence || length == 0) break;
      names_end_ = position_ + length;
      return Enter(Place::kNames);
    case Place::kNames:
      return OnName(length);
  }
  status_ = Status::kDone;
}

void TlsCertificateParser::OnName(uint32_t length) {
  if (tag_ == kDnsName && length != 0 && length <= kMaxName) {
    name_length_ = 0;
    return Expect(Field::kName, length);
  }
  if (position_ + length >= names_end_) {
    status_ = Status::kDone;
    return;
  }
  SkipTo(Place::kNames, length);
}

void TlsCertificateParser::FinishName() {
  Enter(Place::kNames);
  if (IsHostName(name())) {
    ++names_;
    status_ = Status::kName;
  } else if (position_ >= names_end_) {
    status_ = Status::kDone;
  }
}

}  // namespace mailtap::classify
