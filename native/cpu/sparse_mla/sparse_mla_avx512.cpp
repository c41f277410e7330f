#include "cpu/sparse_mla/check.h"
#include "cpu/sparse_mla/drive.h"
#include "cpu/sparse_mla/simd_avx512.h"
#include "cpu/sparse_mla/sparse_mla.h"

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

}  // namespace

bool SparseMlaAvx512::serves(const Args& args) {
  return args.q_dtype == HD_DTYPE_BF16;
}

uint64_t SparseMlaAvx512::workspace(const Args& args, int threads) {
  return mla_workspace<Simd>(args.m, args.heads, args.topk, threads, false);
}

int32_t SparseMlaAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_indices(args)) return status;
  const MlaCall call{static_cast<const std::byte*>(args.cache),
                     args.format,
                     args.m,
                     args.heads,
                     args.softmax_scale,
                     static_cast<const bf16*>(args.q),
                     static_cast<bf16*>(args.out),
                     args.lse};
  run_mla<Simd>(call, ChosenTokens{args}, false, pool, workspace);
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
