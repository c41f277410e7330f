#include <algorithm>
#include <cstring>

#include "cpu/moe_permute/moe_permute.h"

namespace hadal::cpu {

int32_t MoePermuteScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  const int64_t slots = static_cast<int64_t>(args.m) * args.top_experts;
  int64_t next[1024] = {};  // First a count, then the next free row, of each expert.
  for (int64_t slot = 0; slot < slots; ++slot) {
    const int32_t expert = args.ids[slot];
    if (expert < 0 || expert >= args.experts) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_permute: ids[%lld] is %d; it must be 0 to %d",
                  static_cast<long long>(slot), expert, args.experts - 1);
    }
    ++next[expert];
  }
  int64_t total = 0;
  for (int32_t e = 0; e < args.experts; ++e) total += (next[e] + args.alignment - 1) / args.alignment * args.alignment;
  if (total > args.rows) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_permute: rows is %d; these tokens need %lld", args.rows,
                static_cast<long long>(total));
  }
  std::fill_n(args.grouped_layout, args.rows, -1);
  int64_t first = 0;
  for (int32_t e = 0; e < args.experts; ++e) {
    const int64_t count = next[e];
    std::fill_n(args.grouped_layout + first, count, e);
    next[e] = first;
    first += (count + args.alignment - 1) / args.alignment * args.alignment;
  }
  for (int64_t slot = 0; slot < slots; ++slot) args.row_of[slot] = static_cast<int32_t>(next[args.ids[slot]]++);
  const bool is_fp8 = args.x_dtype != HD_DTYPE_BF16 && args.x_dtype != HD_DTYPE_F32;
  const int64_t row_bytes = args.k * (is_fp8 ? 1 : args.x_dtype == HD_DTYPE_BF16 ? 2 : 4);
  const int64_t blocks = is_fp8 ? args.k / HD_SCALE_BLOCK : 0;
  pool.parallel_for(args.m, [&](int64_t token, int) {
    for (int64_t slot = token * args.top_experts; slot < (token + 1) * args.top_experts; ++slot) {
      const int64_t row = args.row_of[slot];
      std::memcpy(args.y + row * row_bytes, args.x + token * row_bytes, static_cast<size_t>(row_bytes));
      for (int64_t block = 0; block < blocks; ++block) {
        args.y_scale[row * args.y_scale_row_stride + block * args.y_scale_block_stride] =
            args.x_scale[token * args.x_scale_row_stride + block * args.x_scale_block_stride];
      }
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
