// How the SIMD variants share out masked MHA: an item is a head and some of its queries, which are the rows in lanes
// and share each block of 64 keys. A key that a query may not see changes nothing of its sums, so that blocks which
// none of an item's queries sees are left out. Which query sees which key is found once, for all heads.
#pragma once

#include <atomic>

#include "cpu/attention/attend.h"
#include "cpu/kernel.h"
#include "cpu/masked_mha/check.h"

namespace hadal::cpu {
namespace {

constexpr int kMostQueries = 256;

// Blocks come whole. While one is attended, what the next is made of is fetched: `count` tokens from `key` on.
class NextTokens {
 public:
  NextTokens(const hd_masked_mha_args& args, int64_t head, int64_t key, int64_t count)
      : bytes_(static_cast<int64_t>(sizeof(bf16)) * (args.nope_dim + args.v_dim)),
        stride_(bytes_ * args.heads),
        next_(static_cast<const std::byte*>(args.kv) + key * stride_ + head * bytes_),
        left_(count) {}

  void expand(int) const {}
  // A token at a time: of many at once the processor would drop most.
  void fetch() const {
    if (left_ <= 0) return;
    --left_;
    for (int64_t at = 0; at < bytes_; at += 64) __builtin_prefetch(next_ + at);
    next_ += stride_;
  }

 private:
  int64_t bytes_;
  int64_t stride_;
  mutable const std::byte* next_;
  mutable int64_t left_;
};

// Queries of one head, whose number depends on the chunk.
template <class Simd>
using MhaRows = AttentionRows<Simd, false>;

// Bit r of a word: query r of a slab sees the key.
template <class Simd>
struct MhaMask {
  static constexpr int kLanes = MhaRows<Simd>::kLanes;
  uint32_t of[kMostQueries / kLanes][kBlockTokens];
};

// Of a worker.
template <class Simd>
struct MhaScratch {
  using Rows = MhaRows<Simd>;

  MhaMask<Simd> mask;

  static int key_width(const hd_masked_mha_args& args) { return args.nope_dim + HD_ROPE_DIM; }
  static uint64_t header_bytes() { return (sizeof(MhaScratch) + 63) / 64 * 64; }
  static uint64_t block_bytes(const hd_masked_mha_args& args) { return TokenBlock<Simd>::bytes(args.v_dim); }
  static uint64_t bytes(const hd_masked_mha_args& args) {
    return header_bytes() + block_bytes(args) + Rows::query_bytes(kMostQueries, key_width(args) / Simd::kDepth) +
           Rows::state_bytes(kMostQueries, args.v_dim);
  }
};

[[maybe_unused]] inline int64_t mha_tiles(const hd_masked_mha_args& args) {
  return (args.m + kMostQueries - 1) / kMostQueries;
}

[[maybe_unused]] inline int64_t mha_blocks(const hd_masked_mha_args& args) {
  return (args.keys + int64_t{kBlockTokens} - 1) / kBlockTokens;
}

template <class Simd>
uint64_t mha_workspace(const hd_masked_mha_args& args, int threads) {
  const int64_t masks = args.topk > 0 ? mha_tiles(args) * mha_blocks(args) : 0;
  return MhaScratch<Simd>::bytes(args) * static_cast<uint64_t>(threads) +
         static_cast<uint64_t>(masks) * sizeof(MhaMask<Simd>);
}

// Masks [tiles, blocks] of all positions. False where one of them is refused.
template <class Simd>
bool read_positions(const hd_masked_mha_args& args, MhaMask<Simd>* masks, ThreadPool& pool) {
  constexpr int kLanes = MhaMask<Simd>::kLanes;
  std::atomic<bool> refused = false;
  pool.parallel_for((args.m + kLanes - 1) / kLanes, [&](int64_t slab, int) {
    const int64_t first = slab * kLanes;
    MhaMask<Simd>* tile = masks + first / kMostQueries * mha_blocks(args);
    const int64_t place = first % kMostQueries / kLanes;
    for (int64_t block = 0; block < mha_blocks(args); ++block) std::fill_n(tile[block].of[place], kBlockTokens, 0u);
    for (int64_t row = first; row < std::min<int64_t>(first + kLanes, args.m); ++row) {
      bool all = true;
      for (int64_t column = 0; column < args.topk; ++column) all &= is_position(args, row, column);
      if (!all) {
        refused = true;
        return;
      }
      const int32_t* positions = args.positions + row * args.topk;
      for (int64_t column = 0; column < args.topk && positions[column] >= 0; ++column) {
        const int32_t key = positions[column];
        tile[key / kBlockTokens].of[place][key % kBlockTokens] |= 1u << (row - first);
      }
    }
  });
  return !refused;
}

// The mask of a block whose first `visible` keys each row sees.
template <class Simd>
void mask_visible(const hd_masked_mha_args& args, int32_t first, int count, int64_t key, int keys,
                  MhaMask<Simd>& mask) {
  constexpr int kLanes = MhaMask<Simd>::kLanes;
  for (auto& words : mask.of) std::fill_n(words, kBlockTokens, 0u);
  for (int row = 0; row < count; ++row) {
    const int64_t seen = std::clamp<int64_t>(args.visible[first + row] - key, 0, keys);
    for (int64_t i = 0; i < seen; ++i) mask.of[row / kLanes][i] |= 1u << row % kLanes;
  }
}

// Whether any of `count` rows sees one of a block's `keys` keys, and whether all see all of them.
template <class Simd>
void look_at(const MhaMask<Simd>& mask, int count, int keys, bool& any, bool& all) {
  constexpr int kLanes = MhaMask<Simd>::kLanes;
  uint32_t some = 0;
  uint32_t missing = 0;
  for (int slab = 0; slab * kLanes < count; ++slab) {
    const int rows = std::min(kLanes, count - slab * kLanes);
    const uint32_t whole = static_cast<uint32_t>((uint64_t{1} << rows) - 1);
    for (int i = 0; i < keys; ++i) {
      some |= mask.of[slab][i];
      missing |= ~mask.of[slab][i] & whole;
    }
  }
  any = some != 0;
  all = missing == 0;
}

template <class Simd>
int32_t run_mha(const hd_masked_mha_args& args, ThreadPool& pool, std::byte* workspace) {
  using Scratch = MhaScratch<Simd>;
  if (const int32_t status = check_visible(args)) return status;
  const uint64_t bytes = Scratch::bytes(args);
  auto* masks = reinterpret_cast<MhaMask<Simd>*>(workspace + bytes * static_cast<uint64_t>(pool.threads()));
  if (args.positions != nullptr && !read_positions(args, masks, pool)) return check_positions(args);
  const int width = Scratch::key_width(args);
  const int64_t tiles = mha_tiles(args);
  const auto* q = static_cast<const bf16*>(args.q);
  auto* out = static_cast<bf16*>(args.out);
  pool.parallel_for(tiles * args.heads, [&](int64_t item, int worker) {
    // Neighbours in the order of items are tiles of one head: they find its keys in the cache.
    const int64_t head = item / tiles;
    const int64_t tile = item % tiles;
    const auto first = static_cast<int32_t>(tile * kMostQueries);
    const int count = std::min(kMostQueries, args.m - first);
    std::byte* memory = workspace + bytes * static_cast<uint64_t>(worker);
    auto& scratch = *reinterpret_cast<Scratch*>(memory);
    const TokenBlock<Simd> block(memory + Scratch::header_bytes(), width, args.v_dim, true);
    std::byte* query = memory + Scratch::header_bytes() + Scratch::block_bytes(args);
    MhaRows<Simd> rows(
        query, reinterpret_cast<float*>(query + MhaRows<Simd>::query_bytes(kMostQueries, width / Simd::kDepth)));
    const int64_t row = static_cast<int64_t>(first) * args.heads + head;
    rows.read(q + row * width, static_cast<int64_t>(args.heads) * width, count, width);
    rows.clear(args.v_dim);
    const auto [shortest, longest] = std::minmax_element(args.visible + first, args.visible + first + count);
    for (int64_t key = 0; key < *longest; key += kBlockTokens) {
      const auto keys = static_cast<int>(std::min<int64_t>(kBlockTokens, *longest - key));
      bool any = true;
      bool all = true;
      const MhaMask<Simd>* mask = &scratch.mask;
      if (args.positions != nullptr) {
        mask = masks + tile * mha_blocks(args) + key / kBlockTokens;
        look_at(*mask, count, keys, any, all);
      } else if (key + keys > *shortest) {
        all = false;
        mask_visible(args, first, count, key, keys, scratch.mask);
      }
      if (!any) continue;
      const bool finite = expand_head(args, head, key, keys, block);
      const int64_t next = key + kBlockTokens;
      rows.attend(block, keys, args.softmax_scale, all ? nullptr : mask->of[0], !finite,
                  NextTokens(args, head, next, std::min<int64_t>(kBlockTokens, *longest - next)));
    }
    rows.write(args.v_dim, out + row * args.v_dim, static_cast<int64_t>(args.heads) * args.v_dim, nullptr);
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
