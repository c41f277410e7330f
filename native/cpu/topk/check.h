// What only a look at rows, tables and scores can find wrong.
#pragma once

#include <atomic>

#include "cpu/paging.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_rows(const hd_topk_args& args) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.visible[i] < 0 || args.visible[i] > args.scores_stride) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_topk: visible[%d] is %d; it must be 0 to scores_stride = %lld", i,
                  args.visible[i], static_cast<long long>(args.scores_stride));
    }
  }
  if (args.block_table == nullptr) return HD_STATUS_OK;
  return check_paging("hd_topk", args.m, args.sequences, args.max_pages, INT32_MAX / HD_PAGE_TOKENS, args.block_table,
                      args.row_sequence, args.visible);
}

[[maybe_unused]] inline int32_t check_rows(const hd_indexer_topk_args& args) {
  return check_paging("hd_indexer_topk", args.m, args.sequences, args.max_pages, args.pages, args.block_table,
                      args.row_sequence, args.visible);
}

// The first NaN, by row and then position, that any worker met.
class FirstNan {
 public:
  void report(int64_t row, int64_t position) {
    const int64_t found = row << 32 | position;
    int64_t first = first_.load(std::memory_order_relaxed);
    while (found < first && !first_.compare_exchange_weak(first, found, std::memory_order_relaxed)) {
    }
  }

  int32_t refuse(const char* function) const {
    const int64_t first = first_.load(std::memory_order_relaxed);
    if (first == INT64_MAX) return HD_STATUS_OK;
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: the score of row %lld, position %lld is NaN; there is no order of NaN",
                function, static_cast<long long>(first >> 32), static_cast<long long>(first & 0xffffffff));
  }

 private:
  std::atomic<int64_t> first_{INT64_MAX};
};

// The pages of a row's sequence.
template <class Args>
const int32_t* table_of(const Args& args, int64_t row) {
  return args.block_table + static_cast<int64_t>(args.row_sequence[row]) * args.max_pages;
}

[[maybe_unused]] inline int32_t slot_of(const int32_t* table, uint32_t position) {
  return table[position / HD_PAGE_TOKENS] * HD_PAGE_TOKENS + static_cast<int32_t>(position % HD_PAGE_TOKENS);
}

}  // namespace
}  // namespace hadal::cpu
