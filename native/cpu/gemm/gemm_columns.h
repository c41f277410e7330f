// b [k, n] in f32, for any instruction set's Floats.
#pragma once

#include <algorithm>

#include "cpu/gemm/gemm.h"
#include "cpu/number.h"
#include "cpu/simd/floats.h"

namespace hadal::cpu {
namespace {

// b [k, n]: columns in the lanes, each summed over K in ascending order.
class ColumnGemm {
 public:
  explicit ColumnGemm(const hd_gemm_args& args) : args_(args) {}

  void run(ThreadPool& pool) const {
    const int64_t tiles = (args_.n + kColumns - 1) / kColumns;
    const int64_t step = std::clamp<int64_t>(args_.batch * tiles / (4 * pool.threads()), 1, tiles);
    const int64_t items = (tiles + step - 1) / step;
    pool.parallel_for(args_.batch * items, [&](int64_t item, int) {
      const int64_t first = item % items * step;
      for (int64_t tile = first; tile < std::min(first + step, tiles); ++tile) columns(item / items, tile * kColumns);
    });
  }

 private:
  static constexpr int kRows = 6;
  static constexpr int64_t kColumns = 2 * kFloats;

  void columns(int64_t batch, int64_t column) const {
    int64_t row = 0;
    for (; row + kRows <= args_.m; row += kRows) multiply<kRows>(batch, row, column);
    for (; row + 2 <= args_.m; row += 2) multiply<2>(batch, row, column);
    for (; row < args_.m; ++row) multiply<1>(batch, row, column);
  }

  template <int kM>
  void multiply(int64_t batch, int64_t row, int64_t column) const {
    const int64_t width = args_.n - column;
    const int64_t b = batch * args_.b_batch_stride + column;
    const int64_t a = batch * args_.a_batch_stride + row * args_.a_stride;
    Floats sums[kM][2] = {};
    for (int64_t k = 0; k < args_.k; ++k) {
      const Floats left = load_floats(args_.b, HD_DTYPE_BF16, b + k * args_.b_stride, width);
      const Floats right = width > kFloats
                               ? load_floats(args_.b, HD_DTYPE_BF16, b + k * args_.b_stride + kFloats, width - kFloats)
                               : Floats{};
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) {
        const Floats x = floats_of(load(args_.a, args_.a_dtype, a + i * args_.a_stride + k));
        sums[i][0] = fused(x, left, sums[i][0]);
        sums[i][1] = fused(x, right, sums[i][1]);
      }
    }
    for (int i = 0; i < kM; ++i) {
      const int64_t d = batch * args_.d_batch_stride + (row + i) * args_.d_stride + column;
      store_floats(args_.d, args_.d_dtype, d, sums[i][0], width);
      if (width > kFloats) store_floats(args_.d, args_.d_dtype, d + kFloats, sums[i][1], width - kFloats);
    }
  }

  const hd_gemm_args& args_;
};

}  // namespace
}  // namespace hadal::cpu
