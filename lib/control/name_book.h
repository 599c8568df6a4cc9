// What servers call themselves, and the SNI of sessions that are still alive.
#ifndef MAILTAP_LIB_CONTROL_NAME_BOOK_H_
#define MAILTAP_LIB_CONTROL_NAME_BOOK_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "lib/base/archive.h"
#include "lib/control/bounds.h"
#include "lib/control/host_key.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Control thread only.
class NameBook {
 public:
  explicit NameBook(const Bounds& bounds) : bounds_(bounds) {}

  // Takes in a name. An SNI is kept for its session until TakeSni(). Of several names of one
  // server an SNI beats a greeting, then the earliest wins, then the first by letters; one that
  // isn't made of letters, digits, dots, hyphens and underscores labels no server, so that it
  // can be printed anywhere.
  void Add(const meter::NameRecord& name);

  // The SNI that went before this session, or empty. Forgets it.
  std::string TakeSni(const meter::SessionRecord& session);

  // The name of a server, or empty.
  const std::string& ServerName(const HostKey& server) const;

  void Save(ArchiveWriter& out) const;
  // Into a book that is empty.
  void Restore(ArchiveReader& in);

  // Forgets the earliest names where there are more than the bounds allow. Returns how many.
  std::size_t Trim();

 private:
  struct Claim {
    meter::NameSource source;
    UnixNanos time;
    std::string text;
    friend auto operator<=>(const Claim&, const Claim&) = default;  // the smallest is the best
  };
  using SessionKey = std::pair<meter::ConversationKey, uint64_t>;

  const Bounds bounds_;
  absl::flat_hash_map<HostKey, Claim> servers_;
  absl::flat_hash_map<SessionKey, Claim> sessions_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_NAME_BOOK_H_
