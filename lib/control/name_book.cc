#include "lib/control/name_book.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "absl/strings/ascii.h"
#include "lib/control/trim.h"

namespace mailtap::control {
namespace {

bool IsPrintableName(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_';
  });
}

void SaveKey(const HostKey& key, ArchiveWriter& out) { out.Put(key); }
void RestoreKey(ArchiveReader& in, HostKey& key) { in.Get(key); }
using SessionKey = std::pair<meter::ConversationKey, uint64_t>;
void SaveKey(const SessionKey& key, ArchiveWriter& out) {
  out.Put(key.first);
  out.Put(key.second);
}
void RestoreKey(ArchiveReader& in, SessionKey& key) {
  in.Get(key.first);
  in.Get(key.second);
}

}  // namespace

void NameBook::Add(const meter::NameRecord& name) {
  const std::size_t length = std::min<std::size_t>(name.length, sizeof(name.text));
  const Claim claim{name.source, name.time, std::string(name.text, length)};
  if (name.source == meter::NameSource::kSni) {
    const auto [at, added] = sessions_.try_emplace({name.key, name.session_id}, claim);
    if (!added) at->second = std::min(at->second, claim);
  }
  const bool has_server = name.key.attribution == meter::Attribution::kFull ||
                          name.key.attribution == meter::Attribution::kServerOnly;
  if (!has_server || !IsPrintableName(claim.text)) return;
  const auto [at, added] = servers_.try_emplace(ServerOf(name.key), claim);
  if (!added) at->second = std::min(at->second, claim);
}

std::string NameBook::TakeSni(const meter::SessionRecord& session) {
  if (!session.has_sni) return {};
  const auto found = sessions_.find(SessionKey{session.key, session.id});
  if (found == sessions_.end()) return {};
  std::string text = std::move(found->second.text);
  sessions_.erase(found);
  return text;
}

const std::string& NameBook::ServerName(const HostKey& server) const {
  static const std::string* const kUnnamed = new std::string;
  const auto found = servers_.find(server);
  return found == servers_.end() ? *kUnnamed : found->second.text;
}

void NameBook::Save(ArchiveWriter& out) const {
  const auto save = [&out](const auto& claims) {
    out.Put(uint64_t{claims.size()});
    for (const auto& [key, claim] : claims) {
      SaveKey(key, out);
      out.Put(claim.source);
      out.Put(claim.time);
      out.PutText(claim.text);
    }
  };
  save(servers_);
  save(sessions_);
}

void NameBook::Restore(ArchiveReader& in) {
  const auto restore = [&in](auto& claims) {
    for (std::size_t n = in.GetCount(sizeof(HostKey)); n > 0; --n) {
      typename std::decay_t<decltype(claims)>::key_type key;
      RestoreKey(in, key);
      Claim& claim = claims[key];
      in.Get(claim.source);
      in.Get(claim.time);
      claim.text = in.GetText();
    }
  };
  restore(servers_);
  restore(sessions_);
}

std::size_t NameBook::Trim() {
  const auto by_time = [](const Claim& claim) { return claim.time; };
  return TrimMap(servers_, bounds_.server_names, by_time) +
         TrimMap(sessions_, bounds_.session_names, by_time);
}

}  // namespace mailtap::control
