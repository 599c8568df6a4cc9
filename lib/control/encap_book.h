// What the encapsulation tags of conversations stand for.
#ifndef MAILTAP_LIB_CONTROL_ENCAP_BOOK_H_
#define MAILTAP_LIB_CONTROL_ENCAP_BOOK_H_

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "lib/base/archive.h"
#include "lib/meter/records.h"

namespace mailtap::control {

// Control thread only.
class EncapBook {
 public:
  explicit EncapBook(std::size_t most) : most_(most) {}

  // False where there is no room for another tag.
  bool Add(const meter::EncapRecord& record) {
    if (layers_.size() >= most_ && !layers_.contains(record.tag)) return false;
    layers_[record.tag] = record.layers;
    return true;
  }

  void Save(ArchiveWriter& out) const {
    out.Put(uint64_t{layers_.size()});
    for (const auto& [tag, layers] : layers_) {
      out.Put(tag);
      out.Put(layers);
    }
  }
  void Restore(ArchiveReader& in) {
    for (std::size_t n = in.GetCount(sizeof(net::EncapStack)); n > 0; --n) {
      const auto tag = in.Get<uint32_t>();
      Add({tag, in.Get<net::EncapStack>()});
    }
  }

  // The layers, outermost first; none for tag 0 and for one that is not known.
  net::EncapStack Of(uint32_t tag) const {
    const auto found = layers_.find(tag);
    return found == layers_.end() ? net::EncapStack{} : found->second;
  }

 private:
  const std::size_t most_;
  absl::flat_hash_map<uint32_t, net::EncapStack> layers_;
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_ENCAP_BOOK_H_
