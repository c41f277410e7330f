// The three FP8 GEMMs over dot_gemm.h, for any of its schemes. A scheme S also gives kFolds, whether it can take scales
// that are powers of two into its operands, and pack.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/fp8_gemm/groups.h"
#include "cpu/simd/dot_gemm.h"
#include "cpu/simd/e4m3_table.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Rows of a that are multiplied by one weight.
struct Fp8Rows {
  const uint8_t* a;      // [count, k]
  const float* a_scale;  // Element (i, j) at i * row_stride + j * block_stride.
  int64_t row_stride;
  const uint8_t* b;      // [n, k]
  const float* b_scale;  // [ceil(n / 128), k / 128]
  int64_t d;             // Index in d of the first row's first element.
  int64_t d_stride;
  int64_t count;
};

// Gathers rows until there are enough of them, or no more, and multiplies them.
template <class S>
class Fp8Batch {
 public:
  Fp8Batch(int64_t n, int64_t k, int64_t block_stride, bool b_scale_is_pow2, void* d, ThreadPool& pool,
           std::byte* workspace)
      : n_(n),
        k_(k),
        block_stride_(block_stride),
        b_scale_is_pow2_(b_scale_is_pow2),
        gemm_(n, k, k, d, HD_DTYPE_BF16),
        pool_(pool),
        workspace_(workspace) {}

  void add(Fp8Rows rows) {
    while (rows.count > 0) {
      const int64_t count = std::min(rows.count, gemm_.max_rows() - rows_);
      add_part(rows, count);
      rows.a += count * k_;
      rows.a_scale += count * rows.row_stride;
      rows.d += count * rows.d_stride;
      rows.count -= count;
      // A part makes a run of each scaling at most.
      if (rows_ == gemm_.max_rows() || run_count_ + 2 > DotGemm<S>::kMaxRuns) flush();
    }
  }

  void flush() {
    if (rows_ == 0) return;
    gemm_.run(
        runs_, run_count_, d_,
        [&](int64_t row, Scaling scaling, typename S::Operand* operands, int64_t stride, float* scales,
            int64_t scale_stride) {
          const int64_t blocks = k_ / HD_SCALE_BLOCK;
          for (int64_t block = 0; block < blocks; ++block) {
            const float scale = a_scale_[row][block * block_stride_];
            S::pack_block(a_[row] + block * HD_SCALE_BLOCK, scaling == Scaling::folded ? &scale : nullptr,
                          operands + 2 * block * (HD_SCALE_BLOCK / S::kChunk) * stride, stride);
            if (scaling == Scaling::blocked) scales[block * scale_stride] = scale;
          }
        },
        pool_, workspace_);
    rows_ = 0;
    run_count_ = 0;
  }

 private:
  static constexpr int64_t kMaxRows = DotGemm<S>::kMaxRows;

  // The rows by the scaling that serves them.
  void add_part(const Fp8Rows& rows, int64_t count) {
    const bool b_folds = S::kFolds && b_scale_is_pow2_ && all_b_fold(rows.b_scale);
    Scaling scaling[kMaxRows];
    for (int64_t i = 0; i < count; ++i) {
      const bool row_folds = b_folds && all_a_fold(rows.a_scale + i * rows.row_stride);
      scaling[i] = row_folds ? Scaling::folded : Scaling::blocked;
    }
    for (const Scaling wanted : {Scaling::folded, Scaling::blocked}) {
      DotRun run{reinterpret_cast<const std::byte*>(rows.b), rows.b_scale, rows_, 0, wanted};
      for (int64_t i = 0; i < count; ++i) {
        if (scaling[i] != wanted) continue;
        a_[rows_] = rows.a + i * k_;
        a_scale_[rows_] = rows.a_scale + i * rows.row_stride;
        d_[rows_] = rows.d + i * rows.d_stride;
        ++rows_;
      }
      run.rows = rows_ - run.first;
      if (run.rows > 0) runs_[run_count_++] = run;
    }
  }

  bool all_b_fold(const float* b_scale) const {
    const int64_t count = (n_ + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK * (k_ / HD_SCALE_BLOCK);
    bool all = true;
    for (int64_t i = 0; i < count; ++i) all &= folds(b_scale[i]);
    return all;
  }

  bool all_a_fold(const float* a_scale) const {
    bool all = true;
    for (int64_t block = 0; block < k_ / HD_SCALE_BLOCK; ++block) all &= folds(a_scale[block * block_stride_]);
    return all;
  }

  int64_t n_;
  int64_t k_;
  int64_t block_stride_;
  bool b_scale_is_pow2_;
  DotGemm<S> gemm_;
  ThreadPool& pool_;
  std::byte* workspace_;

  int64_t rows_ = 0;
  int64_t run_count_ = 0;
  const uint8_t* a_[kMaxRows];
  const float* a_scale_[kMaxRows];
  int64_t d_[kMaxRows];
  DotRun runs_[DotGemm<S>::kMaxRuns];
};

// Rows of a that a call multiplies at most.
template <class Args>
int64_t most_rows(const Args& args) {
  return args.m;
}

[[maybe_unused]] inline int64_t most_rows(const hd_fp8_gemm_masked_args& args) {
  return static_cast<int64_t>(args.groups) * args.m_max;
}

template <class S>
int32_t fp8_gemm(const hd_fp8_gemm_args& args, ThreadPool& pool, std::byte* workspace) {
  Fp8Batch<S> batch(args.n, args.k, args.a_scale_block_stride, args.b_scale_is_pow2 != 0, args.d, pool, workspace);
  batch.add({args.a, args.a_scale, args.a_scale_row_stride, args.b, args.b_scale, 0, args.d_stride, args.m});
  batch.flush();
  return HD_STATUS_OK;
}

template <class S>
int32_t fp8_gemm(const hd_fp8_gemm_contiguous_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_groups(args)) return status;
  Fp8Batch<S> batch(args.n, args.k, args.a_scale_block_stride, args.b_scale_is_pow2 != 0, args.d, pool, workspace);
  for (int64_t first = 0; first < args.m;) {
    const int32_t group = args.grouped_layout[first];
    int64_t end = first + 1;
    while (end < args.m && args.grouped_layout[end] == group) ++end;
    if (group >= 0) {
      batch.add({args.a + first * args.k, args.a_scale + first * args.a_scale_row_stride, args.a_scale_row_stride,
                 args.b[group], args.b_scale[group], first * args.n, args.n, end - first});
    }
    first = end;
  }
  batch.flush();
  return HD_STATUS_OK;
}

template <class S>
int32_t fp8_gemm(const hd_fp8_gemm_masked_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_groups(args)) return status;
  Fp8Batch<S> batch(args.n, args.k, args.a_scale_block_stride, args.b_scale_is_pow2 != 0, args.d, pool, workspace);
  for (int64_t group = 0; group < args.groups; ++group) {
    const int64_t first = group * args.m_max;
    batch.add({args.a + first * args.k, args.a_scale + group * args.a_scale_group_stride, args.a_scale_row_stride,
               args.b[group], args.b_scale[group], first * args.n, args.n, args.masked_m[group]});
  }
  batch.flush();
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
