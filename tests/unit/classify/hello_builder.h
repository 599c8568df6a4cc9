// Builds TLS ClientHellos byte by byte (RFC 8446, 4.1.2), right or wrong at will.
#ifndef MAILTAP_TESTS_UNIT_CLASSIFY_HELLO_BUILDER_H_
#define MAILTAP_TESTS_UNIT_CLASSIFY_HELLO_BUILDER_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace mailtap::classify {

inline std::string Byte(int value) { return std::string(1, static_cast<char>(value)); }
inline std::string Big16(std::size_t value) {
  return Byte(static_cast<int>(value >> 8 & 0xff)) + Byte(static_cast<int>(value & 0xff));
}
inline std::string Big24(std::size_t value) {
  return Byte(static_cast<int>(value >> 16 & 0xff)) + Big16(value & 0xffff);
}

inline std::string Extension(int type, const std::string& body) {
  return Big16(static_cast<std::size_t>(type)) + Big16(body.size()) + body;
}
inline std::string ServerNameExtension(const std::string& name, int name_type = 0) {
  const std::string entry = Byte(name_type) + Big16(name.size()) + name;
  return Extension(0, Big16(entry.size()) + entry);
}
inline std::string AlpnExtension(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) {
    list += Byte(static_cast<int>(protocol.size())) + protocol;
  }
  return Extension(16, Big16(list.size()) + list);
}
// RFC 8701: reserved values that clients sprinkle in, to keep servers from minding.
inline std::string GreaseExtension() { return Extension(0x2a2a, Byte(0)); }
inline std::string PaddingExtension(std::size_t bytes) {
  return Extension(21, std::string(bytes, '\0'));
}

// The handshake message, without record headers. No extensions block at all where
// `extensions` is null (a TLS 1.0 client's).
inline std::string HelloMessage(const std::string* extensions) {
  std::string body = Big16(0x0303) + std::string(32, 'r') + Byte(32) + std::string(32, 's');
  const std::string ciphers = Big16(0x1a1a) + Big16(0x1301) + Big16(0x1302) + Big16(0xc02f);
  body += Big16(ciphers.size()) + ciphers + Byte(1) + Byte(0);
  if (extensions != nullptr) body += Big16(extensions->size()) + *extensions;
  return Byte(1) + Big24(body.size()) + body;
}

// `message` in records of at most `record_bytes`.
inline std::string Records(const std::string& message, std::size_t record_bytes = 16'384) {
  std::string records;
  for (std::size_t at = 0; at < message.size(); at += record_bytes) {
    const std::string part = message.substr(at, record_bytes);
    records += Byte(22) + Big16(0x0301) + Big16(part.size()) + part;
  }
  return records;
}

inline std::string ClientHello(const std::string& extensions,
                               std::size_t record_bytes = 16'384) {
  return Records(HelloMessage(&extensions), record_bytes);
}
inline std::string ClientHelloFor(const std::string& server_name) {
  return ClientHello(GreaseExtension() + ServerNameExtension(server_name) +
                     Extension(10, Big16(2) + Big16(29)));
}
// A handshake message of a server that nobody looks into.
inline std::string ServerHelloMessage() { return Byte(2) + Big24(80) + std::string(80, 'h'); }
inline std::string ServerHello() { return Records(ServerHelloMessage()); }

// DER: tag, length, content.
inline std::string Element(int tag, const std::string& content) {
  const std::size_t size = content.size();
  if (size < 0x80) return Byte(tag) + Byte(static_cast<int>(size)) + content;
  if (size < 0x100) return Byte(tag) + Byte(0x81) + Byte(static_cast<int>(size)) + content;
  return Byte(tag) + Byte(0x82) + Big16(size) + content;
}
// An X.509 extension (RFC 5280, 4.1); its id is 2.5.29.`id`.
inline std::string CertificateExtension(int id, const std::string& value, bool critical) {
  return Element(0x30, Element(0x06, Byte(0x55) + Byte(0x1d) + Byte(id)) +
                           (critical ? Element(0x01, Byte(0xff)) : "") + Element(0x04, value));
}
inline std::string AlternativeNames(const std::vector<std::string>& dns_names) {
  std::string names = Element(0x81, "postmaster@example.com");  // other kinds stand among them
  for (const std::string& name : dns_names) names += Element(0x82, name);
  return Element(0x30, names + Element(0x87, std::string("\xc0\x00\x02\x01", 4)));
}
// A certificate with these extensions, in the shape that CAs issue them.
inline std::string Certificate(const std::string& extensions) {
  const std::string algorithm = Element(0x30, Element(0x06, std::string(9, '\x2a')));
  const std::string to_be_signed = Element(
      0x30, Element(0xa0, Element(0x02, Byte(2))) + Element(0x02, std::string(16, 's')) +
                algorithm + Element(0x30, std::string(60, 'i')) +
                Element(0x30, std::string(30, 'v')) + Element(0x30, std::string(200, 'n')) +
                Element(0x30, std::string(294, 'k')) +
                Element(0xa3, Element(0x30, extensions)));
  return Element(0x30, to_be_signed + algorithm + Element(0x03, std::string(257, 'g')));
}
// A TLS 1.2 server's first flight (RFC 5246, 7.3), with a second certificate behind the first.
inline std::string ServerFlight(const std::vector<std::string>& dns_names,
                                std::size_t record_bytes = 16'384) {
  const std::string certificate =
      Certificate(CertificateExtension(15, Element(0x03, "\x05\xa0"), true) +
                  CertificateExtension(17, AlternativeNames(dns_names), false) +
                  CertificateExtension(14, std::string(22, 'x'), false));
  const std::string issuer =
      Certificate(CertificateExtension(17, AlternativeNames({"ca.x.y"}), false));
  const std::string list =
      Big24(certificate.size()) + certificate + Big24(issuer.size()) + issuer;
  const std::string message = Byte(11) + Big24(3 + list.size()) + Big24(list.size()) + list;
  return Records(ServerHelloMessage() + message + Byte(14) + Big24(0), record_bytes);
}
inline std::string ApplicationData(std::size_t bytes) {
  return Byte(23) + Big16(0x0303) + Big16(bytes) + std::string(bytes, '\x8e');
}

}  // namespace mailtap::classify

#endif  // MAILTAP_TESTS_UNIT_CLASSIFY_HELLO_BUILDER_H_
