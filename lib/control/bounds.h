// How much the control core keeps at most. Reaching a bound never touches the totals; it costs
// evidence or old window content, and is counted in Snapshot::peers_forgotten.
#ifndef MAILTAP_LIB_CONTROL_BOUNDS_H_
#define MAILTAP_LIB_CONTROL_BOUNDS_H_

#include <cstddef>

namespace mailtap::control {

struct Bounds {
  std::size_t conversations = 2'097'152;   // about 200 bytes each; the longest idle go first
  std::size_t hosts = 2'097'152;           // about 300 bytes each; as above
  std::size_t window_rows = 67'108'864;    // (rule, host, role, bucket), 8 to 20 bytes each
  std::size_t evidence_rows = 8'388'608;   // (conversation, bucket), 72 bytes each
  std::size_t failure_rows = 1'048'576;    // (host, failing peer, bucket), about 100 bytes each
  std::size_t session_names = 1'048'576;   // SNIs whose sessions are still alive
  std::size_t server_names = 262'144;      // names that servers claimed
  std::size_t relay_clients = 1'048'576;   // (relay, client) pairs told apart
  std::size_t baseline_slots = 4'194'304;  // (rule, host, hour of the week), about 110 bytes
  std::size_t encapsulations = 262'144;    // tags of which the layers are known
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_BOUNDS_H_
