// How the SIMD variants share out the scores: 64 keys are expanded once for a block of queries.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>

#include "cpu/indexer_logits/check.h"
#include "cpu/indexer_logits/page.h"
#include "cpu/kernel.h"

namespace hadal::cpu {
namespace {

constexpr int kQueryBlock = 16;
constexpr int kSegmentPages = 16;

// Scratch of one worker: the expansion of 64 keys and of the 64 after them, a copy of the last keys, and the queries.
template <class Score>
struct IndexScratch {
  typename Score::Keys keys[Score::kExpandsNext ? 2 : 1];
  alignas(64) uint8_t codes[HD_PAGE_TOKENS * HD_INDEX_DIM];
  alignas(64) float scales[HD_PAGE_TOKENS];
  alignas(64) float scores[HD_PAGE_TOKENS];

  static constexpr uint64_t bytes(int heads, int queries) {
    return sizeof(IndexScratch) +
           sizeof(typename Score::Head) * static_cast<uint64_t>(heads) * static_cast<uint64_t>(queries);
  }

  typename Score::Head* query(int i, int heads) {
    return reinterpret_cast<typename Score::Head*>(this + 1) + static_cast<int64_t>(i) * heads;
  }
};

// Calls body(first, last, segment) over blocks of rows and segments of keys.
template <class Body>
void for_segments(ThreadPool& pool, int32_t m, const int32_t* ends, const Body& body) {
  const int64_t blocks = (m + kQueryBlock - 1) / kQueryBlock;
  const int64_t longest = *std::max_element(ends, ends + m);
  constexpr int64_t kSegment = kSegmentPages * HD_PAGE_TOKENS;
  const int64_t segments = (longest + kSegment - 1) / kSegment;
  pool.parallel_for(blocks * segments, [&](int64_t item, int worker) {
    const auto first = static_cast<int32_t>(item / segments * kQueryBlock);
    body(first, std::min(first + kQueryBlock, m), item % segments * kSegment, worker);
  });
}

// Calls body(page, scales, keys, next) for every page of a sequence that take() tells of, until it tells -1; the first
// score of a page is to be given `next`. For a lone query a page is expanded while the one before is scored; where
// queries share it, the second buffer would cost them more of the first-level cache than that saves.
template <class Score, class Take, class Body>
void for_pages(const uint8_t* cache, const int32_t* table, bool lone, IndexScratch<Score>& scratch, const Take& take,
               const Body& body) {
  const bool expand_next = lone && Score::kExpandsNext;
  const auto at = [&](int64_t page) { return page >= 0 ? index_page(cache, table[page]) : nullptr; };
  int64_t page = take();
  int64_t second = take();
  int64_t third = take();
  if (page < 0) return;
  prefetch_share(at(page), 0, 1, 1);
  prefetch_share(at(second), 0, 1, 1);
  int now = 0;
  Score::expand_keys(at(page), scratch.keys[now]);
  while (page >= 0) {
    using Next = NextPage<typename Score::Keys>;
    body(page, page_scales(at(page)), std::as_const(scratch.keys[now]),
         expand_next ? Next{at(second), &scratch.keys[now ^ 1], at(third)} : Next{nullptr, nullptr, at(second)});
    page = second;
    second = third;
    third = take();
    if (expand_next) {
      now ^= 1;
    } else if (page >= 0) {
      Score::expand_keys(at(page), scratch.keys[now]);
    }
  }
}

template <class Score>
int32_t run_contiguous(const hd_indexer_logits_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  const uint64_t bytes = IndexScratch<Score>::bytes(args.heads, kQueryBlock);
  for_segments(pool, args.m, args.end, [&](int32_t first, int32_t last, int64_t segment, int worker) {
    auto& scratch = *reinterpret_cast<IndexScratch<Score>*>(workspace + bytes * static_cast<uint64_t>(worker));
    for (int32_t row = first; row < last; ++row) {
      Score::expand_query(args.q + static_cast<int64_t>(row) * args.heads * HD_INDEX_DIM, args.heads,
                          scratch.query(row - first, args.heads));
    }
    const int64_t end = std::min<int64_t>(segment + kSegmentPages * HD_PAGE_TOKENS, args.keys);
    for (int64_t key = segment; key < end; key += HD_PAGE_TOKENS) {
      const auto sees = [&](int32_t row) { return args.start[row] < key + HD_PAGE_TOKENS && args.end[row] > key; };
      bool wanted = false;
      for (int32_t row = first; row < last; ++row) wanted = wanted || sees(row);
      if (!wanted) continue;
      const uint8_t* codes = args.k + key * HD_INDEX_DIM;
      const float* scales = args.k_scale + key;
      if (args.keys - key < HD_PAGE_TOKENS) {
        // The last keys, with zeros after them.
        const auto left = static_cast<size_t>(args.keys - key);
        std::memset(scratch.codes, 0, sizeof scratch.codes);
        std::memset(scratch.scales, 0, sizeof scratch.scales);
        std::memcpy(scratch.codes, codes, left * HD_INDEX_DIM);
        std::memcpy(scratch.scales, scales, left * sizeof(float));
        codes = scratch.codes;
        scales = scratch.scales;
      }
      Score::expand_keys(codes, scratch.keys[0]);
      NextPage<typename Score::Keys> next{nullptr, nullptr, nullptr};
      if (key + HD_PAGE_TOKENS < end) next.ahead = codes + HD_PAGE_TOKENS * HD_INDEX_DIM;
      for (int32_t row = first; row < last; ++row) {
        if (!sees(row)) continue;
        Score::score(scratch.query(row - first, args.heads), args.weights + static_cast<int64_t>(row) * args.heads,
                     args.heads, scratch.keys[0], scales, scratch.scores, std::exchange(next, {}));
        const int64_t from = std::max<int64_t>(args.start[row], key);
        const int64_t to = std::min<int64_t>(args.end[row], key + HD_PAGE_TOKENS);
        std::copy(scratch.scores + (from - key), scratch.scores + (to - key),
                  args.logits + row * args.logits_stride + from);
      }
    }
  });
  return HD_STATUS_OK;
}

template <class Score>
int32_t run_paged(const hd_indexer_logits_paged_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  const uint64_t bytes = IndexScratch<Score>::bytes(args.heads, kQueryBlock);
  for_segments(pool, args.m, args.visible, [&](int32_t first, int32_t last, int64_t segment, int worker) {
    auto& scratch = *reinterpret_cast<IndexScratch<Score>*>(workspace + bytes * static_cast<uint64_t>(worker));
    // Rows of one sequence share their keys.
    for (int32_t begin = first, end = first; begin < last; begin = end) {
      int32_t visible = 0;
      for (; end < last && args.row_sequence[end] == args.row_sequence[begin]; ++end) {
        visible = std::max(visible, args.visible[end]);
      }
      if (visible <= segment) continue;
      for (int32_t row = begin; row < end; ++row) {
        Score::expand_query(args.q + static_cast<int64_t>(row) * args.heads * HD_INDEX_DIM, args.heads,
                            scratch.query(row - begin, args.heads));
      }
      const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[begin]) * args.max_pages;
      const int64_t stop = std::min<int64_t>(segment + kSegmentPages * HD_PAGE_TOKENS, visible);
      const auto body = [&](int64_t page, const float* scales, const auto& keys, auto next) {
        const int64_t key = page * HD_PAGE_TOKENS;
        for (int32_t row = begin; row < end; ++row) {
          const int64_t left = args.visible[row] - key;
          if (left <= 0) continue;
          Score::score(scratch.query(row - begin, args.heads), args.weights + static_cast<int64_t>(row) * args.heads,
                       args.heads, keys, scales, scratch.scores, std::exchange(next, {}));
          std::copy_n(scratch.scores, std::min<int64_t>(left, HD_PAGE_TOKENS),
                      args.logits + row * args.logits_stride + key);
        }
      };
      int64_t page = segment / HD_PAGE_TOKENS;
      for_pages<Score>(
          args.cache, table, end - begin == 1, scratch,
          [&]() -> int64_t { return page * HD_PAGE_TOKENS < stop ? page++ : -1; }, body);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
