// Reads the server name and the ALPN protocols out of a TLS ClientHello, byte by byte as the
// stream delivers them, so that a hello cut into any number of segments or records needs no
// buffer but the name's.
//
// RFC 8446, 4.1.2 and 5.1 (RFC 5246 for 1.2); RFC 6066, 3 (server_name); RFC 7301, 3.1 (ALPN).
#ifndef MAILTAP_LIB_CLASSIFY_TLS_HELLO_H_
#define MAILTAP_LIB_CLASSIFY_TLS_HELLO_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"

namespace mailtap::classify {

// Types of TLS's records, their first byte (RFC 8446, B.1).
inline constexpr uint8_t kTlsHandshakeRecord = 22, kTlsDataRecord = 23;
constexpr bool IsTlsRecordType(uint8_t byte) { return byte >= 20 && byte <= 23; }

// A record's header: with so many bytes it is told from other data.
inline constexpr std::size_t kRecordStart = 5;
// Whether `data` opens with one of any type; not with fewer bytes.
bool LooksLikeTlsRecord(const uint8_t* data, std::size_t size);
// Whether it opens like a ClientHello in SSL 2's form, as old clients sent to servers of SSL 3
// and TLS 1 too (RFC 5246, E.2).
bool LooksLikeSsl2Hello(const uint8_t* data, std::size_t size);
// Whether it opens like a record with a ClientHello; with fewer than 6 bytes: whether it may.
bool LooksLikeClientHello(const uint8_t* data, std::size_t size);
// The same of a ServerHello.
bool LooksLikeServerHello(const uint8_t* data, std::size_t size);
// Whether a ClientHello offers to speak mail (ALPN), as far as `data` holds it. One cut into
// records may: it is for TlsHelloParser to say.
bool MayOfferMail(const uint8_t* data, std::size_t size);

// With so many bytes the two have seen the message's type.
inline constexpr std::size_t kHelloStart = 6;
// No ClientHello takes fewer: headers, version, random, an empty session id, one cipher suite
// and one compression method.
inline constexpr std::size_t kLeastHello = 5 + 4 + 2 + 32 + 1 + 4 + 2;

class TlsHelloParser {
 public:
  enum class Status : uint8_t { kNeedMore, kDone, kNotHello };
  static constexpr std::size_t kMaxName = 253;

  // `name` has room for kMaxName bytes and outlives the parse; it holds server_name()
  // afterwards.
  void Start(char* name) {
    *this = TlsHelloParser();
    name_ = name;
  }

  // Consumes the stream's next bytes. After kDone or kNotHello further calls change nothing.
  Status Feed(const uint8_t* data, std::size_t size);

  Status status() const { return status_; }
  // Lower case, without a final dot; empty where the hello has none that is a valid dotted
  // name, or as long as it isn't there whole.
  absl::string_view server_name() const { return {name_, name_done_ ? name_length_ : 0u}; }
  // The mail service that the client offers to speak (ALPN), or nothing.
  std::optional<Service> alpn() const { return alpn_; }

 private:
  enum class Field : uint8_t {
    kRecordHeader,
    kHandshakeHeader,
    kSessionIdLength,
    kCiphersLength,
    kCompressionLength,
    kExtensionsLength,
    kExtensionHeader,
    kSkipExtension,
    kServerNameHeader,
    kServerName,
    kAlpnListLength,
    kAlpnLength,
    kAlpnName,
  };

  // The field is complete: `value_` holds its last eight bytes. Sets up the next one.
  void Finish();
  uint32_t PassExtensions(const uint8_t* data, std::size_t size);
  void AddToName(const uint8_t* data, uint32_t size);
  void FinishRecordHeader();
  void FinishExtensionHeader();
  void FinishName();
  void FinishAlpn();
  void Expect(Field field, uint32_t bytes);
  void SkipThen(Field field, uint32_t skip, uint32_t bytes);
  // Like SkipThen, within the handshake message; a message too short for it is no hello.
  void SkipInMessage(Field field, uint32_t skip, uint32_t bytes);
  void NextExtension();
  // Passes over what is left of the extension at hand.
  void EndExtension();

  char* name_ = nullptr;
  uint64_t value_ = 0;         // the bytes of the field so far, as a number
  uint32_t record_left_ = 0;   // of the record's payload
  uint32_t needed_ = 5;        // bytes still missing from the field
  uint32_t skip_ = 0;          // bytes to pass over before it
  uint32_t message_left_ = 0;  // of the handshake message, before the extensions
  uint32_t extensions_left_ = 0;
  uint32_t extension_left_ = 0;
  Status status_ = Status::kNeedMore;
  Field field_ = Field::kRecordHeader;
  Field resume_ = Field::kHandshakeHeader;  // the field that a record header interrupted
  uint32_t resume_needed_ = 4;
  uint64_t resume_value_ = 0;
  uint8_t name_length_ = 0;
  bool name_bad_ = false;
  bool name_done_ = false;
  std::optional<Service> alpn_;
};

}  // namespace mailtap::classify

#endif  // MAILTAP_LIB_CLASSIFY_TLS_HELLO_H_
