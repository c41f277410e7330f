// d[m, n] = a[m, k] . b[n, k] with K in the lanes of a register: the frame that the dot-product GEMMs share.
//
// An output element is one register of partial sums that runs over K in ascending order, then one fixed tree of
// additions. With scales that don't fold, each 128-block has a register of its own, whose sum per 128 bits is scaled
// and added to those of the blocks before. Tiling, threads, and how many rows there are decide only which elements are
// computed side by side, so they never change a bit: one row alone and 512 rows give the same.
//
// In parts: dot_scheme.h says what operands are, dot_tiling.h how rows fall into tiles, dot_part.h what a tile is
// given, dot_kernel.h multiplies it by four columns, dot_panel.h all rows by a range of columns, dot_swiglu.h does two
// weights at once. This file packs the rows of a (turned into operands, tile by tile) and shares the columns of b among
// the threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"
#include "cpu/simd/dot_panel.h"
#include "cpu/simd/dot_swiglu.h"
#include "cpu/simd/rows.h"

namespace hadal::cpu {
namespace {

// Rows of a times one weight, or two for a SwiGLU.
struct DotRun {
  DotWeight weight;
  DotWeight up;  // Null: none.
  int64_t n;
  void* d;
  int64_t d_stride;
  int64_t first;  // Its first row among the packed ones, which several runs may share.
  int64_t rows;
  Scaling scaling;
};

template <DotScheme S>
class DotGemm {
 public:
  using Operand = typename S::Operand;

  static constexpr int64_t kMaxRows = DotSwiGlu<S>::kMaxRows;  // Packed at a time, at most.
  static constexpr int64_t kMaxRuns = 512;

  // With has_up, runs may have two weights.
  DotGemm(int64_t k, int64_t b_stride_bytes, int32_t d_dtype, bool has_up)
      : shape_{.k = k, .b_stride = b_stride_bytes, .d_dtype = d_dtype}, panels_(shape_), has_up_(has_up) {}

  // Rows packed at a time, of this K: bounds the workspace.
  int64_t max_rows() const {
    if (panels_.is_long()) return 256;
    return std::clamp<int64_t>(kPackedBytes / std::max<int64_t>(shape_.operand_bytes(), 1), 512, kMaxRows);
  }

  static uint64_t workspace(int64_t rows, int64_t k, int32_t d_dtype, bool has_up, int threads) {
    const DotGemm gemm(k, 0, d_dtype, has_up);
    return static_cast<uint64_t>(gemm.packed_bytes(std::min(rows, gemm.max_rows())) + threads * gemm.thread_bytes());
  }

  // Multiplies `count` runs, in the order of their first rows, of `rows` packed rows. pack(row, scaling, operands,
  // stride, scales, scale_stride) writes a packed row: operand i at operands[i * stride]; blocked, the scale of each
  // block. row_d[row] is the row of d that a packed row makes.
  template <class Pack>
  void run(const DotRun* runs, int64_t count, int64_t rows, const int64_t* row_d, const Pack& pack, ThreadPool& pool,
           std::byte* workspace) const {
    auto* packed = reinterpret_cast<Operand*>(workspace);
    auto* scales = reinterpret_cast<float*>(packed + rows * shape_.operands());
    std::byte* thread_space = workspace + packed_bytes(rows);
    for_rows(pool, rows, shape_.k, [&](int64_t packed_row) {
      int64_t r = 0;
      while (packed_row >= runs[r].first + runs[r].rows) ++r;
      const DotRun& run = runs[r];
      const DotTile tile = DotTiling<S>(run.rows, run.scaling).of(packed_row - run.first);
      const int64_t base = run.first + tile.first;
      const int64_t within = packed_row - base;
      pack(packed_row, run.scaling, packed + base * shape_.operands() + within, tile.rows,
           scales + base * shape_.blocks() + within, tile.rows);
    });

    Share shares[kMaxRuns];
    int64_t columns = 0;
    for (int64_t r = 0; r < count; ++r) columns += runs[r].n * weights(runs[r]);
    int64_t items = 0;
    for (int64_t r = 0; r < count; ++r) {
      shares[r] = {items, item_columns(runs[r], columns, pool.threads())};
      items += (runs[r].n + shares[r].columns - 1) / shares[r].columns;
    }
    const auto run_of = [&](int64_t item) {
      const auto after = [](int64_t i, const Share& share) { return i < share.first_item; };
      return std::upper_bound(shares, shares + count, item, after) - shares - 1;
    };
    const auto first_column = [&](int64_t r, int64_t item) {
      return (item - shares[r].first_item) * shares[r].columns;
    };
    pool.parallel_for(items, [&](int64_t item, int worker) {
      const int64_t r = run_of(item);
      const DotRun& run = runs[r];
      const int64_t column = first_column(r, item);
      const int64_t end = std::min(column + shares[r].columns, run.n);
      const int64_t next = std::min(item + 1, items - 1);
      const int64_t next_run = run_of(next);
      const DotRows<S> work{
          .count = run.rows,
          .scaling = run.scaling,
          .a = packed + run.first * shape_.operands(),
          .a_scale = scales + run.first * shape_.blocks(),
          .row_d = row_d + run.first,
          .n = run.n,
          .d = run.d,
          .d_stride = run.d_stride,
      };
      const std::byte* after = runs[next_run].weight.b + first_column(next_run, next) * shape_.b_stride;
      std::byte* space = thread_space + worker * thread_bytes();
      if (run.up.b == nullptr) {
        panels_.multiply(work, run.weight, column, end, after, space);
      } else {
        DotSwiGlu<S>::multiply(panels_, shape_, work, {run.weight, run.up}, column, end, after, space,
                               space + panels_.thread_bytes());
      }
    });
  }

 private:
  static constexpr int64_t kPackedBytes = 1024 * 1024;  // Rows of a packed at a time, where K is short.

  // The items of a run.
  struct Share {
    int64_t first_item;
    int64_t columns;  // Of d, of each item.
  };

  int64_t packed_bytes(int64_t rows) const {
    const int64_t bytes = rows * (shape_.operand_bytes() + shape_.blocks() * static_cast<int64_t>(sizeof(float)));
    return (bytes + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
  }

  int64_t thread_bytes() const {
    return panels_.thread_bytes() + (has_up_ ? DotSwiGlu<S>::thread_bytes(max_rows(), shape_.d_dtype) : 0);
  }

  static int64_t weights(const DotRun& run) { return run.up.b != nullptr ? 2 : 1; }

  // Columns of d that one work item computes: one panel, or a few microseconds of reading b; equal parts, so that no
  // worker is left with a long one. `all` are the columns of all runs.
  int64_t item_columns(const DotRun& run, int64_t all, int threads) const {
    constexpr int64_t kItemBytes = 384 * 1024;
    int64_t fit = panels_.columns(run.rows, run.scaling);
    int64_t fair = all / threads / weights(run);
    int64_t unit = kDotColumns;
    if (fit == kDotColumns) {
      fit = kItemBytes / std::max<int64_t>(shape_.b_stride * weights(run), 1);
      fair /= 4;
      unit *= 8;  // Streams are worth it when they are some rows long.
      if (run.up.b != nullptr && std::min(fit, fair) >= DotSwiGlu<S>::kColumns) unit = DotSwiGlu<S>::kColumns;
    }
    const int64_t most = std::clamp<int64_t>(std::min(fit, fair) / unit * unit, 1, run.n);
    const int64_t items = (run.n + most - 1) / most;
    const int64_t columns = (run.n + items - 1) / items;
    return (columns + unit - 1) / unit * unit;
  }

  DotShape<S> shape_;
  DotPanels<S> panels_;
  bool has_up_;
};

}  // namespace
}  // namespace hadal::cpu
