#include "lib/pipeline/opening_text.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"

namespace mailtap::pipeline {

using flow::End;

// All but the texts' bytes: these are many, and nobody reads past their lengths.
void OpeningText::Reset() {
  at[0] = 0;
  at[1] = kTextBytes;
  length[0] = length[1] = 0;
  begin[0] = begin[1] = 0;
  reread = 0;
  for (const End end : {0, 1}) from_start[end] = text_ended[end] = false;
  server_first = server_proved = server_greeted = client_foreign = hello_cut = false;
  prefaces = 0;
  tls.emplace<classify::TlsHelloParser>();
  preface = {};
}

void OpeningText::Append(End end, const uint8_t* data, uint32_t size) {
  if (text_ended[end]) return;
  const uint32_t take = std::min(size, kTextBytes - length[end]);
  std::memcpy(buffer + at[end] + length[end], data, take);
  length[end] = static_cast<uint16_t>(length[end] + take);
  if (length[end] == kTextBytes) text_ended[end] = true;
}

void OpeningText::DropLines(End end, size_t kept) {
  const absl::string_view lines = text(end);
  const size_t last = text_ended[end] ? lines.npos : lines.rfind('\n');
  const absl::string_view rest = last == lines.npos ? "" : lines.substr(last + 1);
  std::memmove(buffer + at[end] + kept, rest.data(), rest.size());
  length[end] = static_cast<uint16_t>(kept + rest.size());
  text_ended[end] = false;
}

bool OpeningText::IsStump(End end) const {
  constexpr std::size_t kTelling = 10;  // "* PREAUTH "
  return length[end] < kTelling && text(end).find('\n') == absl::string_view::npos;
}

bool OpeningText::BinaryUnderWay(bool gaps) const {
  const auto no_text = [](char c) { return absl::ascii_iscntrl(c) && !absl::ascii_isspace(c); };
  for (const End end : {0, 1}) {
    const absl::string_view said = text(end);
    if ((gaps || !from_start[end]) && std::any_of(said.begin(), said.end(), no_text)) {
      return true;
    }
  }
  return false;
}

classify::TlsHelloParser& OpeningText::StartHello(End client) {
  const End server = flow::Other(client);
  std::memmove(buffer, buffer + at[server], length[server]);
  at[server] = 0;
  at[client] = kTextBytes;
  length[client] = 0;
  text_ended[client] = true;
  auto& hello = tls.emplace<classify::TlsHelloParser>();
  hello.Start(name());
  return hello;
}

}  // namespace mailtap::pipeline
