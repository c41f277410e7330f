// How the SIMD variants share out masked MHA: an item is a head and some of its queries, which are the rows in lanes
// and share each block of 64 keys. A key that a query may not see changes nothing of its sums, so that blocks which
// none of an item's queries sees are left out.
#pragma once

#include "cpu/kernel.h"
#include "cpu/masked_mha/check.h"
#include "cpu/sparse_mla/attend.h"

namespace hadal::cpu {
namespace {

constexpr int kMostQueries = 128;

// Blocks come whole.
struct Expanded {
  void expand(int) const {}
  void fetch() const {}
};

// Queries of one head, whose number depends on the chunk.
template <class Simd>
using MhaRows = AttentionRows<Simd, false>;

template <class Simd>
struct MhaScratch {
  using Rows = MhaRows<Simd>;
  static constexpr int kSlabs = kMostQueries / Rows::kLanes;

  uint32_t allowed[kSlabs][kBlockTokens];  // Bit r of a word: query r of the slab sees the key.
  int32_t cursor[kMostQueries];            // First position of each query that is not behind.

  static int key_width(const hd_masked_mha_args& args) { return args.nope_dim + HD_ROPE_DIM; }
  static uint64_t header_bytes() { return (sizeof(MhaScratch) + 63) / 64 * 64; }
  static uint64_t block_bytes(const hd_masked_mha_args& args) { return TokenBlock<Simd>::bytes(args.v_dim); }
  static uint64_t bytes(const hd_masked_mha_args& args) {
    return header_bytes() + block_bytes(args) + Rows::query_bytes(kMostQueries, key_width(args) / Simd::kDepth) +
           Rows::state_bytes(kMostQueries, args.v_dim);
  }
};

// Which of rows [first, first + count) see which keys of the block at `key`: fills scratch.allowed. Returns whether any
// sees one; `all` tells whether all see all of its `keys` keys.
template <class Simd>
bool find_allowed(const hd_masked_mha_args& args, int32_t first, int count, int64_t key, int keys,
                  MhaScratch<Simd>& scratch, bool& all) {
  constexpr int kLanes = MhaRows<Simd>::kLanes;
  bool any = false;
  all = true;
  for (auto& slab : scratch.allowed) std::fill_n(slab, kBlockTokens, 0u);
  for (int row = 0; row < count; ++row) {
    uint32_t* words = scratch.allowed[row / kLanes];
    const uint32_t bit = 1u << row % kLanes;
    int seen = 0;
    if (args.positions == nullptr) {
      seen = static_cast<int>(std::clamp<int64_t>(args.visible[first + row] - key, 0, keys));
      for (int i = 0; i < seen; ++i) words[i] |= bit;
    } else {
      const int32_t* positions = args.positions + static_cast<int64_t>(first + row) * args.topk;
      int32_t& at = scratch.cursor[row];
      for (; at < args.topk && positions[at] >= 0 && positions[at] < key + keys; ++at, ++seen) {
        words[positions[at] - key] |= bit;
      }
    }
    any = any || seen > 0;
    all = all && seen == keys;
  }
  return any;
}

template <class Simd>
int32_t run_mha(const hd_masked_mha_args& args, ThreadPool& pool, std::byte* workspace) {
  using Scratch = MhaScratch<Simd>;
  if (const int32_t status = check_rows(args)) return status;
  const uint64_t bytes = Scratch::bytes(args);
  const int width = Scratch::key_width(args);
  const int64_t tiles = (args.m + kMostQueries - 1) / kMostQueries;
  const auto* q = static_cast<const bf16*>(args.q);
  auto* out = static_cast<bf16*>(args.out);
  pool.parallel_for(tiles * args.heads, [&](int64_t item, int worker) {
    // Neighbours in the order of items are tiles of one head: they find its keys in the cache.
    const int64_t head = item / tiles;
    const auto first = static_cast<int32_t>(item % tiles * kMostQueries);
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
    int32_t longest = 0;
    for (int i = 0; i < count; ++i) longest = std::max(longest, args.visible[first + i]);
    std::fill_n(scratch.cursor, count, 0);
    for (int64_t key = 0; key < longest; key += kBlockTokens) {
      const auto keys = static_cast<int>(std::min<int64_t>(kBlockTokens, longest - key));
      bool all = false;
      if (!find_allowed(args, first, count, key, keys, scratch, all)) continue;
      const bool finite = expand_head(args, head, key, keys, block);
      rows.attend(block, keys, args.softmax_scale, all ? nullptr : scratch.allowed[0], !finite, Expanded{});
    }
    rows.write(args.v_dim, out + row * args.v_dim, static_cast<int64_t>(args.heads) * args.v_dim, nullptr);
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
