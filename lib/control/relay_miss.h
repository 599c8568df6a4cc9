// What of a relay entry doesn't fit a conversation, in words.
#ifndef MAILTAP_LIB_CONTROL_RELAY_MISS_H_
#define MAILTAP_LIB_CONTROL_RELAY_MISS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/config.h"
#include "lib/control/dns_book.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// `bits` as RelayMatcher::MissesOf() gives them; each half a sentence. `client` and `server`:
// is that end internal. `lapsed`: of the entry and the server, see DnsBook::LapsedOf(). Pure
// function, any thread.
std::vector<std::string> DescribeMisses(const config::Relay& relay, uint8_t bits,
                                        const meter::ConversationKey& key, bool client,
                                        bool server, const DnsBook::Lapsed& lapsed);

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RELAY_MISS_H_
