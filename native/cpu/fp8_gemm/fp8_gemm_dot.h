// The FP8 GEMMs over dot_gemm.h.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>

#include "cpu/fp8_gemm/groups.h"
#include "cpu/grouped_rows.h"
#include "cpu/simd/dot_gemm.h"
#include "cpu/simd/e4m3_table.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// A scheme whose b is e4m3 with scales: folds tells whether its operands can take a scale, kFoldsAny whether that may
// be one that is no power of two; pack_block turns 128 codes of a row of a into operands, with the scale where one is
// given.
template <class S>
concept Fp8DotScheme = BlockedDotScheme<S> && S::kScaled &&
    requires(const uint8_t* codes, const float* scale, typename S::Operand* operands) {
  { S::kFoldsAny } -> std::convertible_to<bool>;
  { S::folds(1.0f) } -> std::same_as<bool>;
  S::pack_block(codes, scale, operands, int64_t{});
};

struct Fp8Weight {
  const uint8_t* codes = nullptr;  // [n, k]
  const float* scale = nullptr;    // [ceil(n / 128), k / 128]
};

// A product that rows of a go into.
struct Fp8Product {
  Fp8Weight b;
  Fp8Weight up;  // Of a SwiGLU, else null.
  int64_t n;
  bool is_pow2;  // All scales of both.
  void* d;
  int64_t d_stride;
};

// Rows of a that share their products.
struct Fp8Rows {
  const uint8_t* a;      // [count, k]
  const float* a_scale;  // Element (i, j) at i * row_stride + j * block_stride.
  int64_t row_stride;
  int64_t d;  // The row of d that the first makes.
  int64_t count;
  const Fp8Product* products;
  int32_t product_count;
};

// Gathers rows until there are enough of them, or no more, and multiplies them.
template <Fp8DotScheme S>
class Fp8Batch {
 public:
  static constexpr int kMaxProducts = 4;

  Fp8Batch(int64_t k, int64_t block_stride, bool has_up, ThreadPool& pool, std::byte* workspace)
      : k_(k), block_stride_(block_stride), gemm_(k, k, HD_DTYPE_BF16, has_up), pool_(pool), workspace_(workspace) {}

  void add(Fp8Rows rows) {
    bool folds[kMaxProducts];
    for (int32_t i = 0; i < rows.product_count; ++i) folds[i] = b_folds(rows.products[i]);
    const auto any = [&](bool wanted) { return std::count(folds, folds + rows.product_count, wanted) > 0; };
    const int64_t copies = any(true) + any(false);
    while (rows.count > 0) {
      // A part makes a run of each scaling and product at most.
      if (rows_ + copies > gemm_.max_rows() || run_count_ + 2 * rows.product_count > DotGemm<S>::kMaxRuns) flush();
      const int64_t count = std::min(rows.count, (gemm_.max_rows() - rows_) / copies);
      for (const bool wanted : {true, false}) {
        if (any(wanted)) add_part(rows, count, folds, wanted);
      }
      rows.a += count * k_;
      rows.a_scale += count * rows.row_stride;
      rows.d += count;
      rows.count -= count;
    }
  }

  void flush() {
    if (rows_ == 0) return;
    gemm_.run(
        runs_, run_count_, rows_, d_,
        [&](int64_t row, Scaling scaling, typename S::Operand* operands, int64_t stride, float* scales,
            int64_t scale_stride) {
          const int64_t blocks = k_ / HD_SCALE_BLOCK;
          for (int64_t block = 0; block < blocks; ++block) {
            const float scale = a_scale_[row][block * block_stride_];
            S::pack_block(a_[row] + block * HD_SCALE_BLOCK, scaling == Scaling::folded ? &scale : nullptr,
                          operands + S::kOperands * block * (HD_SCALE_BLOCK / S::kChunk) * stride, stride);
            if (scaling == Scaling::blocked) scales[block * scale_stride] = scale;
          }
        },
        pool_, workspace_);
    rows_ = 0;
    run_count_ = 0;
  }

 private:
  static constexpr int64_t kMaxRows = DotGemm<S>::kMaxRows;

  // Rows, by the scaling that serves them, for the products whose weights' scales fold, or for the others.
  void add_part(const Fp8Rows& rows, int64_t count, const bool* folds, bool wanted_folds) {
    Scaling scaling[kMaxRows];
    for (int64_t i = 0; i < count; ++i) {
      const bool row_folds = wanted_folds && all_a_fold(rows.a_scale + i * rows.row_stride);
      scaling[i] = row_folds ? Scaling::folded : Scaling::blocked;
    }
    for (const Scaling wanted : {Scaling::folded, Scaling::blocked}) {
      const int64_t first = rows_;
      for (int64_t i = 0; i < count; ++i) {
        if (scaling[i] != wanted) continue;
        a_[rows_] = rows.a + i * k_;
        a_scale_[rows_] = rows.a_scale + i * rows.row_stride;
        d_[rows_] = rows.d + i;
        ++rows_;
      }
      if (rows_ == first) continue;
      for (int32_t i = 0; i < rows.product_count; ++i) {
        const Fp8Product& product = rows.products[i];
        if (folds[i] != wanted_folds) continue;
        runs_[run_count_++] = {weight_of(product.b, product.is_pow2),
                               weight_of(product.up, product.is_pow2),
                               product.n,
                               product.d,
                               product.d_stride,
                               first,
                               rows_ - first,
                               wanted};
      }
    }
  }

  static DotWeight weight_of(const Fp8Weight& weight, bool is_pow2) {
    return {reinterpret_cast<const std::byte*>(weight.codes), weight.scale, is_pow2};
  }

  bool b_folds(const Fp8Product& product) const {
    return (S::kFoldsAny || product.is_pow2) && all_fold(product.b, product.n) && all_fold(product.up, product.n);
  }

  bool all_fold(const Fp8Weight& weight, int64_t n) const {
    if (weight.codes == nullptr) return true;
    const int64_t count = (n + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK * (k_ / HD_SCALE_BLOCK);
    bool all = true;
    for (int64_t i = 0; i < count; ++i) all &= S::folds(weight.scale[i]);
    return all;
  }

  bool all_a_fold(const float* a_scale) const {
    bool all = true;
    for (int64_t block = 0; block < k_ / HD_SCALE_BLOCK; ++block) all &= S::folds(a_scale[block * block_stride_]);
    return all;
  }

  int64_t k_;
  int64_t block_stride_;
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

// Rows of a that a call packs at most.
template <class Args>
int64_t most_rows(const Args& args) {
  return args.m;
}

// Twice, where the scales of some weights fold and of some don't.
[[maybe_unused]] inline int64_t most_rows(const hd_fp8_gemm_multi_args& args) {
  return 2 * static_cast<int64_t>(args.m);
}

[[maybe_unused]] inline int64_t most_rows(const hd_fp8_gemm_masked_args& args) {
  return static_cast<int64_t>(args.groups) * args.m_max;
}

template <class Args>
bool has_up(const Args& args) {
  return args.has_up != 0;
}

[[maybe_unused]] inline bool has_up(const hd_fp8_gemm_multi_args&) {
  return false;
}

template <Fp8DotScheme S, class Args>
uint64_t fp8_gemm_workspace(const Args& args, int threads) {
  return DotGemm<S>::workspace(most_rows(args), args.k, args.d_dtype, has_up(args), threads);
}

// The product of one group.
template <class Args>
Fp8Product product_of(const Args& args, int32_t group) {
  const Fp8Weight up = has_up(args) ? Fp8Weight{args.up[group], args.up_scale[group]} : Fp8Weight{};
  return {{args.b[group], args.b_scale[group]}, up, args.n, args.b_scale_is_pow2 != 0, args.d, args.n};
}

template <Fp8DotScheme S>
int32_t fp8_gemm(const hd_fp8_gemm_args& args, ThreadPool& pool, std::byte* workspace) {
  Fp8Batch<S> batch(args.k, args.a_scale_block_stride, has_up(args), pool, workspace);
  const Fp8Product product{{args.b, args.b_scale}, {args.up, args.up_scale}, args.n, args.b_scale_is_pow2 != 0, args.d,
                           args.d_stride};
  batch.add({args.a, args.a_scale, args.a_scale_row_stride, 0, args.m, &product, 1});
  batch.flush();
  return HD_STATUS_OK;
}

template <Fp8DotScheme S>
int32_t fp8_gemm(const hd_fp8_gemm_multi_args& args, ThreadPool& pool, std::byte* workspace) {
  Fp8Batch<S> batch(args.k, args.a_scale_block_stride, false, pool, workspace);
  Fp8Product products[Fp8Batch<S>::kMaxProducts];
  int32_t count = 0;
  for (int32_t i = 0; i < args.count; ++i) {
    if (args.n[i] == 0) continue;
    products[count++] = {{args.b[i], args.b_scale[i]}, {},        args.n[i],
                         args.b_scale_is_pow2[i] != 0, args.d[i], args.d_stride[i]};
  }
  batch.add({args.a, args.a_scale, args.a_scale_row_stride, 0, args.m, products, count});
  batch.flush();
  return HD_STATUS_OK;
}

template <Fp8DotScheme S>
int32_t fp8_gemm(const hd_fp8_gemm_contiguous_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_layout("hd_fp8_gemm_contiguous", args)) return status;
  Fp8Batch<S> batch(args.k, args.a_scale_block_stride, has_up(args), pool, workspace);
  for_groups(args, [&](int32_t group, int64_t first, int64_t count) {
    const Fp8Product product = product_of(args, group);
    batch.add({args.a + first * args.k, args.a_scale + first * args.a_scale_row_stride, args.a_scale_row_stride, first,
               count, &product, 1});
  });
  batch.flush();
  return HD_STATUS_OK;
}

template <Fp8DotScheme S>
int32_t fp8_gemm(const hd_fp8_gemm_masked_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_groups(args)) return status;
  Fp8Batch<S> batch(args.k, args.a_scale_block_stride, has_up(args), pool, workspace);
  for (int32_t group = 0; group < args.groups; ++group) {
    const int64_t first = static_cast<int64_t>(group) * args.m_max;
    const Fp8Product product = product_of(args, group);
    batch.add({args.a + first * args.k, args.a_scale + group * args.a_scale_group_stride, args.a_scale_row_stride,
               first, args.masked_m[group], &product, 1});
  }
  batch.flush();
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
