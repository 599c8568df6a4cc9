// Reads the DNS names out of the certificate that a TLS 1.2 server shows (from TLS 1.3 on it is
// encrypted), byte by byte as the stream delivers it, so that a certificate cut into any number
// of segments or records needs no buffer but a name's. Nobody verifies the certificate: its
// names label a server, and prove nothing.
//
// RFC 5246, 6.2.1, 7.4 and 7.4.2; RFC 5280, 4.1 and 4.2.1.6 (subjectAltName).
#ifndef MAILTAP_LIB_CLASSIFY_TLS_CERTIFICATE_H_
#define MAILTAP_LIB_CLASSIFY_TLS_CERTIFICATE_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace mailtap::classify {

class TlsCertificateParser {
 public:
  // kName: name() is one of the certificate's, and Feed goes on behind it.
  enum class Status : uint8_t { kNeedMore, kName, kDone };
  static constexpr std::size_t kMaxName = 253;
  static constexpr int kMaxNames = 8;

  // `name` has room for kMaxName bytes and outlives the parse.
  void Start(char* name) { *this = TlsCertificateParser(name); }

  // Consumes the server's next bytes, from the ServerHello on, up to the end of a name. Returns
  // how many; after kDone none.
  std::size_t Feed(const uint8_t* data, std::size_t size);

  Status status() const { return status_; }
  // Lower case, with at least one dot; may start with "*.". Valid until the next Feed.
  absl::string_view name() const { return {name_, name_length_}; }

  TlsCertificateParser() = default;

 private:
  explicit TlsCertificateParser(char* name) : name_(name) {}

  enum class Field : uint8_t {
    kMessageHeader,
    kListLength,
    kCertificateLength,
    kTag,
    kLength,
    kLongLength,
    kExtensionId,
    kName,
  };
  // Where in the certificate an element stands.
  enum class Place : uint8_t {
    kTop,
    kCertificate,
    kToBeSigned,
    kExtensionsTag,
    kExtensions,
    kExtension,
    kNamesWrapper,
    kNames,
  };

  void TakeRecordHeader(uint8_t byte);
  void Take(uint8_t byte);
  void Finish();
  void FinishMessageHeader();
  void FinishName();
  // An element's tag and length are read; its content comes next.
  void OnElement(uint32_t length);
  void OnName(uint32_t length);
  void Expect(Field field, uint32_t bytes);
  void Enter(Place place);
  void SkipTo(Place place, uint32_t bytes);

  char* name_ = nullptr;
  uint32_t value_ = 0;  // the last four bytes of the field, as a number
  uint32_t needed_ = 4;
  uint32_t skip_ = 0;      // bytes to pass over before it
  uint32_t position_ = 0;  // bytes of handshake messages so far
  uint32_t extension_end_ = 0;
  uint32_t names_end_ = 0;
  uint32_t record_left_ = 0;
  uint32_t record_header_ = 0;  // its last four bytes
  uint8_t record_needed_ = 5;
  uint8_t tag_ = 0;
  uint8_t name_length_ = 0;
  uint8_t names_ = 0;  // found so far
  bool alternative_names_ = false;
  Field field_ = Field::kMessageHeader;
  Place place_ = Place::kTop;
  Status status_ = Status::kNeedMore;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_TLS_CERTIFICATE_H_
