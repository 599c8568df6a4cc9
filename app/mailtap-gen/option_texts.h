// Between the command line's words and its options.
#ifndef MAILTAP_APP_MAILTAP_GEN_OPTION_TEXTS_H_
#define MAILTAP_APP_MAILTAP_GEN_OPTION_TEXTS_H_

#include <string>

#include "CLI/CLI.hpp"
#include "app/mailtap-gen/options.h"

namespace mailtap::gen {

// Text options that need more than a number.
struct Texts {
  std::string out, truth, summary, format = "pcap", recipe;
  std::string packets, hosts, flows, packet_size = "1514", message_size = "60kB";
  std::string rate, duration, start = "2026-01-05T09:00:00Z";
  std::string encap, copy = "exact", reorder_by = "3ms", one_way = "off";
  std::string forge_within;
};

// Tells whoever gave the options what is wrong with them.
inline CLI::ParseError Fault(const std::string& text) {
  return CLI::ParseError(text, CLI::ExitCodes::ValidationError);
}

// Completes `options` by the texts, or throws a Fault.
void Store(const Texts& texts, Options& options);

}  // namespace mailtap::gen

#endif  // MAILTAP_APP_MAILTAP_GEN_OPTION_TEXTS_H_
