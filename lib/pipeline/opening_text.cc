#include "lib/pipeline/opening_text.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "lib/classify/tls_hello.h"
#include "lib/flow/sequence.h"

namespace mailtap::pipeline {

using flow::End;

namespace {

constexpr std::size_t kTellingBytes = 10;  // "* PREAUTH "

bool IsNoText(char c) { return absl::ascii_iscntrl(c) && !absl::ascii_isspace(c); }

}  // namespace

// All but the texts' bytes: these are many, and nobody reads past their lengths.
void OpeningText::Reset() {
  at[0] = 0;
  at[1] = kTextBytes;
  length[0] = length[1] = 0;
  begin[0] = begin[1] = 0;
  reread = 0;
  for (const End end : {0, 1}) from_start[end] = text_ended[end] = false;
  in_record[0] = in_record[1] = was_binary = false;
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
  return length[end] < kTellingBytes && text(end).find('\n') == absl::string_view::npos;
}

bool OpeningText::BeginsForeign(End end) const {
  if (!from_start[end]) return false;
  const absl::string_view start = text(end).substr(0, classify::kRecordStart);
  const auto* data = reinterpret_cast<const uint8_t*>(start.data());
  const bool record = start.size() < classify::kRecordStart
                          ? !start.empty() && classify::IsTlsRecordType(*data)
                          : classify::LooksLikeTlsRecord(data, start.size()) ||
                                classify::LooksLikeSsl2Hello(data, start.size());
  return !record && std::any_of(start.begin(), start.end(), IsNoText);
}

bool OpeningText::BeginsInWords(End end) const {
  const absl::string_view start = text(end).substr(0, kTellingBytes);
  return from_start[end] && start.size() == kTellingBytes &&
         std::none_of(start.begin(), start.end(), IsNoText);
}

bool OpeningText::BinaryUnderWay(bool gaps) const {
  if (was_binary) return true;
  if (BeginsForeign()) return false;
  for (const End end : {0, 1}) {
    const absl::string_view said = text(end);
    if ((gaps || !from_start[end]) && std::any_of(said.begin(), said.end(), IsNoText)) {
      return true;
    }
  }
  return false;
}

void OpeningText::DropBinary(End end, uint32_t next) {
  was_binary = true;
  begin[end] = next;
  length[end] = 0;
  text_ended[end] = false;
}

bool OpeningText::ChainsRecords(End end, uint32_t seq, const uint8_t* data, uint32_t size) {
  const auto is_record = [&](uint32_t at) {
    return data[at] == classify::kTlsDataRecord &&
           classify::LooksLikeTlsRecord(data + at, size - at);
  };
  uint32_t at = 0;
  if (in_record[end]) {
    const int32_t ahead = flow::Distance(record_end[end], seq);
    if (ahead >= static_cast<int32_t>(size)) return false;
    in_record[end] = false;
    at = static_cast<uint32_t>(std::max(ahead, 0));
    if (ahead >= 0 && is_record(at)) return true;
  }
  // Of random data few bytes look like a record's; of what is made to, no more are tried.
  constexpr int kMostTries = 64;
  for (int tries = 0; at < size && tries < kMostTries; ++tries) {
    const void* found = std::memchr(data + at, classify::kTlsDataRecord, size - at);
    if (found == nullptr) return false;
    at = static_cast<uint32_t>(static_cast<const uint8_t*>(found) - data);
    if (!is_record(at)) {
      ++at;
      continue;
    }
    const auto behind =
        static_cast<uint32_t>(at + classify::kRecordStart + (data[at + 3] << 8 | data[at + 4]));
    if (behind < size && is_record(behind)) return true;
    if (behind >= size) {
      in_record[end] = true;
      record_end[end] = seq + behind;
      return false;
    }
    ++at;
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
