// hd_gemm with b [n, k] over dot_gemm.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/simd/dot_gemm.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// A scheme that packs the row of a that begins at an index.
template <class S>
concept GemmDotScheme = DotScheme<S> && requires(const hd_gemm_args& args, typename S::Operand* operands) {
  S::pack(args, int64_t{}, operands, int64_t{});
};

template <GemmDotScheme S>
uint64_t gemm_dot_workspace(const hd_gemm_args& args, int threads) {
  return DotGemm<S>::workspace(static_cast<int64_t>(args.batch) * args.m, args.k, args.d_dtype, false, threads);
}

template <GemmDotScheme S>
int32_t gemm_dot(const hd_gemm_args& args, ThreadPool& pool, std::byte* workspace) {
  constexpr int64_t kMaxRows = DotGemm<S>::kMaxRows;
  constexpr int64_t kMaxRuns = DotGemm<S>::kMaxRuns;
  const int64_t b_size = args.b_dtype == HD_DTYPE_F32 ? 4 : args.b_dtype == HD_DTYPE_BF16 ? 2 : 1;
  const int64_t d_size = args.d_dtype == HD_DTYPE_F32 ? 4 : 2;
  const DotGemm<S> gemm(args.k, args.b_stride * b_size, args.d_dtype, false);
  DotRun runs[kMaxRuns];
  int64_t row_a[kMaxRows];
  int64_t row_d[kMaxRows];
  int64_t rows = 0;
  int64_t count = 0;
  const auto flush = [&] {
    gemm.run(
        runs, count, rows, row_d,
        [&](int64_t row, Scaling, typename S::Operand* operands, int64_t stride, float*, int64_t) {
          S::pack(args, row_a[row], operands, stride);
        },
        pool, workspace);
    rows = 0;
    count = 0;
  };
  for (int64_t batch = 0; batch < args.batch; ++batch) {
    const auto* b = static_cast<const std::byte*>(args.b) + batch * args.b_batch_stride * b_size;
    auto* d = static_cast<std::byte*>(args.d) + batch * args.d_batch_stride * d_size;
    const float* scale = S::kScaled ? args.b_scale + batch * args.b_scale_batch_stride : nullptr;
    for (int64_t first = 0; first < args.m;) {
      const int64_t part = std::min(args.m - first, gemm.max_rows() - rows);
      runs[count++] = {{b, scale}, {}, args.n, d, args.d_stride, rows, part, Scaling::folded};
      for (int64_t i = first; i < first + part; ++i, ++rows) {
        row_a[rows] = batch * args.a_batch_stride + i * args.a_stride;
        row_d[rows] = i;
      }
      first += part;
      if (rows == gemm.max_rows() || count == kMaxRuns) flush();
    }
  }
  if (rows > 0) flush();
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
