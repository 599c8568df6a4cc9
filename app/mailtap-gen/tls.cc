#include "app/mailtap-gen/tls.h"

#include <algorithm>

#include "app/mailtap-gen/wire.h"

namespace mailtap::gen {
namespace {

// IANA "TLS ExtensionType Values".
enum Extension : uint32_t {
  kServerName = 0,
  kSupportedGroups = 10,
  kPointFormats = 11,
  kSignatureAlgorithms = 13,
  kAlpn = 16,
  kExtendedMasterSecret = 23,
  kSupportedVersions = 43,
  kPskModes = 45,
  kKeyShare = 51,
};
constexpr uint32_t kX25519 = 0x001d;
constexpr uint32_t kTls12 = 0x0303;
constexpr uint32_t kTls13 = 0x0304;
constexpr uint32_t kHandshakeRecord = 22;
constexpr std::string_view kChangeCipherSpec("\x14\x03\x03\x00\x01\x01", 6);

// `body` behind its length in `length_bytes` bytes.
std::string Sized(std::string_view body, int length_bytes) {
  std::string text;
  Append(text, static_cast<uint32_t>(body.size()), length_bytes);
  text += body;
  return text;
}

std::string Numbers(std::initializer_list<uint32_t> numbers) {
  std::string text;
  for (uint32_t number : numbers) Append(text, number, 2);
  return text;
}

std::string RandomBytes(Random& random, int count) {
  std::string text;
  for (int i = 0; i < count; i += 4) Append(text, static_cast<uint32_t>(random.Next()), 4);
  return text;
}

void AddExtension(std::string& extensions, Extension type, std::string_view body) {
  Append(extensions, type, 2);
  extensions += Sized(body, 2);
}

std::string Record(std::string_view handshake_body, char handshake_type, uint32_t version) {
  std::string record;
  Append(record, kHandshakeRecord, 1);
  Append(record, version, 2);
  record += Sized(std::string(1, handshake_type) + Sized(handshake_body, 3), 2);
  return record;
}

std::string ClientHello(Random& random, const std::string& session_id, std::string_view sni,
                        std::string_view alpn) {
  std::string extensions;
  if (!sni.empty()) {
    AddExtension(extensions, kServerName, Sized('\0' + Sized(sni, 2), 2));
  }
  AddExtension(extensions, kExtendedMasterSecret, "");
  AddExtension(extensions, kPointFormats, Sized(std::string(1, '\0'), 1));
  AddExtension(extensions, kSupportedGroups, Sized(Numbers({kX25519, 0x0017, 0x0018}), 2));
  if (!alpn.empty()) AddExtension(extensions, kAlpn, Sized(Sized(alpn, 1), 2));
  AddExtension(extensions, kSignatureAlgorithms,
               Sized(Numbers({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806}), 2));
  AddExtension(extensions, kSupportedVersions, Sized(Numbers({kTls13, kTls12}), 1));
  AddExtension(extensions, kPskModes, Sized("\x01", 1));
  AddExtension(extensions, kKeyShare,
               Sized(Numbers({kX25519}) + Sized(RandomBytes(random, 32), 2), 2));
  std::string body = Numbers({kTls12}) + RandomBytes(random, 32) + Sized(session_id, 1);
  body += Sized(Numbers({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0x009e}), 2);
  body += Sized(std::string(1, '\0'), 1);
  body += Sized(extensions, 2);
  constexpr uint32_t kTls10 = 0x0301;  // what middleboxes expect of a first record
  return Record(body, 1, kTls10);
}

std::string ServerHello(Random& random, const std::string& session_id) {
  std::string extensions;
  AddExtension(extensions, kSupportedVersions, Numbers({kTls13}));
  AddExtension(extensions, kKeyShare, Numbers({kX25519}) + Sized(RandomBytes(random, 32), 2));
  std::string body = Numbers({kTls12}) + RandomBytes(random, 32) + Sized(session_id, 1);
  body += Numbers({0x1301}) + '\0' + Sized(extensions, 2);
  return Record(body, 2, kTls12);
}

}  // namespace

void SayTlsHandshake(PlanWriter& writer, std::string_view sni, std::string_view alpn) {
  Random& random = writer.random();
  const std::string session_id = RandomBytes(random, 32);
  writer.Client(ClientHello(random, session_id, sni, alpn));
  writer.Server(ServerHello(random, session_id));
  writer.Server(kChangeCipherSpec);
  // Encrypted extensions, certificate and Finished follow the ServerHello in the same burst.
  writer.Seal();
  writer.SayFill(Side::kServer, Fill::kRandom, random.Between(1'200, 4'200));
  writer.SayFill(Side::kClient, Fill::kRandom, 36);
}

}  // namespace mailtap::gen
