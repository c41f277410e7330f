// Sparse MLA for any instruction set's Simd.
#pragma once

#include "cpu/attention/mla.h"
#include "cpu/sparse_mla/check.h"

namespace hadal::cpu {
namespace {

struct ChosenTokens {
  const hd_sparse_mla_args& args;

  // Without the -1 behind the last, so that a short context is attended to as it is by dense MLA.
  int64_t count(int32_t row) const {
    const int32_t* indices = args.indices + static_cast<int64_t>(row) * args.topk;
    int64_t count = args.topk;
    while (count > 0 && has_none(indices + count - kBlockTokens)) count -= kBlockTokens;
    while (count > 0 && indices[count - 1] < 0) --count;
    return count;
  }
  bool same(int32_t a, int32_t b) const { return a == b; }
  int collect(int32_t row, int64_t block, int64_t* slots) const {
    const int32_t* indices = args.indices + static_cast<int64_t>(row) * args.topk + block * kBlockTokens;
    int found = 0;
    for (int i = 0; i < kBlockTokens; ++i) {
      if (indices[i] >= 0) slots[found++] = indices[i];
    }
    return found;
  }

 private:
  // Whether a block's columns are all -1.
  static bool has_none(const int32_t* indices) {
    int32_t all = -1;
    for (int i = 0; i < kBlockTokens; ++i) all &= indices[i];
    return all < 0;
  }
};

template <class Simd>
uint64_t sparse_mla_workspace(const hd_sparse_mla_args& args, int threads) {
  return mla_workspace<Simd>(args.m, args.heads, args.topk, threads, false);
}

template <class Simd>
int32_t sparse_mla(const hd_sparse_mla_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_indices(args)) return status;
  run_mla<Simd>(MlaCall(args), ChosenTokens{args}, false, pool, workspace);
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
