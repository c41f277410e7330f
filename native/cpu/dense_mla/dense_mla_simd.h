// Dense MLA for any instruction set's Simd.
#pragma once

#include "cpu/attention/mla.h"
#include "cpu/paging.h"

namespace hadal::cpu {
namespace {

struct FirstTokens {
  const hd_dense_mla_args& args;

  int64_t count(int32_t row) const { return args.visible[row]; }
  bool same(int32_t a, int32_t b) const { return args.row_sequence[a] == args.row_sequence[b]; }
  int collect(int32_t row, int64_t block, int64_t* slots) const {
    const int64_t page = args.block_table[static_cast<int64_t>(args.row_sequence[row]) * args.max_pages + block];
    const auto found = static_cast<int>(std::min<int64_t>(kBlockTokens, args.visible[row] - block * kBlockTokens));
    for (int i = 0; i < found; ++i) slots[i] = page * HD_PAGE_TOKENS + i;
    return found;
  }
};

template <class Simd>
uint64_t dense_mla_workspace(const hd_dense_mla_args& args, int threads) {
  return mla_workspace<Simd>(args.m, args.heads, static_cast<int64_t>(args.max_pages) * HD_PAGE_TOKENS, threads, true);
}

template <class Simd>
int32_t dense_mla(const hd_dense_mla_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_paging("hd_dense_mla", args.m, args.sequences, args.max_pages, args.pages,
                                          args.block_table, args.row_sequence, args.visible)) {
    return status;
  }
  run_mla<Simd>(MlaCall(args), FirstTokens{args}, true, pool, workspace);
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
