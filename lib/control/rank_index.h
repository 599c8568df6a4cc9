// The K largest of many changing scores, without looking at all of them.
#ifndef MAILTAP_LIB_CONTROL_RANK_INDEX_H_
#define MAILTAP_LIB_CONTROL_RANK_INDEX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/large_vector.h"

namespace mailtap::control {

// Scores of dense ids, in blocks that each remember their best. Under a strict total order the
// K best of all lie in the K blocks with the best bests, so Top() reads K blocks, not all ids.
// `before(a, b)` says whether id `a` goes before id `b` where their scores are equal; it must
// be the same order in every call. A score of 0 is not ranked. One thread.
template <typename Score>
class RankIndex {
 public:
  // Sets the score of `id`. Constant time.
  template <typename Before>
  void Set(uint32_t id, Score score, Before&& before) {
    if (id >= scores_.size()) Grow(id);
    const Score old = scores_[id];
    if (score == old) return;
    scores_[id] = score;
    Block& block = blocks_[id / kBlock];
    if (block.stale) return;
    if (block.best == id) {
      block.stale = score < old;
    } else if (score > 0 && (block.best == kNone || Precedes(id, block.best, before))) {
      block.best = id;
    }
  }

  Score score(uint32_t id) const { return id < scores_.size() ? scores_[id] : Score{0}; }

  // The at most `k` ids with the largest scores, best first. Time grows with k and with the
  // number of blocks of which the best has fallen since the last call.
  template <typename Before>
  std::vector<uint32_t> Top(std::size_t k, Before&& before) const {
    const auto precedes = [&](uint32_t a, uint32_t b) { return Precedes(a, b, before); };
    std::vector<uint32_t> bests;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_[i].stale) Refresh(i, before);
      if (blocks_[i].best != kNone) bests.push_back(blocks_[i].best);
    }
    if (k == 0 || bests.empty()) return {};
    if (bests.size() > k) {
      std::nth_element(bests.begin(), bests.begin() + (k - 1), bests.end(), precedes);
      bests.resize(k);
    }
    // With fewer than k blocks every ranked id is a candidate, else only those that are not
    // behind the k-th best of the bests.
    const bool all = bests.size() < k;
    const uint32_t last = *std::max_element(bests.begin(), bests.end(), precedes);
    std::vector<uint32_t> top;
    for (const uint32_t best : bests) {
      const auto [begin, end] = Range(best / kBlock);
      for (uint32_t id = begin; id < end; ++id) {
        if (scores_[id] > 0 && (all || !Precedes(last, id, before))) top.push_back(id);
      }
    }
    const std::size_t size = std::min(k, top.size());
    std::partial_sort(top.begin(), top.begin() + size, top.end(), precedes);
    top.resize(size);
    return top;
  }

 private:
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr uint32_t kBlock = 512;
  struct Block {
    uint32_t best = kNone;
    bool stale = false;
  };
  struct IdRange {
    uint32_t begin, end;
  };

  template <typename Before>
  bool Precedes(uint32_t a, uint32_t b, Before& before) const {
    return scores_[a] != scores_[b] ? scores_[a] > scores_[b] : before(a, b);
  }

  IdRange Range(std::size_t block) const {
    const std::size_t begin = block * kBlock;
    return {static_cast<uint32_t>(begin),
            static_cast<uint32_t>(std::min<std::size_t>(begin + kBlock, scores_.size()))};
  }

  template <typename Before>
  void Refresh(std::size_t index, Before& before) const {
    uint32_t best = kNone;
    const auto [begin, end] = Range(index);
    for (uint32_t id = begin; id < end; ++id) {
      if (scores_[id] > 0 && (best == kNone || Precedes(id, best, before))) best = id;
    }
    blocks_[index] = {best, false};
  }

  void Grow(uint32_t id) {
    scores_.resize(id + std::size_t{1}, Score{0});
    blocks_.resize((scores_.size() + kBlock - 1) / kBlock);
  }

  LargeVector<Score> scores_;
  mutable std::vector<Block> blocks_;  // a cache over scores_: Top() refreshes what is stale
};

}  // namespace mailtap::control

#endif  // MAILTAP_LIB_CONTROL_RANK_INDEX_H_
