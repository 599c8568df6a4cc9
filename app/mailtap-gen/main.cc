// mailtap-gen: writes captures with a known truth beside them, or sends the same on a port.
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <variant>

#include "absl/status/status.h"
#include "app/mailtap-gen/capture_file.h"
#include "app/mailtap-gen/engine.h"
#include "app/mailtap-gen/frame_store.h"
#include "app/mailtap-gen/mirror.h"
#include "app/mailtap-gen/options.h"
#include "app/mailtap-gen/outputs.h"
#include "app/mailtap-gen/port_sender.h"
#include "app/mailtap-gen/truth.h"
#include "nlohmann/json.hpp"

namespace mailtap::gen {
namespace {

using Json = nlohmann::ordered_json;

absl::Status WriteSummary(const Options& options, const TruthFile& truth, const Json& output,
                          const Mirror& mirror, uint64_t forged) {
  if (options.summary.empty()) return absl::OkStatus();
  Json summary = {{"arguments", options.arguments}};
  summary.update(output);
  summary["mirror"] = mirror.Summary();
  summary["mirror"]["forged"] = forged;
  summary.update(truth.Summary());
  std::ofstream out(options.summary, std::ios::trunc);
  out << summary.dump(1) << '\n';
  out.close();
  return out ? absl::OkStatus()
             : absl::UnavailableError(options.summary + ": " + std::strerror(errno));
}

// Runs the engine into `writer` and then finish(), whose result goes into the summary.
template <typename Finish>
absl::Status Generate(const Options& options, FrameWriter& writer, Finish&& finish) {
  absl::StatusOr<TruthFile> truth = TruthFile::Create(options.truth);
  if (!truth.ok()) return truth.status();
  Mirror mirror(options.mirror, writer);
  Engine engine(options.engine, options.recipe.sessions, mirror, *truth);
  if (absl::Status status = engine.Run(); !status.ok()) return status;
  mirror.Finish();
  const absl::Status closed = truth->Close();
  const absl::StatusOr<Json> output = finish(*truth);
  if (!output.ok()) return output.status();
  if (!closed.ok()) return closed;
  return WriteSummary(options, *truth, *output, mirror, engine.forged());
}

absl::Status WriteFile(const Options& options) {
  constexpr uint32_t kUsualSnap = 262'144;
  const uint32_t snap = options.mirror.snap == 0 ? kUsualSnap : options.mirror.snap;
  absl::StatusOr<CaptureFile> file = CaptureFile::Create(options.out, options.format, snap);
  if (!file.ok()) return file.status();
  return Generate(options, *file, [&](const TruthFile& truth) -> absl::StatusOr<Json> {
    if (absl::Status status = file->Close(); !status.ok()) {
      const std::string name = options.out == "-" ? "standard output" : options.out;
      return absl::UnavailableError(name + ": " + std::string(status.message()));
    }
    std::cerr << options.out << ": " << file->packets() << " packets, " << truth.mail_sessions()
              << " mail sessions\n";
    return Json{{"packets", file->packets()}};
  });
}

Json Describe(const PortReport& report) {
  Json queues = Json::array();
  for (const QueueReport& queue : report.queues) {
    queues.push_back(
        {{"lcore", queue.lcore}, {"sent", queue.sent}, {"refused", queue.refused}});
  }
  return {{"device", report.device}, {"sent", report.sent()},     {"refused", report.refused()},
          {"bytes", report.bytes},   {"seconds", report.seconds}, {"queues", queues}};
}

absl::Status Send(const Options& options) {
  FrameStore store;
  return Generate(options, store, [&](const TruthFile&) -> absl::StatusOr<Json> {
    const absl::StatusOr<PortReport> report = SendOnPort(options.port, store);
    if (!report.ok()) return report.status();
    std::cerr << report->device << ": " << report->sent() << " packets sent in "
              << report->seconds << " s, "
              << static_cast<double>(report->sent()) / report->seconds / 1e6 << " Mpps; "
              << report->refused() << " not taken by the port\n";
    return Json{{"packets", store.size()}, {"port", Describe(*report)}};
  });
}

absl::Status Run(const Options& options) {
  if (absl::Status status = CheckOutputs(options); !status.ok()) return status;
  return options.port.port >= 0 ? Send(options) : WriteFile(options);
}

}  // namespace
}  // namespace mailtap::gen

int main(int argc, char** argv) {
  // A reader that closes the pipe early is a failed write, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  auto parsed = mailtap::gen::ParseCommandLine(argc, argv);
  if (const auto* exit = std::get_if<mailtap::gen::ExitStatus>(&parsed)) {
    if (exit->value != 0 || std::cout.flush().good()) return exit->value;
    std::cerr << "mailtap-gen: standard output could not be written\n";
    return 1;
  }
  const absl::Status status = mailtap::gen::Run(std::get<mailtap::gen::Options>(parsed));
  if (!status.ok()) {
    std::cerr << "mailtap-gen: " << status.message() << '\n';
    return 1;
  }
  return 0;
}
