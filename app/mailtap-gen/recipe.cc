#include "app/mailtap-gen/recipe.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <sstream>

#include "app/mailtap-gen/population.h"
#include "app/mailtap-gen/units.h"
#include "toml++/toml.h"

namespace mailtap::gen {
namespace {

constexpr uint32_t kLargestMessage = 100'000'000;

// What a [[session]] says before its parts are put together.
struct Draft {
  RecipeSession session;
  uint64_t upload = 0;
  uint64_t download = 0;
  uint64_t messages = 1;
  uint64_t for_ns = 0;
  bool has_client = false, has_server = false, has_upload = false;
};

std::string Where(const toml::node& node, const std::string& path) {
  std::ostringstream text;
  text << path << ':' << node.source().begin.line << ':' << node.source().begin.column << ": ";
  return text.str();
}

// The node as people would write it on a command line; nothing for tables and arrays.
std::optional<std::string> AsText(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return text;
  if (const auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  if (!node.is_integer() && !node.is_floating_point()) return std::nullopt;
  if (node.is_integer()) return std::to_string(*node.value<int64_t>());
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), *node.value<double>());
  return std::string(digits, end.ptr);
}

template <typename T>
bool Store(const std::optional<uint64_t>& value, T& field, uint64_t low, uint64_t high) {
  if (!value || *value < low || *value > high) return false;
  field = static_cast<T>(*value);
  return true;
}

bool StoreAddress(const std::string& text, Address& field, bool& given) {
  const std::optional<Address> address = ParseAddress(text);
  if (address) field = *address;
  given = address.has_value();
  return given;
}

template <typename Enum>
bool StoreName(const std::string& text, const char* const (&names)[3], Enum& field) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (text != names[i]) continue;
    field = static_cast<Enum>(i);
    return true;
  }
  return false;
}

struct Key {
  const char* help;
  std::function<bool(const std::string&, Draft&)> store;
};

const std::map<std::string, Key>& Keys() {
  constexpr uint64_t kMost = uint64_t{1} << 40;
  using Text = const std::string&;
  static const std::map<std::string, Key> keys = {
      {"name",
       {"what the truth calls it (\"recipe\")",
        [](Text t, Draft& d) { return !(d.session.name = t).empty(); }}},
      {"at",
       {"when the first one starts, after the capture's start (\"0s\")",
        [](Text t, Draft& d) {
          return Store(ParseDuration(t), d.session.at_ns, 0, ~uint64_t{0});
        }}},
      {"every",
       {"from one start to the next; with `for`",
        [](Text t, Draft& d) {
          return Store(ParseDuration(t), d.session.every_ns, 1, ~uint64_t{0});
        }}},
      {"for",
       {"how long new ones start; one at `at`, none at `at` + `for`",
        [](Text t, Draft& d) { return Store(ParseDuration(t), d.for_ns, 1, ~uint64_t{0}); }}},
      {"client",
       {"its address",
        [](Text t, Draft& d) { return StoreAddress(t, d.session.client, d.has_client); }}},
      {"clients",
       {"so many addresses from `client` on, in turn (1)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.session.clients, 1, 1u << 20); }}},
      {"server",
       {"its address",
        [](Text t, Draft& d) { return StoreAddress(t, d.session.server, d.has_server); }}},
      {"servers",
       {"so many addresses from `server` on, in turn (1)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.session.servers, 1, 1u << 20); }}},
      {"port",
       {"the server's (the service's usual one)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.session.port, 1, 65'535); }}},
      {"service",
       {"smtp, imap or pop3 (\"smtp\")",
        [](Text t, Draft& d) {
          return StoreName(t, kMailServiceNames, d.session.script.service);
        }}},
      {"tls",
       {"none, starttls or implicit (\"none\")",
        [](Text t, Draft& d) { return StoreName(t, kMailTlsNames, d.session.script.tls); }}},
      {"sni",
       {"the name in the ClientHello (none)",
        [](Text t, Draft& d) { return !(d.session.script.sni = t).empty(); }}},
      {"upload",
       {"bytes of text that the client sends in a session, header lines apart: smtp, imap "
        "(10kB for smtp)",
        [](Text t, Draft& d) {
          d.has_upload = true;
          return Store(ParseSize(t), d.upload, 0, kMost);
        }}},
      {"download",
       {"bytes of text that it fetches: imap, pop3 (0)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.download, 0, kMost); }}},
      {"messages",
       {"that these bytes are split over (1)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.messages, 1, 100'000); }}},
      {"rejected",
       {"SMTP transactions refused besides, of 2 kB at most (0)",
        [](Text t, Draft& d) {
          return Store(ParseSize(t), d.session.script.rejected, 0, 100'000);
        }}},
      {"idle",
       {"IMAP IDLE at the session's end (none)",
        [](Text t, Draft& d) {
          uint64_t ns = 0;
          if (!Store(ParseDuration(t), ns, 0, 4'000'000'000'000)) return false;
          d.session.script.idle_us = static_cast<uint32_t>(ns / 1'000);
          return true;
        }}},
      {"speed",
       {"bytes a second while bytes flow (125MB)",
        [](Text t, Draft& d) { return Store(ParseSize(t), d.session.speed, 1'000, kMost); }}},
      {"reset",
       {"true: ends with RST (false)",
        [](Text t, Draft& d) {
          d.session.reset = t == "true";
          return d.session.reset || t == "false";
        }}},
  };
  return keys;
}

// What is wrong with the session as a whole, or nothing.
std::string Complete(Draft& d) {
  RecipeSession& s = d.session;
  const bool smtp = s.script.service == MailService::kSmtp;
  if (!d.has_client || !d.has_server) return "a session needs client and server";
  if (s.client.v6 != s.server.v6) return "client and server are of different IP versions";
  if ((s.every_ns == 0) != (d.for_ns == 0)) return "every and for go together";
  if (smtp && d.download != 0) return "SMTP has no download";
  if (!smtp && s.script.rejected != 0) return "only SMTP transactions can be rejected";
  if (s.script.service == MailService::kPop3 && d.upload != 0) return "POP3 has no upload";
  if (s.script.tls == MailTls::kNone && !s.script.sni.empty()) return "sni needs tls";
  if (s.script.service != MailService::kImap && s.script.idle_us != 0) return "only IMAP idles";
  if (Plus(s.client, s.clients - 1) < s.client || Plus(s.server, s.servers - 1) < s.server) {
    return "clients or servers reach beyond the last address";
  }
  if (smtp && !d.has_upload) d.upload = 10'000;
  if (std::max(d.upload, d.download) / d.messages > kLargestMessage) {
    return "more than 100 MB a message: raise messages";
  }
  if (s.every_ns != 0) s.count = (d.for_ns + s.every_ns - 1) / s.every_ns;
  const auto split = [&d](uint64_t bytes, uint32_t& count, SizeRange& size) {
    count = bytes == 0 ? 0 : static_cast<uint32_t>(d.messages);
    const auto each = static_cast<uint32_t>(std::max<uint64_t>(1, bytes / d.messages));
    size = {each, each};
  };
  split(d.upload, s.script.uploads, s.script.upload_size);
  split(d.download, s.script.downloads, s.script.download_size);
  s.script.server_name = "mx.example.net";
  if (s.port == 0) {
    constexpr uint16_t kClear[] = {25, 143, 110}, kImplicit[] = {465, 993, 995};
    const auto i = static_cast<std::size_t>(s.script.service);
    s.port = s.script.tls == MailTls::kImplicit ? kImplicit[i] : kClear[i];
  }
  return "";
}

absl::StatusOr<RecipeSession> ReadSession(const toml::table& table, const std::string& path) {
  Draft draft;
  for (const auto& [name, node] : table) {
    const auto key = Keys().find(std::string(name.str()));
    if (key == Keys().end()) {
      return absl::InvalidArgumentError(Where(node, path) + "unknown key " +
                                        std::string(name.str()));
    }
    const std::optional<std::string> text = AsText(node);
    if (!text || !key->second.store(*text, draft)) {
      return absl::InvalidArgumentError(Where(node, path) + key->first +
                                        ": bad value; it is: " + key->second.help);
    }
  }
  if (const std::string fault = Complete(draft); !fault.empty()) {
    return absl::InvalidArgumentError(Where(table, path) + fault);
  }
  return draft.session;
}

}  // namespace

absl::StatusOr<Recipe> ReadRecipe(const std::string& path) {
  toml::table root;
  // A folder opens, and can't be read.
  std::ifstream file(path);
  file.peek();
  if (!file.is_open() || file.bad()) {
    return absl::NotFoundError(path + ": " + std::strerror(errno));
  }
  try {
    root = toml::parse_file(path);
  } catch (const toml::parse_error& error) {
    std::ostringstream text;
    text << path << ':' << error.source().begin.line << ':' << error.source().begin.column
         << ": " << error.description();
    return absl::InvalidArgumentError(text.str());
  }
  Recipe recipe;
  for (const auto& [name, node] : root) {
    if (name.str() == "traffic" && node.is_table()) {
      for (const auto& [option, value] : *node.as_table()) {
        const std::optional<std::string> text = AsText(value);
        if (!text) return absl::InvalidArgumentError(Where(value, path) + "not a plain value");
        if (option == "recipe" || option == "out" || option == "port") {
          return absl::InvalidArgumentError(Where(value, path) + std::string(option.str()) +
                                            " is for the command line alone");
        }
        recipe.arguments.push_back("--" + std::string(option.str()) + "=" + *text);
      }
    } else if (name.str() == "session" && node.is_array_of_tables()) {
      for (const toml::node& session : *node.as_array()) {
        absl::StatusOr<RecipeSession> read = ReadSession(*session.as_table(), path);
        if (!read.ok()) return read.status();
        recipe.sessions.push_back(*std::move(read));
      }
    } else {
      return absl::InvalidArgumentError(Where(node, path) +
                                        "expected [traffic] or [[session]], not " +
                                        std::string(name.str()));
    }
  }
  return recipe;
}

std::string DescribeRecipe() {
  std::string text;
  for (const auto& [name, key] : Keys()) {
    std::string line = "  " + name;
    line.resize(std::max<std::size_t>(line.size() + 1, 12), ' ');
    text += line + key.help + "\n";
  }
  return text;
}

}  // namespace mailtap::gen
