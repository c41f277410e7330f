// Sums of weighted values, dims in lanes: part of attend.h.
#pragma once

#include "cpu/attention/token_block.h"

namespace hadal::cpu {
namespace {

// kRows rows from `row` on, dims [dim, dim + 2 vectors).
template <class Simd, int kLanes, int kRows, bool Careful>
[[gnu::always_inline]] inline void add_values_of(const TokenBlock<Simd>& block, int units, int dim, int row,
                                                 float* sums, const uint32_t* allowed) {
  constexpr int kWidth = Simd::kWidth;
  constexpr int kDims = 2 * kWidth;
  float* to = sums + static_cast<int64_t>(dim) * kLanes + row * kDims;
  typename Simd::Floats sum[kRows][2];
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    const typename Simd::Floats shrink = Simd::all(block.shrink[row + i]);
    for (int v = 0; v < 2; ++v) sum[i][v] = Simd::mul(Simd::load(to + i * kDims + v * kWidth), shrink);
  }
  const int64_t stride = block.value_stride;
  const uint32_t* values = block.values + dim / Simd::kDepth;
  const uint32_t* weights = block.weights + row;
#pragma GCC unroll 4
  for (int unit = 0; unit < units; ++unit, values += Simd::kDepth * stride, weights += kLanes) {
    typename Simd::Units value[2];
    Simd::values(values, stride, value);
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      const typename Simd::Units weight = Simd::all(weights + i);
      for (int v = 0; v < 2; ++v) {
        if constexpr (Careful) {
          const auto seen = Simd::seen(allowed + unit * Simd::kDepth, row + i);
          sum[i][v] = Simd::dot(sum[i][v], weight, Simd::both(value[v], seen));
        } else {
          sum[i][v] = Simd::dot(sum[i][v], weight, value[v]);
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kRows; ++i) {
    for (int v = 0; v < 2; ++v) Simd::store(to + i * kDims + v * kWidth, sum[i][v]);
  }
}

// sums = sums * shrink + weights . values; where Careful, a value that a row may not see is taken as zero. Out of line:
// what is around it would take the registers that its sums need.
template <class Simd, int Vectors, bool Careful, class Source>
[[gnu::noinline]] void add_values(const TokenBlock<Simd>& block, int count, float* sums, const uint32_t* allowed,
                                  const Source& source) {
  constexpr int kLanes = Vectors * Simd::kWidth;
  // As many rows at a time as Simd has registers for, the remainder spread over the first.
  constexpr int kTiles = (kLanes * 2 + Simd::kSums - 1) / Simd::kSums;
  constexpr int kRows = kLanes / kTiles;
  constexpr int kLarger = kLanes % kTiles;
  const int units = (count + Simd::kDepth - 1) / Simd::kDepth;
  for (int dim = 0; dim < block.value_dim; dim += 2 * Simd::kWidth) {
    int row = 0;
    if constexpr (kLarger > 0) {
      for (; row < kLarger * (kRows + 1); row += kRows + 1) {
        source.fetch();
        add_values_of<Simd, kLanes, kRows + 1, Careful>(block, units, dim, row, sums, allowed);
      }
    }
    for (; row < kLanes; row += kRows) {
      source.fetch();
      add_values_of<Simd, kLanes, kRows, Careful>(block, units, dim, row, sums, allowed);
    }
  }
}

}  // namespace
}  // namespace hadal::cpu
