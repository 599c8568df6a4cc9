// [[relay]], [[relay_file]] and [dns]: the approved mail infrastructure, and by what it is
// known. Part of lib/config/config.h, which says where defaults stand and how these structs
// live.
#ifndef MAILTAP_LIB_CONFIG_RELAY_H_
#define MAILTAP_LIB_CONFIG_RELAY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "lib/base/mail.h"
#include "lib/net/address.h"

namespace mailtap::config {

// What an entry does to mail that it matches.
enum class RelayMode : uint8_t {
  kEnforce,  // approves it
  kObserve,  // counts what it would approve
};
inline constexpr std::array<absl::string_view, 2> kRelayModeNames = {"enforce", "observe"};
constexpr absl::string_view Name(RelayMode m) { return kRelayModeNames[static_cast<int>(m)]; }

// Whom an entry believes about a server's name.
enum class RelayTrust : uint8_t {
  kDns,      // [dns] resolvers
  kClaimed,  // also the server and its client: SNI, greeting, certificate
};
inline constexpr std::array<absl::string_view, 2> kRelayTrustNames = {"dns", "claimed"};
constexpr absl::string_view Name(RelayTrust t) { return kRelayTrustNames[static_cast<int>(t)]; }

// Which way mail goes, by who opened the session.
enum class MailFlow : uint8_t {
  kOutbound,  // an internal client to an external server
  kInbound,   // an external client to an internal server
  kInternal,  // both are internal
};
inline constexpr std::array<absl::string_view, 3> kMailFlowNames = {"outbound", "inbound",
                                                                    "internal"};
constexpr absl::string_view Name(MailFlow f) { return kMailFlowNames[static_cast<int>(f)]; }

// The `rule` of the alert on an entry whose last day is over; no [[rule]] may be called so.
inline constexpr absl::string_view kRelayExpired = "relay:expired";

struct Date {
  int year = 1970;
  int month = 1;
  int day = 1;
  friend bool operator==(const Date&, const Date&) = default;
};
// "2027-06-30"
std::string ToString(const Date& date);
// Whether the calendar has it.
bool IsDay(const Date& date);
// The first tick after `date` by the clock of `timezone`, which must be a known one.
int64_t EndOfDay(const Date& date, const std::string& timezone);

// [[relay]]: a way that mail may go. A key left out means "any"; all given must fit.
struct Relay {
  std::string name;                       // required, unique
  std::vector<net::Prefix> sources;       // who may use it (the client)
  std::vector<net::Prefix> destinations;  // where it is (the server)
  std::vector<std::string> names;         // what the server is called: see NormalizePattern()
  RelayTrust trust = RelayTrust::kDns;
  std::vector<Service> services;
  std::vector<uint16_t> ports;  // server ports
  std::optional<MailFlow> direction;
  std::string owner;  // free text, shown in reports, as the next two
  std::string reason;
  std::string ticket;
  std::optional<Date> expires;  // through that day
  int64_t ends = INT64_MAX;     // the first tick at which it no longer counts; of `expires`
  RelayMode mode = RelayMode::kEnforce;

  // Of an entry out of a relay file: the server fits by its address or by its name.
  bool either = false;
  std::string file;  // where it stands: a relay file's path, or empty
  int line = 0;      // and the line there
};

// Whether it matches mail from anywhere, or from all of the `internal` networks, to anywhere,
// were it not for services, ports and the direction.
bool CoversEverything(const Relay& relay, const std::vector<net::Prefix>& internal);

enum class RelayFormat : uint8_t {
  kList,          // a prefix or name a line
  kCsv,           // an entry a row
  kMicrosoft365,  // the JSON that Microsoft publishes for its 365 endpoints
};
inline constexpr std::array<absl::string_view, 3> kRelayFormatNames = {"list", "csv",
                                                                       "microsoft365"};
constexpr absl::string_view Name(RelayFormat f) {
  return kRelayFormatNames[static_cast<int>(f)];
}

// [[relay_file]]: entries that stand in a file of their own. They come after all [[relay]]s.
struct RelayFile {
  std::string path;                         // required
  RelayFormat format = RelayFormat::kList;  // default: by the path's ending, .csv or .json
  std::vector<std::string> service_areas;   // of microsoft365: which count; empty: all
  // What its entries have where the file doesn't say otherwise. The name is the list's one
  // entry's; others put it before their own, "name: own".
  Relay entry;
};

// [dns]: who is believed about names.
struct Dns {
  std::vector<net::Prefix> resolvers;  // answers from their port 53 are learnt; empty: none
  int64_t grace_seconds = 3'600;  // how long a name holds after its time to live; 0 s .. 7 d
  int64_t names = 262'144;        // (name, address) pairs remembered
};

}  // namespace mailtap::config

#endif  // MAILTAP_LIB_CONFIG_RELAY_H_
