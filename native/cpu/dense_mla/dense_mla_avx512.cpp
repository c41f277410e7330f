#include "cpu/dense_mla/dense_mla.h"
#include "cpu/paging.h"
#include "cpu/sparse_mla/drive.h"
#include "cpu/sparse_mla/simd_avx512.h"

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

}  // namespace

bool DenseMlaAvx512::serves(const Args& args) {
  return args.q_dtype == HD_DTYPE_BF16;
}

uint64_t DenseMlaAvx512::workspace(const Args& args, int threads) {
  return mla_workspace<Simd>(args.m, args.heads, static_cast<int64_t>(args.max_pages) * HD_PAGE_TOKENS, threads, true);
}

int32_t DenseMlaAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_paging("hd_dense_mla", args.m, args.sequences, args.max_pages, args.pages,
                                          args.block_table, args.row_sequence, args.visible)) {
    return status;
  }
  const MlaCall call{static_cast<const std::byte*>(args.cache),
                     args.format,
                     args.m,
                     args.heads,
                     args.softmax_scale,
                     static_cast<const bf16*>(args.q),
                     static_cast<bf16*>(args.out),
                     args.lse};
  run_mla<Simd>(call, FirstTokens{args}, true, pool, workspace);
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
