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
// Opens like a server's answer; the rest of it nobody reads.
inline std::string ServerHello() {
  const std::string body = Byte(2) + Big24(80) + std::string(80, 'h');
  return Byte(22) + Big16(0x0303) + Big16(body.size()) + body;
}
inline std::string ApplicationData(std::size_t bytes) {
  return Byte(23) + Big16(0x0303) + Big16(bytes) + std::string(bytes, '\x8e');
}

}  // namespace mailtap::classify

#endif  // MAILTAP_TESTS_UNIT_CLASSIFY_HELLO_BUILDER_H_
