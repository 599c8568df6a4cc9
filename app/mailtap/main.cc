// mailtap: finds hosts that send much mail past the enterprise's own relays.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "app/mailtap/check.h"
#include "app/mailtap/explain.h"
#include "app/mailtap/propose.h"
#include "app/mailtap/reload.h"
#include "app/mailtap/replay.h"
#include "app/mailtap/report.h"
#include "app/mailtap/run.h"
#include "lib/base/background_log.h"
#include "lib/base/log.h"
#include "lib/config/relay_file.h"

namespace mailtap::app {
namespace {

// `status`, unless something that went to standard output got lost: nobody may take what is
// left of it for the whole.
int AllWritten(int status) {
  if (std::cout.flush().good()) return status;
  LogError("standard output could not be written");
  return 1;
}

// The configuration, or null after printing its faults. Warnings go to standard error too.
std::shared_ptr<const config::Config> LoadConfig(const std::string& path, bool for_sensor) {
  config::ParseResult result = for_sensor ? LoadForSensor(path) : config::LoadFile(path);
  for (const config::Fault& warning : result.warnings) {
    std::cerr << config::ToString(warning) << " (warning)\n";
  }
  for (const config::Fault& fault : result.faults) {
    std::cerr << config::ToString(fault) << '\n';
  }
  if (!result.config.has_value()) return nullptr;
  SetLogLevel(result.config->log_level);
  return std::make_shared<const config::Config>(*std::move(result.config));
}

// Refuses what is empty, as a variable that isn't set leaves it: that is not one that wasn't
// given.
CLI::Validator NotEmpty(const std::string& what) {
  return CLI::Validator(
      [what](const std::string& text) {
        return text.empty() ? "the " + what + " is empty" : std::string();
      },
      "");
}

// The name of a file to be written. For captures - is standard input, but no file here.
CLI::Validator NamesOutput() {
  return NotEmpty("name") &
         CLI::Validator(
             [](const std::string& text) {
               return std::string(text == "-" ? "- is no file here; name one, or /dev/stdout"
                                              : "");
             },
             "");
}

CLI::App* AddReplay(CLI::App& cli, ReplayOptions& options, std::string& config_path) {
  CLI::App* replay =
      cli.add_subcommand("replay", "judge captures as if they were live traffic");
  replay
      ->add_option("captures", options.captures,
                   "pcap or pcapng files, - for standard input; several merge by time")
      ->required();
  replay->add_option("--config", config_path, "configuration file")->capture_default_str();
  const auto output = [replay](const char* option, std::string& name, const char* help) {
    replay->add_option(option, name, help)->check(NamesOutput());
  };
  output("--flows", options.flows, "write mail sessions here, one JSON a line");
  output("--alerts", options.alerts, "write alerts here, one JSON a line");
  output("--report", options.report, "write the report here, as JSON");
  output("--metrics", options.metrics, "write the metrics here, as Prometheus text");
  replay
      ->add_option("--state", options.state,
                   "keep state in this folder: what was stopped goes on when it is run again")
      ->check(NotEmpty("name"));
  replay->add_option("--workers", options.workers, "worker threads")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  return replay;
}

void AddState(CLI::App& command, std::string& state) {
  command
      .add_option("--state", state,
                  "the state's folder, or its file state.db; default: the configuration's")
      ->check(NotEmpty("name"));
}

void AddPeriod(CLI::App& command, std::string& since, std::string& until,
               const std::string& default_since) {
  command
      .add_option("--since", since,
                  "a time (2026-01-05, 2026-01-05T09:00: UTC) or how long before the end (7d); "
                  "default: " +
                      default_since)
      ->check(NotEmpty("time"));
  command.add_option("--until", until, "likewise; default: the last checkpoint")
      ->check(NotEmpty("time"));
}

CLI::App* AddReport(CLI::App& cli, ReportOptions& options, std::string& config_path) {
  CLI::App* report = cli.add_subcommand(
      "report", "hosts, relays, exceptions and coverage of a time, from a sensor's state");
  AddState(*report, options.state);
  report->add_option("--config", config_path, "configuration file, read for state.directory")
      ->capture_default_str();
  AddPeriod(*report, options.since, options.until, "all that is known");
  report->add_option("--format", options.format, "text, json or html")
      ->check(CLI::IsMember({"text", "json", "html"}))
      ->capture_default_str();
  report->add_option("--output", options.output, "write it here, not to standard output")
      ->check(NamesOutput());
  report->footer("Example: mailtap report --since 30d --format html --output report.html");
  return report;
}

CLI::App* AddPropose(CLI::App& cli, ProposeOptions& options, std::string& config_path) {
  CLI::App* propose = cli.add_subcommand(
      "propose", "groups, thresholds and relay entries that a sensor's traffic suggests");
  propose->add_option("--config", config_path, "configuration file that they are for")
      ->capture_default_str();
  AddState(*propose, options.state);
  AddPeriod(*propose, options.since, options.until,
            "four weeks, or more where [learning] asks for it");
  propose->add_option("--output", options.output, "write it here, not to standard output")
      ->check(NamesOutput());
  propose->footer("It is configuration text to review; nothing comes into force by itself.");
  return propose;
}

CLI::App* AddExplain(CLI::App& cli, ExplainOptions& options, std::string& config_path) {
  CLI::App* explain = cli.add_subcommand(
      "explain", "why mail of a host is approved or not, and where it stands");
  explain->add_option("host", options.host, "IP address")->required();
  explain->add_option("peer", options.peer, "IP address of the other end")
      ->check(NotEmpty("address"));
  explain->add_option("--config", config_path, "configuration file")->capture_default_str();
  AddState(*explain, options.state);
  explain->add_flag("--json", options.json, "as JSON");
  explain->footer("Ends with 2 where the state knows no mail of the host, or with the peer.");
  return explain;
}

// The first word, where it is none: CLI11 would say that a subcommand is required.
std::string UnknownSubcommand(const CLI::App& cli, int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  if (word.empty() || word[0] == '-') return "";
  const auto is_it = [&](const CLI::App* command) { return command->get_name() == word; };
  return cli.get_subcommands(is_it).empty() ? word : "";
}

int Main(int argc, char** argv) {
  CLI::App cli{
      "Finds hosts that send large volumes of SMTP, IMAP or POP3 traffic past the "
      "enterprise's own mail infrastructure.",
      "mailtap"};
  cli.set_version_flag("--version", std::string(MAILTAP_VERSION));
  cli.require_subcommand(1);

  std::string config_path = "/etc/mailtap/mailtap.toml";
  ReplayOptions replay_options;
  CLI::App* replay = AddReplay(cli, replay_options, config_path);
  bool no_progress = false;
  replay->add_flag("--no-progress", no_progress, "show no progress bar");

  std::string check_path;
  bool print = false;
  CLI::App* check = cli.add_subcommand("check", "check a configuration file");
  check->add_option("file", check_path, "configuration file")->required();
  check->add_flag("--print", print, "print the effective configuration");

  CLI::App* reload =
      cli.add_subcommand("reload", "have the running sensor read its configuration file anew");
  reload->add_option("--config", config_path, "configuration file")->capture_default_str();

  ReportOptions report_options;
  CLI::App* report = AddReport(cli, report_options, config_path);
  ProposeOptions propose_options;
  CLI::App* propose = AddPropose(cli, propose_options, config_path);
  ExplainOptions explain_options;
  CLI::App* explain = AddExplain(cli, explain_options, config_path);

  std::vector<std::string> eal_arguments;
  CLI::App* run = cli.add_subcommand("run", "judge live traffic of DPDK ports");
  run->add_option("--config", config_path, "configuration file")->capture_default_str();
  run->add_option("eal", eal_arguments, "arguments of DPDK's EAL, after --");
  run->footer("Example: mailtap run --config mailtap.toml -- -l 0,1 -a 0000:3b:00.0");

  if (const auto word = UnknownSubcommand(cli, argc, argv); !word.empty()) {
    std::cerr << "there is no subcommand \"" << word << "\"; mailtap --help lists them\n";
    return static_cast<int>(CLI::ExitCodes::ExtrasError);
  }
  CLI11_PARSE(cli, argc, argv);
  if (check->parsed()) {
    const auto config = LoadConfig(check_path, /*for_sensor=*/true);
    return config == nullptr ? 1 : Check(check_path, *config, print);
  }

  report_options.config = config_path;
  if (report->parsed() && !report_options.state.empty()) return Report(report_options);

  const auto config = LoadConfig(config_path, run->parsed() || reload->parsed());
  if (config == nullptr) {
    // Where the sensor is to be found stands in the file too.
    if (reload->parsed()) LogError("nothing is reloaded: the sensor is not asked to read it");
    return 1;
  }
  if (report->parsed()) {
    report_options.state = config->state.directory;
    return Report(report_options);
  }
  if (propose->parsed()) {
    propose_options.config = config_path;
    return Propose(propose_options, config);
  }
  if (explain->parsed()) return Explain(explain_options, config);
  if (reload->parsed()) return Reload(*config, config_path);
  if (run->parsed()) return Run(eal_arguments, config_path, config);
  replay_options.config = config_path;
  replay_options.progress = !no_progress;
  return Replay(replay_options, config);
}

}  // namespace
}  // namespace mailtap::app

int main(int argc, char** argv) {
  // A reader that goes away is an error of that write alone.
  std::signal(SIGPIPE, SIG_IGN);
  int status = 1;
  try {
    status = mailtap::app::AllWritten(mailtap::app::Main(argc, argv));
  } catch (const std::bad_alloc&) {
    mailtap::LogError(
        "out of memory; [limits] may ask for larger tables than there is room for");
  }
  // Where its reader doesn't read, an exit() would wait for standard error's lock.
  if (!mailtap::FlushLog(std::chrono::seconds(2))) ::_exit(status);
  return status;
}
