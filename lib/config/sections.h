// The configuration's sections, each from its TOML table into its struct. The allowed ranges
// stand here; the defaults stand in config.h.
#ifndef MAILTAP_LIB_CONFIG_SECTIONS_H_
#define MAILTAP_LIB_CONFIG_SECTIONS_H_

#include "lib/config/config.h"
#include "lib/config/findings.h"
#include "lib/config/table_reader.h"

namespace mailtap::config {

// [sensor] [networks] [dns] [services.*] [tls] [baselines] [learning] [assets] [alerts] [state]
// [http] [metrics] [blind_spots.*] [diagnostics] [limits] [timeouts] [tunnels] [dataplane]
// [log]: what the sensor is and how it runs.
void ReadSettings(TableReader& root, Findings& findings, Config& config);

// [[relay]] [[relay_file]] [[group]]; [[rule]]: what it judges by. Each entry of the file gives
// one of the struct, even where it is faulty, so that their order and number agree.
void ReadPolicy(TableReader& root, Config& config);
void ReadRules(TableReader& root, Findings& findings, Config& config);
// [[suppress]]; `config` has its [sensor].
void ReadSuppressions(TableReader& root, Config& config);

// One [[relay]], one [[relay_file]]; `config` has its [sensor].
Relay ReadRelay(TableReader& t, const Config& config);
RelayFile ReadRelayFileEntry(TableReader& t, const Config& config);
void ReadDns(TableReader& t, Dns& dns);

// What no section can see by itself: names used twice, groups that nobody defines, ports that
// two services claim, entries that can have no effect. `config` was read from `root`.
void Validate(const toml::table& root, Findings& findings, const Config& config);
// Its parts about [[suppress]], and about the ports that services and tunnels have.
void CheckSuppressions(const toml::table& root, Findings& findings, const Config& config);
void CheckPorts(const toml::table& root, Findings& findings, const Config& config);

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_SECTIONS_H_
