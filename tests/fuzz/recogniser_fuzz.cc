// Any text as a dialogue: the recogniser never takes back a yes, and the transaction counter
// and the STARTTLS watcher count the same however the text is cut.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "lib/classify/recogniser.h"
#include "lib/classify/smtp_transactions.h"
#include "lib/classify/starttls_watcher.h"
#include "tests/fuzz/driver.h"
#include "tests/unit/pipeline/dialogues.h"

namespace mailtap::fuzz {
namespace {

constexpr std::size_t kMaxText = 192;

const classify::Recogniser& SharedRecogniser() {
  static const auto recogniser =
      classify::Recogniser::Create(classify::PatternDatabase::Load().value()).value();
  return recogniser;
}

struct Transactions {
  uint32_t messages, rejected;
  bool tls;
  friend bool operator==(const Transactions&, const Transactions&) = default;
};

// Lines alternate between the sides: those that start with a digit are the server's.
Transactions Count(const std::string& text, std::size_t step) {
  classify::SmtpTransactions smtp(true);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const bool server = text[at] >= '0' && text[at] <= '9';
    while (at < end) {
      const auto* data = reinterpret_cast<const uint8_t*>(text.data() + at);
      const std::size_t size = std::min(step, end - at);
      if (server) {
        at += smtp.OnServer(data, size);
      } else if (smtp.skipping()) {
        at += size;
      } else if (smtp.tls()) {
        at = end;
      } else {
        at += smtp.OnClient(data, size);
      }
    }
  }
  smtp.Finish();
  return {smtp.messages(), smtp.rejected(), smtp.tls()};
}

void Judge(const std::string& text, uint8_t options) {
  const std::size_t cut = std::min(text.find('\0'), text.size());
  std::string up = text.substr(0, std::min(cut, kMaxText));
  std::string down = cut < text.size() ? text.substr(cut + 1, kMaxText) : "";
  classify::Context context = {.server_first = (options & 1) != 0,
                               .finished = (options & 2) != 0};
  if (const int port = options >> 4 & 3; port < kServiceCount) {
    context.port_service = static_cast<Service>(port);
  }
  const bool from_start = (options & 4) != 0;
  const std::size_t up_size = up.size(), down_size = down.size();
  up.resize(up_size + classify::Speech::kSlack);
  down.resize(down_size + classify::Speech::kSlack);
  const auto judge = [&](std::size_t of_up, std::size_t of_down) {
    return SharedRecogniser().Judge({.text = {up.data(), of_up}, .from_start = from_start},
                                    {.text = {down.data(), of_down}, .from_start = from_start},
                                    context);
  };
  const classify::Recognition last = judge(up_size, down_size);
  if (context.finished && !context.port_service.has_value() &&
      last.answer == classify::Answer::kNeedMore) {
    std::abort();
  }
}

}  // namespace

std::vector<std::string> Seeds() {
  using namespace pipeline;
  std::vector<std::string> seeds;
  for (const Script& script : {SmtpScript(), SmtpPipelinedScript(), SmtpStarttlsScript(),
                               ImapScript(), Pop3Script(), Pop3StlsScript(), FtpScript(),
                               RedisScript(), NntpScript(), IrcScript(), LmtpScript()}) {
    std::string up, down, both;
    for (const Line& line : script) {
      (line.from == kUp ? up : down) += line.text.substr(0, 200);
      both += line.text.substr(0, 200);
    }
    for (const char options : {'\x35', '\x05', '\x17'}) {
      seeds.push_back(options + up + std::string(1, '\0') + down);
    }
    seeds.push_back('\x01' + both);
  }
  return seeds;
}

}  // namespace mailtap::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace mailtap;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  fuzz::Judge(text, data[0]);
  if (text.empty()) return 0;
  const std::size_t step = std::max<std::size_t>(data[0] & 0x3f, 1);
  if (!(fuzz::Count(text, step) == fuzz::Count(text, size))) std::abort();

  classify::StarttlsWatcher whole, cut;
  const std::size_t taken = whole.OnClient(data + 1, size - 1);
  std::size_t at = 0;
  while (at < size - 1 && !cut.tls()) {
    at += cut.OnClient(data + 1 + at, std::min(step, size - 1 - at));
  }
  if (whole.tls() != cut.tls() || at != taken) std::abort();
  return 0;
}
