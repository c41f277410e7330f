// hd_gemm with b [n, k], and hd_gemm_contiguous, over dot_gemm.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/grouped_rows.h"
#include "cpu/simd/dot_gemm.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Where a's elements lie.
struct GemmLeft {
  const void* data;
  int32_t dtype;
  int64_t k;
};

// A scheme that packs the row of a that begins at an index.
template <class S>
concept GemmDotScheme = DotScheme<S> && requires(const GemmLeft& a, typename S::Operand* operands) {
  S::pack(a, int64_t{}, operands, int64_t{});
};

inline int64_t bytes_of_format(int32_t format) {
  return format == HD_WEIGHT_F32 ? 4 : format == HD_WEIGHT_BF16 ? 2 : 1;
}

// Rows of a for one weight.
struct GemmRows {
  int64_t a;  // Index of the first row's first element.
  int64_t a_stride;
  DotWeight b;
  void* d;
  int64_t d_stride;
  int64_t d_first;  // The row of d that the first makes.
  int64_t count;
};

// Gathers rows until there are enough of them, or no more, and multiplies them.
template <GemmDotScheme S>
class GemmBatch {
 public:
  GemmBatch(const GemmLeft& a, int64_t n, int64_t b_stride_bytes, int32_t d_dtype, ThreadPool& pool,
            std::byte* workspace)
      : a_(a), n_(n), gemm_(a.k, b_stride_bytes, d_dtype, false), pool_(pool), workspace_(workspace) {}

  void add(GemmRows rows) {
    while (rows.count > 0) {
      const int64_t part = std::min(rows.count, gemm_.max_rows() - rows_);
      runs_[run_count_++] = {rows.b, {}, n_, rows.d, rows.d_stride, rows_, part, Scaling::folded};
      for (int64_t i = 0; i < part; ++i, ++rows_) {
        row_a_[rows_] = rows.a + i * rows.a_stride;
        row_d_[rows_] = rows.d_first + i;
      }
      rows.a += part * rows.a_stride;
      rows.d_first += part;
      rows.count -= part;
      if (rows_ == gemm_.max_rows() || run_count_ == DotGemm<S>::kMaxRuns) flush();
    }
  }

  void flush() {
    if (rows_ == 0) return;
    gemm_.run(
        runs_, run_count_, rows_, row_d_,
        [&](int64_t row, Scaling, typename S::Operand* operands, int64_t stride, float*, int64_t) {
          S::pack(a_, row_a_[row], operands, stride);
        },
        pool_, workspace_);
    rows_ = 0;
    run_count_ = 0;
  }

 private:
  GemmLeft a_;
  int64_t n_;
  DotGemm<S> gemm_;
  ThreadPool& pool_;
  std::byte* workspace_;

  int64_t rows_ = 0;
  int64_t run_count_ = 0;
  int64_t row_a_[DotGemm<S>::kMaxRows];
  int64_t row_d_[DotGemm<S>::kMaxRows];
  DotRun runs_[DotGemm<S>::kMaxRuns];
};

template <GemmDotScheme S>
uint64_t gemm_dot_workspace(const hd_gemm_args& args, int threads) {
  return DotGemm<S>::workspace(static_cast<int64_t>(args.batch) * args.m, args.k, args.d_dtype, false, threads);
}

template <GemmDotScheme S>
uint64_t gemm_dot_workspace(const hd_gemm_contiguous_args& args, int threads) {
  return DotGemm<S>::workspace(args.m, args.k, args.d_dtype, false, threads);
}

template <GemmDotScheme S>
int32_t gemm_dot(const hd_gemm_args& args, ThreadPool& pool, std::byte* workspace) {
  const int64_t b_size = bytes_of_format(args.b_dtype);
  const int64_t d_size = args.d_dtype == HD_DTYPE_F32 ? 4 : 2;
  GemmBatch<S> gathered({args.a, args.a_dtype, args.k}, args.n, args.b_stride * b_size, args.d_dtype, pool, workspace);
  for (int64_t batch = 0; batch < args.batch; ++batch) {
    const auto* b = static_cast<const std::byte*>(args.b) + batch * args.b_batch_stride * b_size;
    auto* d = static_cast<std::byte*>(args.d) + batch * args.d_batch_stride * d_size;
    const float* scale = S::kScaled ? args.b_scale + batch * args.b_scale_batch_stride : nullptr;
    gathered.add({batch * args.a_batch_stride, args.a_stride, {b, scale}, d, args.d_stride, 0, args.m});
  }
  gathered.flush();
  return HD_STATUS_OK;
}

template <GemmDotScheme S>
int32_t gemm_dot(const hd_gemm_contiguous_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_layout("hd_gemm_contiguous", args)) return status;
  GemmBatch<S> gathered({args.a, args.a_dtype, args.k}, args.n, args.k * bytes_of_format(args.b_format), args.d_dtype,
                        pool, workspace);
  for_groups(args, [&](int32_t group, int64_t first, int64_t count) {
    const auto* b = static_cast<const std::byte*>(args.b[group]);
    gathered.add({first * args.k, args.k, {b, nullptr}, args.d, args.n, first, count});
  });
  gathered.flush();
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
