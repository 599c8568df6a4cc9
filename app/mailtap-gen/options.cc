#include "app/mailtap-gen/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include "CLI/CLI.hpp"
#include "app/mailtap-gen/option_texts.h"

namespace mailtap::gen {
namespace {

constexpr char kDescription[] =
    R"(Writes captures of mail among other traffic, with a known truth beside them.

  mailtap-gen --out traffic.pcap
  mailtap-gen --out big.pcap --packets 5M --flows 20k --hosts 2000 --seed 7
  mailtap-gen --out - --truth t.jsonl --packets 1M | mailtap replay - --config c.toml
  mailtap-gen --out attack.pcap --recipe app/mailtap-gen/recipes/demo.toml
  mailtap-gen --port 0 --rate 5M --duration 10s -- -l 0-3 -a 0000:03:00.0
  mailtap-gen --out bad.pcap --encap mixed --duplicate 100 --copy mixed --reorder 20

The same arguments give the same bytes. Every mail session in a capture is complete; background
is cut where the capture ends. Beside FILE.pcap are written
  FILE.truth.jsonl   one JSON object for each mail session, as it ends: those fields of
                     `mailtap replay --flows` that it can know (nothing inferred or judged),
                     and odd_port, reset, forged and origin
  FILE.summary.json  totals by host, role and service, the background, and what the mirror did
What a bad mirror does to the capture (see "Mirror") leaves the truth as it is.)";

constexpr char kPopulation[] = R"(
Network:
  10.1.0.0/16 up, fd00:1::/32       workstations (--hosts)
  10.20.0.10, fd00:20::10           internal mail gateway
  10.20.0.20, fd00:20::20           internal mailbox server
  10.20.1.0/24, fd00:20:1::/48      other internal servers
  192.0.2.1-14, 2001:db8:1::1-e     the enterprise's relays outside
  198.51.100.0/24, 2001:db8:2::/48  strangers' mail servers (--unlisted) and clients
  203.0.113.0/24, 2001:db8:3::/48   web and other servers outside

Mail ports: 25, 587, 143, 110 in clear or with STARTTLS, 465, 993, 995 with TLS. Odd ones: 2525,
8025, 10143, 10110; with TLS 2465, 10993, 10995, and then the ClientHello always names smtp., imap.
or pop.example.net. Background: HTTP, HTTPS, SSH, PostgreSQL, MySQL, DNS, FTP, Redis, NNTP, IRC,
ManageSieve, ICMP, and SYNs to mail ports that nobody answers.
)";

std::string Footer() {
  return std::string(kPopulation) +
         "\nKinds of --encap, with the number each has unless KIND:NUMBER says another; "
         "tunnels "
         "over\nIP take KIND/6 for an outer IPv6 header:\n" +
         Encapsulation::Describe() +
         "\nA recipe is a TOML file. [traffic] holds options of this command (packets = 0 for "
         "the\nrecipe's sessions alone; the command line wins). Each [[session]] has the "
         "keys\n" +
         DescribeRecipe();
}

// Which is within every range.
std::string NoNan(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? "Value " + text + " is no number"
                                                        : "";
}

// CLI11 takes others for the largest.
std::string WholeNumber(const std::string& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? "" : "Value " + text + " is no whole number up to 2^64 - 1";
}

CLI::Option* AddPercent(CLI::App& app, const std::string& name, double& value,
                        const std::string& help) {
  return app.add_option(name, value, help)
      ->check(CLI::Range(0.0, 100.0) & CLI::Validator(NoNan, ""))
      ->type_name("PCT")
      ->capture_default_str();
}

// Of files: an empty name, as a variable that isn't set leaves it, is not one that wasn't
// given.
std::string NoEmptyName(const std::string& text) {
  return text.empty() ? "the name is empty" : "";
}

void AddOutput(CLI::App& app, Texts& texts, PortOptions& port) {
  const std::string group = "Output";
  app.add_option(
         "--port", port.port,
         "sends on this DPDK port instead of writing a capture: all that was asked for, "
         "once, or for the --duration; at the --rate, or as fast as the port takes it; "
         "from one lcore a queue. What stands behind -- goes to DPDK's EAL")
      ->type_name("N")
      ->check(CLI::Range(0, 1'023))
      ->group(group);
  app.add_option("--out", texts.out, "the capture; - for standard output")
      ->type_name("FILE")
      ->check(NoEmptyName, "")
      ->group(group);
  app.add_option("--truth", texts.truth, "the sessions' truth, instead of beside the capture")
      ->type_name("FILE")
      ->check(NoEmptyName, "")
      ->group(group);
  app.add_option("--summary", texts.summary, "the summary, instead of beside the capture")
      ->type_name("FILE")
      ->check(NoEmptyName, "")
      ->group(group);
  app.add_option("--format", texts.format,
                 "pcap (microseconds), pcap-ns (nanoseconds) or pcapng (nanoseconds)")
      ->check(CLI::IsMember({"pcap", "pcap-ns", "pcapng"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--recipe", texts.recipe, "places explicit sessions; see below")
      ->type_name("FILE")
      ->check(NoEmptyName, "")
      ->group(group);
}

void AddTraffic(CLI::App& app, Texts& texts, EngineOptions& engine) {
  const std::string group = "Traffic";
  const auto text = [&](const char* name, std::string& value, const char* type,
                        const char* help) {
    app.add_option(name, value, help)->type_name(type)->capture_default_str()->group(group);
  };
  PopulationOptions& who = engine.population;
  app.add_option("--seed", engine.seed, "of everything that is left to chance")
      ->type_name("N")
      ->check(WholeNumber, "")
      ->capture_default_str()
      ->group(group);
  text("--packets", texts.packets, "N", "exactly so many, a recipe's apart [100k]");
  text("--hosts", texts.hosts, "N", "workstations [200]");
  text("--flows", texts.flows, "N", "connections at once, while new ones begin [200]");
  AddPercent(app, "--mail-share", engine.mail_share,
             "share of the packets that is mail, where they are many more than one session has")
      ->group(group);
  text("--packet-size", texts.packet_size, "N|imix",
       "largest TCP frame, 128 to 9216 bytes, or 128/594/1514 as 7:4:1 of the flows");
  text("--message-size", texts.message_size, "SIZE",
       "of the largest mail message's text, its header lines apart");
  text("--rate", texts.rate, "N",
       "packets a second [as fast as the sessions are by themselves]");
  text("--duration", texts.duration, "TIME", "of the capture, instead of a rate");
  text("--start", texts.start, "TIME", "of the first packet");
  AddPercent(app, "--ipv6", who.ipv6, "share of the flows")->group(group);
  AddPercent(app, "--odd-ports", who.odd_ports, "share of the mail sessions")->group(group);
  AddPercent(app, "--proxied", who.proxied, "share of the mail sessions: inside a tunnel")
      ->group(group);
  AddPercent(app, "--starttls", who.starttls, "share of the mail sessions")->group(group);
  AddPercent(app, "--implicit-tls", who.implicit_tls, "share of the mail sessions")
      ->group(group);
  AddPercent(app, "--unlisted", who.unlisted,
             "share of the mail sessions that go from workstations straight to strangers")
      ->group(group);
}

void AddMirror(CLI::App& app, Texts& texts, EngineOptions& engine, MirrorOptions& mirror) {
  const std::string group = "Mirror";
  const auto percent = [&](const char* name, double& value, const char* help) {
    AddPercent(app, name, value, help)->group(group);
  };
  app.add_option(
         "--encap", texts.encap,
         "wraps all frames: kinds outermost first, like vlan:100,vxlan:77; or mixed: each "
         "flow in one of all kinds, or none")
      ->type_name("KINDS")
      ->group(group);
  percent("--duplicate", mirror.duplicate, "frames that are captured twice");
  app.add_option(
         "--copy", texts.copy,
         "what differs in a duplicate: nothing (exact), ttl, vlan, mac, tunnel, or one of "
         "these in turn (mixed)")
      ->check(CLI::IsMember({"exact", "ttl", "vlan", "mac", "tunnel", "mixed"}))
      ->capture_default_str()
      ->group(group);
  percent("--lose", mirror.lose, "frames that are missing");
  percent("--reorder", mirror.reorder, "frames that come late");
  app.add_option("--reorder-by", texts.reorder_by, "how late at most")
      ->type_name("TIME")
      ->capture_default_str()
      ->group(group);
  percent("--retransmit", mirror.retransmit,
          "segments that their sender sends again within 200 ms");
  app.add_option("--fragment", mirror.fragment,
                 "cuts IP packets into fragments with at most so many bytes of payload")
      ->type_name("BYTES")
      ->check(CLI::Range(8, 65'528))
      ->group(group);
  app.add_option("--snap", mirror.snap, "captures at most so many bytes of a frame")
      ->type_name("BYTES")
      ->check(CLI::Range(14, 65'535))
      ->group(group);
  app.add_option("--one-way", texts.one_way,
                 "only what clients send (up), what servers send (down), or one of the two for "
                 "each flow (mixed)")
      ->check(CLI::IsMember({"off", "up", "down", "mixed"}))
      ->capture_default_str()
      ->group(group);
  percent("--forge", engine.forge,
          "mail sessions with up to 3 segments that neither end sent, more than 64 KiB off the "
          "sequence");
  app.add_option("--forge-within", texts.forge_within,
                 "forged segments start at most so far beyond the sequence instead")
      ->type_name("BYTES")
      ->group(group);
}

void Define(CLI::App& app, Texts& texts, Options& options) {
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", MAILTAP_VERSION);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.get_formatter()->column_width(26);
  AddOutput(app, texts, options.port);
  AddTraffic(app, texts, options.engine);
  AddMirror(app, texts, options.engine, options.mirror);
  app.footer(Footer());
}

// CLI11 wants the arguments last first.
void ParseAll(CLI::App& app, std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
}

}  // namespace

std::variant<Options, ExitStatus> ParseCommandLine(int argc, const char* const* argv) {
  const char* const* const end = argv + argc;
  const char* const* const own_end =
      std::find_if(argv, end, [](const char* a) { return std::string_view(a) == "--"; });
  PortOptions port;
  port.eal_arguments.assign(own_end + (own_end == end ? 0 : 1), end);
  Options options;
  options.port = port;
  options.arguments.assign(argv + 1, own_end);
  Recipe recipe;
  std::string recipe_file;
  // Twice: a recipe brings arguments of its own, which those of the command line override.
  for (const bool with_recipe : {false, true}) {
    CLI::App app(kDescription, "mailtap-gen");
    Texts texts;
    Define(app, texts, options);
    try {
      ParseAll(app, options.arguments);
      if (!with_recipe && !texts.recipe.empty()) {
        absl::StatusOr<Recipe> read = ReadRecipe(texts.recipe);
        if (!read.ok()) {
          std::cerr << "mailtap-gen: " << read.status().message() << '\n';
          return ExitStatus{1};
        }
        recipe = *std::move(read);
        recipe_file = texts.recipe;
        // A pace on the command line takes the place of the recipe's, in either form.
        if (!texts.rate.empty() || !texts.duration.empty()) {
          std::erase_if(recipe.arguments, [](const std::string& argument) {
            return argument.starts_with("--rate=") || argument.starts_with("--duration=");
          });
        }
        options = {};
        options.port = port;
        options.arguments = recipe.arguments;
        options.arguments.insert(options.arguments.end(), argv + 1, own_end);
        continue;
      }
      Store(texts, options);
    } catch (const CLI::ParseError& error) {
      return ExitStatus{app.exit(error)};
    }
    break;
  }
  options.recipe = std::move(recipe);
  options.recipe_file = recipe_file;
  return options;
}

}  // namespace mailtap::gen
