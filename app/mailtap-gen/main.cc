// mailtap-gen: writes captures with a known truth beside them.
#include <csignal>
#include <fstream>
#include <iostream>
#include <variant>

#include "absl/status/status.h"
#include "app/mailtap-gen/capture_file.h"
#include "app/mailtap-gen/engine.h"
#include "app/mailtap-gen/mirror.h"
#include "app/mailtap-gen/options.h"
#include "app/mailtap-gen/truth.h"
#include "nlohmann/json.hpp"

namespace mailtap::gen {
namespace {

absl::Status WriteSummary(const Options& options, const TruthFile& truth, const Mirror& mirror,
                          const CaptureFile& file, uint64_t forged) {
  if (options.summary.empty()) return absl::OkStatus();
  nlohmann::ordered_json summary = {{"arguments", options.arguments},
                                    {"packets", file.packets()}};
  summary["mirror"] = mirror.Summary();
  summary["mirror"]["forged"] = forged;
  summary.update(truth.Summary());
  std::ofstream out(options.summary, std::ios::trunc);
  out << summary.dump(1) << '\n';
  out.close();
  return out ? absl::OkStatus()
             : absl::UnavailableError(options.summary + ": can't be written");
}

absl::Status Run(const Options& options) {
  constexpr uint32_t kUsualSnap = 262'144;
  const uint32_t snap = options.mirror.snap == 0 ? kUsualSnap : options.mirror.snap;
  absl::StatusOr<CaptureFile> file = CaptureFile::Create(options.out, options.format, snap);
  if (!file.ok()) return file.status();
  absl::StatusOr<TruthFile> truth = TruthFile::Create(options.truth);
  if (!truth.ok()) return truth.status();
  Mirror mirror(options.mirror, *file);
  Engine engine(options.engine, options.recipe.sessions, mirror, *truth);
  engine.Run();
  mirror.Finish();
  if (absl::Status status = file->Close(); !status.ok()) return status;
  if (absl::Status status = truth->Close(); !status.ok()) return status;
  if (absl::Status status = WriteSummary(options, *truth, mirror, *file, engine.forged());
      !status.ok()) {
    return status;
  }
  std::cerr << options.out << ": " << file->packets() << " packets, " << truth->mail_sessions()
            << " mail sessions\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace mailtap::gen

int main(int argc, char** argv) {
  // A reader that closes the pipe early is a failed write, not a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  auto parsed = mailtap::gen::ParseCommandLine(argc, argv);
  if (const auto* status = std::get_if<mailtap::gen::ExitStatus>(&parsed)) return status->value;
  const absl::Status status = mailtap::gen::Run(std::get<mailtap::gen::Options>(parsed));
  if (!status.ok()) {
    std::cerr << "mailtap-gen: " << status.message() << '\n';
    return 1;
  }
  return 0;
}
