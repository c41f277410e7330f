// d[m, n] = a[m, k] . b[n, k] with K in the lanes of a register: the frame that the dot-product GEMMs share.
//
// An output element is one register of partial sums that runs over K in ascending order, then one fixed tree of
// additions. Tiling, threads, and how many rows there are decide only which elements are computed side by side, so
// they never change a bit: one row alone and 512 rows give the same.
//
// Rows of a are packed first: turned into the operand type, tile by tile. Few rows stream b from memory and turn it
// into operands in registers; more rows turn a panel of b once and keep it in the second-level cache.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Rows of a that share one b.
struct DotRun {
  const std::byte* b = nullptr;
  const float* b_scale = nullptr;  // [ceil(n / 128), k / 128] or null.
  int64_t first = 0;               // Its first row among the packed ones.
  int64_t rows = 0;
  bool folded = true;  // Scales are in the operands already; else each 128 of K is scaled by itself.
};

// What a scheme S gives: Vector (partial sums), Operand; kRows, rows of a tile; kChunk, elements of K that Expand turns
// into two operands; kChunkBytes of b; Expand; dot, load, store, zero, scale_add, sum4, store4.
template <class S>
class DotGemm {
 public:
  using Vector = typename S::Vector;
  using Operand = typename S::Operand;

  static constexpr int64_t kMaxRows = 512;  // Packed at a time: bounds the workspace.

  DotGemm(int64_t n, int64_t k, int64_t b_stride_bytes, void* d, int32_t d_dtype)
      : n_(n), k_(k), chunks_((k + S::kChunk - 1) / S::kChunk), b_stride_(b_stride_bytes), d_(d), d_dtype_(d_dtype) {}

  static uint64_t workspace(int64_t rows, int64_t n, int64_t k, int threads) {
    const DotGemm shape(n, k, 0, nullptr, HD_DTYPE_F32);
    return static_cast<uint64_t>(shape.packed_bytes(std::min(rows, kMaxRows)) + threads * shape.thread_bytes());
  }

  // Multiplies `count` runs. pack(row, folded, operands, stride, scales, scale_stride) writes a packed row: operand i
  // at operands[i * stride], and where it is not folded the scale of each 128 of K. row_d[row] is the index in d of the
  // first element of a packed row.
  template <class Pack>
  void run(const DotRun* runs, int64_t count, const int64_t* row_d, const Pack& pack, ThreadPool& pool,
           std::byte* workspace) const {
    int64_t rows = 0;
    for (int64_t r = 0; r < count; ++r) rows += runs[r].rows;
    auto* packed = reinterpret_cast<Operand*>(workspace);
    auto* scales = reinterpret_cast<float*>(packed + rows * operands());
    std::byte* thread_space = workspace + packed_bytes(rows);
    const auto pack_run = [&](int64_t r, int) {
      const DotRun& run = runs[r];
      for (int64_t row = 0; row < run.rows; ++row) {
        const Tile tile = tile_of(run.rows, row);
        const int64_t base = run.first + tile.first;
        pack(run.first + row, run.folded, packed + base * operands() + row - tile.first, tile.rows,
             scales + base * blocks() + row - tile.first, tile.rows);
      }
    };
    const auto pack_row = [&](int64_t packed_row, int) {
      int64_t r = 0;
      while (packed_row >= runs[r].first + runs[r].rows) ++r;
      const DotRun& run = runs[r];
      const Tile tile = tile_of(run.rows, packed_row - run.first);
      const int64_t base = run.first + tile.first;
      const int64_t within = packed_row - base;
      pack(packed_row, run.folded, packed + base * operands() + within, tile.rows, scales + base * blocks() + within,
           tile.rows);
    };
    // Below this the packing costs less than handing it out.
    if (rows * k_ < 32768) {
      for (int64_t r = 0; r < count; ++r) pack_run(r, 0);
    } else {
      pool.parallel_for(rows, pack_row);
    }

    bool all_stream = true;
    for (int64_t r = 0; r < count; ++r) all_stream &= runs[r].rows <= S::kDirectRows;
    const int64_t columns = item_columns(count, pool.threads(), all_stream);
    const int64_t items = (n_ + columns - 1) / columns;
    const int64_t all = count * items;
    pool.parallel_for(all, [&](int64_t item, int worker) {
      const DotRun& run = runs[item / items];
      const int64_t n0 = item % items * columns;
      const int64_t n1 = std::min(n0 + columns, n_);
      // Workers take items in turn, so this one's next is likely to be the one `threads` further on.
      const int64_t next = std::min(item + pool.threads(), all - 1);
      const Work work{run, packed + run.first * operands(), scales + run.first * blocks(), row_d + run.first,
                      runs[next / items].b + next % items * columns * b_stride_};
      if (run.rows <= S::kDirectRows) {
        stream(work, n0, n1);
      } else {
        tiles(work, n0, n1, thread_space + worker * thread_bytes());
      }
    });
  }

 private:
  static constexpr int kColumns = 4;                  // Columns of a tile.
  static constexpr int64_t kDepth = S::kDepth;        // Chunks of K that a pass over the tiles takes.
  static constexpr int64_t kPanelRows = 48;           // Rows whose partial sums wait in memory between passes.
  static constexpr int64_t kPanelBytes = 384 * 1024;  // Of b as operands: less than a second-level cache.
  static constexpr int64_t kBlockChunks = HD_SCALE_BLOCK / S::kChunk;

  struct Tile {
    int64_t first;
    int64_t rows;
  };

  struct Work {
    const DotRun& run;
    const Operand* a;
    const float* a_scale;
    const int64_t* row_d;
    const std::byte* after;  // The b that this worker probably reads next.
  };

  int64_t operands() const { return 2 * chunks_; }
  int64_t blocks() const { return (k_ + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK; }

  int64_t packed_bytes(int64_t rows) const {
    const int64_t bytes =
        rows * (operands() * static_cast<int64_t>(sizeof(Operand)) + blocks() * static_cast<int64_t>(sizeof(float)));
    return (bytes + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
  }

  int64_t panel_columns() const {
    const int64_t row = operands() * static_cast<int64_t>(sizeof(Operand));
    return std::clamp<int64_t>(kPanelBytes / row / kColumns * kColumns, kColumns, S::kPanelColumns);
  }

  int64_t thread_bytes() const {
    return panel_columns() * (operands() * static_cast<int64_t>(sizeof(Operand)) +
                              (kPanelRows + S::kRows) * static_cast<int64_t>(sizeof(Vector)));
  }

  // Rows are shared out evenly, so that no tile is left with one row.
  static int64_t tile_count(int64_t rows) { return (rows + S::kRows - 1) / S::kRows; }
  static Tile tile_at(int64_t rows, int64_t tile) {
    const int64_t count = tile_count(rows);
    const int64_t first = rows / count * tile + std::min(tile, rows % count);
    return {first, rows / count + (tile < rows % count ? 1 : 0)};
  }
  static Tile tile_of(int64_t rows, int64_t row) {
    const int64_t count = tile_count(rows);
    const int64_t size = rows / count;
    const int64_t larger = rows % count;
    const int64_t tile = row < larger * (size + 1) ? row / (size + 1) : larger + (row - larger * (size + 1)) / size;
    return tile_at(rows, tile);
  }

  // Columns of d that one work item computes.
  int64_t item_columns(int64_t runs, int threads, bool all_stream) const {
    constexpr int64_t kItemBytes = 384 * 1024;  // Of b: some ten microseconds.
    const int64_t fit =
        all_stream ? std::max<int64_t>(kItemBytes / std::max<int64_t>(b_stride_, 1), 1) : panel_columns();
    const int64_t fair = runs * n_ / (4 * threads);
    const int64_t columns = std::clamp<int64_t>(std::min(fit, fair), 1, n_);
    return (columns + kColumns - 1) / kColumns * kColumns;
  }

  const float* b_scale_of(const DotRun& run, int64_t column) const {
    return run.b_scale == nullptr ? nullptr : run.b_scale + column / HD_SCALE_BLOCK * blocks();
  }

  // Few rows: b goes from memory to registers once, four rows of it side by side.
  void stream(const Work& work, int64_t n0, int64_t n1) const {
    for (int64_t column = n0; column < n1; column += kColumns) {
      const bool last = column + kColumns >= n1;
      const std::byte* next = last ? work.after : work.run.b + (column + kColumns) * b_stride_;
      const auto call = [&]<int kM>() {
        if (work.run.folded) {
          stream_tile<kM, true>(work, column, next);
        } else if constexpr (S::kBlockScaled) {
          stream_tile<kM, false>(work, column, next);
        }
      };
      dispatch<S::kDirectRows>(work.run.rows, call);
    }
  }

  // Calls with the template argument that equals `rows`, 1 to kMost.
  template <int kMost, class Call>
  static void dispatch(int64_t rows, const Call& call) {
    if constexpr (kMost > 1) {
      if (rows < kMost) return dispatch<kMost - 1>(rows, call);
    }
    call.template operator()<kMost>();
  }

  template <int kM, bool kFolded>
  void stream_tile(const Work& work, int64_t column, const std::byte* next) const {
    const int64_t count = std::min<int64_t>(kColumns, n_ - column);
    const std::byte* b[kColumns];
    for (int64_t j = 0; j < kColumns; ++j) b[j] = work.run.b + (column + std::min(j, count - 1)) * b_stride_;
    const float* b_scale = b_scale_of(work.run, column);
    const Operand* a = work.a;
    Vector sum[kM][kColumns];
    for (auto& row : sum) {
      for (auto& x : row) x = S::zero();
    }
    const auto chunk = [&](int64_t c, const auto& expand, Vector(&into)[kM][kColumns]) __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        for (int64_t line = 0; line < S::kChunkBytes; line += 64) {
          __builtin_prefetch(next + j * b_stride_ + c * S::kChunkBytes + line, 0, 2);
        }
        Operand x, y;
        expand(b[j] + c * S::kChunkBytes, x, y);
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) into[i][j] = S::dot(into[i][j], S::load(a + 2 * c * kM + i), x);
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) into[i][j] = S::dot(into[i][j], S::load(a + (2 * c + 1) * kM + i), y);
      }
    };
    if constexpr (S::kBlockScaled) {
      for (int64_t block = 0; block < blocks(); ++block) {
        const typename S::Expand expand(kFolded ? b_scale + block : nullptr);
        if constexpr (kFolded) {
          for (int64_t c = 0; c < kBlockChunks; ++c) chunk(block * kBlockChunks + c, expand, sum);
        } else {
          Vector part[kM][kColumns];
          for (auto& row : part) {
            for (auto& x : row) x = S::zero();
          }
          for (int64_t c = 0; c < kBlockChunks; ++c) chunk(block * kBlockChunks + c, expand, part);
          for (int i = 0; i < kM; ++i) {
            const float scale = work.a_scale[block * kM + i] * b_scale[block];
            for (int j = 0; j < kColumns; ++j) sum[i][j] = S::scale_add(sum[i][j], part[i][j], scale);
          }
        }
      }
    } else {
      const typename S::Expand expand(nullptr);
      const int64_t whole = k_ / S::kChunk;
      for (int64_t c = 0; c < whole; ++c) chunk(c, expand, sum);
      if (whole < chunks_) chunk(whole, typename S::ExpandTail(k_ - whole * S::kChunk), sum);
    }
    for (int i = 0; i < kM; ++i) {
      S::store4(d_, d_dtype_, work.row_d[i] + column, S::sum4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]), count);
    }
  }

  // More rows: a panel of b is turned into operands once, and tiles of kRows x 4 outputs pass over K kDepth at a time.
  void tiles(const Work& work, int64_t n0, int64_t n1, std::byte* space) const {
    auto* panel = reinterpret_cast<Operand*>(space);
    auto* waiting = reinterpret_cast<Vector*>(panel + panel_columns() * operands());
    const int64_t row_tiles = tile_count(work.run.rows);
    const int64_t step = std::max<int64_t>(kPanelRows / S::kRows, 1);
    for (int64_t column = n0; column < n1; column += panel_columns()) {
      const int64_t width = std::min(panel_columns(), n1 - column);
      for (int64_t t0 = 0; t0 < row_tiles; t0 += step) {
        const int64_t t1 = std::min(t0 + step, row_tiles);
        for (int64_t c0 = 0; c0 < chunks_; c0 += kDepth) {
          const int64_t c1 = std::min(c0 + kDepth, chunks_);
          // What waits on nothing but this pass is written over by the next one.
          Operand* block = panel + (row_tiles > step ? 2 * c0 * panel_columns() : 0);
          if (t0 == 0) expand_panel(work.run, column, width, c0, c1, block);
          const Next next = next_block(work, column, n1, width, c1, t0);
          int64_t done = 0;
          const int64_t total = (t1 - t0) * ((width + kColumns - 1) / kColumns);
          for (int64_t t = t0; t < t1; ++t) {
            const Tile tile = tile_at(work.run.rows, t);
            for (int64_t j = 0; j < width; j += kColumns) {
              prefetch(next, done, total);
              ++done;
              Vector* sums =
                  waiting + (tile.first - tile_at(work.run.rows, t0).first) * panel_columns() + j * tile.rows;
              const Pass pass{work.a + tile.first * operands() + 2 * c0 * tile.rows,
                              block + j * 2 * (c1 - c0),
                              work.run.folded ? nullptr : work.a_scale + tile.first * blocks(),
                              b_scale_of(work.run, column + j),
                              c0,
                              c1,
                              sums,
                              work.row_d + tile.first,
                              column + j};
              const auto call = [&]<int kM>() {
                if (work.run.folded) {
                  pass_tile<kM, true>(pass);
                } else if constexpr (S::kBlockScaled) {
                  pass_tile<kM, false>(pass);
                }
              };
              dispatch<S::kRows>(tile.rows, call);
            }
          }
        }
      }
    }
  }

  // The bytes of b that the next pass expands.
  struct Next {
    const std::byte* b = nullptr;
    int64_t rows = 0;
    int64_t bytes = 0;
  };

  Next next_block(const Work& work, int64_t column, int64_t n1, int64_t width, int64_t c1, int64_t t0) const {
    if (t0 != 0) return {};
    if (c1 < chunks_) {
      return {work.run.b + column * b_stride_ + c1 * S::kChunkBytes, width,
              (std::min(c1 + kDepth, chunks_) - c1) * S::kChunkBytes};
    }
    const int64_t rows = std::min(panel_columns(), n1 - column - width);
    return {rows > 0 ? work.run.b + (column + width) * b_stride_ : work.after, rows > 0 ? rows : width,
            std::min(kDepth, chunks_) * S::kChunkBytes};
  }

  // The share of the bytes that falls to tile `done` of `total`.
  void prefetch(const Next& next, int64_t done, int64_t total) const {
    const int64_t lines = next.bytes / 64 + 1;
    for (int64_t i = next.rows * lines * done / total; i < next.rows * lines * (done + 1) / total; ++i) {
      __builtin_prefetch(next.b + i / lines * b_stride_ + i % lines * 64, 0, 2);
    }
  }

  // Operands of the columns [column, column + width), chunks [c0, c1): four columns side by side, [width /
  // 4][chunk][2][4].
  void expand_panel(const DotRun& run, int64_t column, int64_t width, int64_t c0, int64_t c1, Operand* block) const {
    for (int64_t j = 0; j < width; ++j) {
      const std::byte* b = run.b + (column + j) * b_stride_;
      Operand* y = block + j / kColumns * kColumns * 2 * (c1 - c0) + j % kColumns;
      const auto chunk = [&](int64_t c, const auto& expand) __attribute__((always_inline)) {
        Operand first, second;
        expand(b + c * S::kChunkBytes, first, second);
        S::store(y + 2 * (c - c0) * kColumns, first);
        S::store(y + (2 * (c - c0) + 1) * kColumns, second);
      };
      if constexpr (S::kBlockScaled) {
        const float* b_scale = b_scale_of(run, column + j);
        for (int64_t c = c0; c < c1; c += kBlockChunks) {
          const typename S::Expand expand(run.folded ? b_scale + c / kBlockChunks : nullptr);
          for (int64_t i = 0; i < kBlockChunks; ++i) chunk(c + i, expand);
        }
      } else {
        const typename S::Expand expand(nullptr);
        const int64_t whole = std::min(c1, k_ / S::kChunk);
        for (int64_t c = c0; c < whole; ++c) chunk(c, expand);
        if (whole < c1) chunk(whole, typename S::ExpandTail(k_ - whole * S::kChunk));
      }
    }
    for (int64_t j = width; j % kColumns != 0; ++j) {
      Operand* y = block + j / kColumns * kColumns * 2 * (c1 - c0) + j % kColumns;
      for (int64_t i = 0; i < 2 * (c1 - c0); ++i) S::store(y + i * kColumns, Operand{});
    }
  }

  struct Pass {
    const Operand* a;      // [operand][kM]
    const Operand* b;      // [operand][4]
    const float* a_scale;  // [block][kM]
    const float* b_scale;  // [block]
    int64_t c0;
    int64_t c1;
    Vector* sums;  // [kM][4]
    const int64_t* row_d;
    int64_t column;
  };

  template <int kM, bool kFolded>
  void pass_tile(const Pass& pass) const {
    const bool begins = pass.c0 == 0;
    const bool ends = pass.c1 == chunks_;
    const Operand* a = pass.a;
    const Operand* b = pass.b;
    Vector sum[kM][kColumns];
    const auto step = [&](Vector(&into)[kM][kColumns]) __attribute__((always_inline)) {
      Operand x[kM];
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) x[i] = S::load(a + i);
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        const Operand y = S::load(b + j);
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) into[i][j] = S::dot(into[i][j], x[i], y);
      }
      a += kM;
      b += kColumns;
    };
    if constexpr (kFolded) {
      for (int i = 0; i < kM; ++i) {
        for (int j = 0; j < kColumns; ++j) sum[i][j] = begins ? S::zero() : pass.sums[i * kColumns + j];
      }
      for (int64_t i = 2 * (pass.c1 - pass.c0); i != 0; --i) step(sum);
      if (!ends) {
        for (int i = 0; i < kM; ++i) {
          for (int j = 0; j < kColumns; ++j) pass.sums[i * kColumns + j] = sum[i][j];
        }
        return;
      }
    } else {
      if (begins) std::fill_n(pass.sums, kM * kColumns, S::zero());
      for (int64_t c = pass.c0; c < pass.c1; c += kBlockChunks) {
        const int64_t block = c / kBlockChunks;
        for (auto& row : sum) {
          for (auto& x : row) x = S::zero();
        }
        for (int64_t i = 2 * kBlockChunks; i != 0; --i) step(sum);
        for (int i = 0; i < kM; ++i) {
          const float scale = pass.a_scale[block * kM + i] * pass.b_scale[block];
          for (int j = 0; j < kColumns; ++j) {
            Vector& total = pass.sums[i * kColumns + j];
            total = S::scale_add(total, sum[i][j], scale);
          }
        }
      }
      if (!ends) return;
      for (int i = 0; i < kM; ++i) {
        for (int j = 0; j < kColumns; ++j) sum[i][j] = pass.sums[i * kColumns + j];
      }
    }
    const int64_t count = std::min<int64_t>(kColumns, n_ - pass.column);
    for (int i = 0; i < kM; ++i) {
      S::store4(d_, d_dtype_, pass.row_d[i] + pass.column, S::sum4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]), count);
    }
  }

  int64_t n_;
  int64_t k_;
  int64_t chunks_;
  int64_t b_stride_;
  void* d_;
  int32_t d_dtype_;
};

}  // namespace
}  // namespace hadal::cpu
