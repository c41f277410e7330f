// d[m, n] = a[m, k] . b[n, k] with K in the lanes of a register: the frame that the dot-product GEMMs share.
//
// An output element is one register of partial sums that runs over K in ascending order, then one fixed tree of
// additions. Tiling, threads, and how many rows there are decide only which elements are computed side by side, so
// they never change a bit: one row alone and 512 rows give the same.
//
// Rows of a are packed first: turned into the operand type, tile by tile. The first tile of rows streams b from memory
// and turns it into operands in registers; where there are more tiles it leaves them in a panel, small enough for the
// second-level cache, that the others take. All of them fetch the b of the next panel meanwhile.
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
// into two operands; kChunkBytes of b; kBlockScaled; Expand, ExpandTail; dot, load, store, zero, scale_add, sum4,
// store4.
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

    int64_t most_rows = 0;
    for (int64_t r = 0; r < count; ++r) most_rows = std::max(most_rows, runs[r].rows);
    const int64_t width = panel_columns(most_rows);
    const int64_t columns = item_columns(count, pool.threads(), width);
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
      for (int64_t column = n0; column < n1; column += width) {
        const int64_t end = std::min(column + width, n1);
        panel(work, column, end, end < n1 ? run.b + end * b_stride_ : work.after,
              reinterpret_cast<Operand*>(thread_space + worker * thread_bytes()));
      }
    });
  }

 private:
  static constexpr int kColumns = 4;  // Columns of a tile.
  // Shares of a second-level cache of 1 MiB: b as operands, and rows of a that are worth keeping there.
  static constexpr int64_t kPanelBytes = 384 * 1024;
  static constexpr int64_t kRowsBytes = 384 * 1024;
  static constexpr int64_t kPanelColumns = 32;
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

  // One tile of rows times four columns.
  struct Part {
    const Operand* a;      // [operand][rows]
    const float* a_scale;  // [block][rows]
    const int64_t* row_d;
    const std::byte* b;    // Of column 0.
    const float* b_scale;  // [block]
    int64_t column;
    Operand* panel;         // [operand][4]
    const std::byte* next;  // What to fetch meanwhile: next_chunks of four rows.
    int64_t next_chunks;
    const Operand* next_a;  // Operands of a to fetch meanwhile: next_lines of them a chunk.
    int64_t next_lines;
  };

  int64_t operands() const { return 2 * chunks_; }
  int64_t blocks() const { return (k_ + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK; }

  int64_t packed_bytes(int64_t rows) const {
    const int64_t bytes =
        rows * (operands() * static_cast<int64_t>(sizeof(Operand)) + blocks() * static_cast<int64_t>(sizeof(float)));
    return (bytes + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
  }

  int64_t operand_bytes() const { return operands() * static_cast<int64_t>(sizeof(Operand)); }

  // Columns whose operands are kept while all tiles of rows pass over them: few where the rows themselves stay in the
  // cache, else as many as fit, so that rows are read from further away less often.
  int64_t panel_columns(int64_t rows) const {
    if (rows * operand_bytes() <= kRowsBytes) return kColumns;
    return std::clamp<int64_t>(kPanelBytes / operand_bytes() / kColumns * kColumns, kColumns, kPanelColumns);
  }

  int64_t thread_bytes() const { return panel_columns(kMaxRows) * operand_bytes(); }

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

  // Columns of d that one work item computes: some ten microseconds of reading b, or one panel.
  int64_t item_columns(int64_t runs, int threads, int64_t width) const {
    constexpr int64_t kItemBytes = 384 * 1024;
    const int64_t fit = width == kColumns ? std::max<int64_t>(kItemBytes / std::max<int64_t>(b_stride_, 1), 1) : width;
    const int64_t fair = runs * n_ / (4 * threads);
    const int64_t columns = std::clamp<int64_t>(std::min(fit, fair), 1, n_);
    return (columns + kColumns - 1) / kColumns * kColumns;
  }

  const float* b_scale_of(const DotRun& run, int64_t column) const {
    return run.b_scale == nullptr ? nullptr : run.b_scale + column / HD_SCALE_BLOCK * blocks();
  }

  // All rows times the columns [column, end). `next` is the b of the panel that comes after.
  void panel(const Work& work, int64_t column, int64_t end, const std::byte* next, Operand* operands_of_b) const {
    const int64_t tiles = tile_count(work.run.rows);
    const int64_t groups = (end - column + kColumns - 1) / kColumns;
    for (int64_t t = 0; t < tiles; ++t) {
      const Tile tile = tile_at(work.run.rows, t);
      const Tile next_tile = tile_at(work.run.rows, t + 1 < tiles ? t + 1 : 0);
      const int64_t share = next_tile.rows * operands() / groups;
      for (int64_t first = column; first < end; first += kColumns) {
        const Part part{work.a + tile.first * operands(), work.a_scale + tile.first * blocks(), work.row_d + tile.first,
                        work.run.b, b_scale_of(work.run, first), first, operands_of_b + (first - column) * operands(),
                        // Each tile fetches its share of the next b.
                        next + (first - column) * b_stride_ + t * chunks_ / tiles * S::kChunkBytes,
                        (t + 1) * chunks_ / tiles - t * chunks_ / tiles,
                        // And of the next tile of rows.
                        work.a + next_tile.first * operands() + (first - column) / kColumns * share,
                        groups > 1 ? (share + chunks_ - 1) / chunks_ : 0};
        const auto call = [&]<int kM>() {
          if (work.run.folded) {
            multiply<kM, true>(part, t, tiles);
          } else if constexpr (S::kBlockScaled) {
            multiply<kM, false>(part, t, tiles);
          }
        };
        dispatch<S::kRows>(tile.rows, call);
      }
    }
  }

  template <int kM, bool kFolded>
  void multiply(const Part& part, int64_t tile, int64_t tiles) const {
    if (tile > 0) {
      from_panel<kM, kFolded>(part);
    } else if (tiles > 1) {
      from_memory<kM, kFolded, true>(part);
    } else {
      from_memory<kM, kFolded, false>(part);
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

  template <int kM>
  using Sums = Vector[kM][kColumns];

  template <int kM>
  [[gnu::always_inline]] static void clear(Sums<kM>& sums) {
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) sums[i][j] = S::zero();
    }
  }

  // sums += parts * the product of the scales.
  template <int kM>
  [[gnu::always_inline]] static void add_scaled(Vector* sums, const Sums<kM>& parts, const float* a_scale,
                                                float b_scale) {
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
      const float scale = a_scale[i] * b_scale;
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        sums[i * kColumns + j] = S::scale_add(sums[i * kColumns + j], parts[i][j], scale);
      }
    }
  }

  template <int kM>
  void finish(const Part& part, const Vector* sums) const {
    const int64_t count = std::min<int64_t>(kColumns, n_ - part.column);
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
      const Vector* x = sums + i * kColumns;
      S::store4(d_, d_dtype_, part.row_d[i] + part.column, S::sum4(x[0], x[1], x[2], x[3]), count);
    }
  }

  [[gnu::always_inline]] void fetch_a(const Part& part, int64_t chunk) const {
    for (int64_t line = 0; line < part.next_lines; ++line) {
      __builtin_prefetch(part.next_a + chunk * part.next_lines + line, 0, 2);
    }
  }

  [[gnu::always_inline]] void fetch(const Part& part, int64_t chunk) const {
    if (chunk * S::kChunkBytes % 64 != 0) return;
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) {
      for (int64_t line = 0; line < S::kChunkBytes; line += 64) {
        __builtin_prefetch(part.next + j * b_stride_ + chunk * S::kChunkBytes + line, 0, 2);
      }
    }
  }

  // b from memory to registers, and with kKeep also to the panel.
  template <int kM, bool kFolded, bool kKeep>
  [[gnu::noinline]] void from_memory(const Part& part) const {
    const int64_t count = std::min<int64_t>(kColumns, n_ - part.column);
    const std::byte* b[kColumns];
    for (int64_t j = 0; j < kColumns; ++j) b[j] = part.b + (part.column + std::min(j, count - 1)) * b_stride_;
    const Operand* a = part.a;
    Operand* keep = part.panel;
    const auto chunk = [&](int64_t c, const auto& expand, Sums<kM>& into) __attribute__((always_inline)) {
      if (c < part.next_chunks) fetch(part, c);
#pragma GCC unroll 4
      for (int j = 0; j < kColumns; ++j) {
        Operand x, y;
        expand(b[j] + c * S::kChunkBytes, x, y);
        if constexpr (kKeep) {
          S::store(keep + j, x);
          S::store(keep + kColumns + j, y);
        }
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) into[i][j] = S::dot(into[i][j], x, S::load(a + i));
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) into[i][j] = S::dot(into[i][j], y, S::load(a + kM + i));
      }
      a += 2 * kM;
      keep += 2 * kColumns;
    };
    Sums<kM> sums;
    clear<kM>(sums);
    if constexpr (!S::kBlockScaled) {
      const typename S::Expand expand(nullptr);
      const int64_t whole = k_ / S::kChunk;
      for (int64_t c = 0; c < whole; ++c) chunk(c, expand, sums);
      if (whole < chunks_) chunk(whole, typename S::ExpandTail(k_ - whole * S::kChunk), sums);
    } else if constexpr (kFolded) {
      for (int64_t block = 0; block < blocks(); ++block) {
        const typename S::Expand expand(part.b_scale + block);
        for (int64_t c = 0; c < kBlockChunks; ++c) chunk(block * kBlockChunks + c, expand, sums);
      }
    } else {
      const typename S::Expand expand(nullptr);
      Vector total[kM * kColumns];
      std::fill_n(total, kM * kColumns, S::zero());
      for (int64_t block = 0; block < blocks(); ++block) {
        stay_in_memory(total);
        clear<kM>(sums);
        for (int64_t c = 0; c < kBlockChunks; ++c) chunk(block * kBlockChunks + c, expand, sums);
        add_scaled<kM>(total, sums, part.a_scale + block * kM, part.b_scale[block]);
      }
      return finish<kM>(part, total);
    }
    finish<kM>(part, &sums[0][0]);
  }

  // b from the panel.
  template <int kM, bool kFolded>
  [[gnu::noinline]] void from_panel(const Part& part) const {
    const Operand* a = part.a;
    const Operand* b = part.panel;
    const auto chunk = [&](Sums<kM> & into) __attribute__((always_inline)) {
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
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
      }
    };
    Sums<kM> sums;
    clear<kM>(sums);
    if constexpr (kFolded) {
      int64_t c = 0;
      for (; c < part.next_chunks; ++c) {
        fetch(part, c);
        fetch_a(part, c);
        chunk(sums);
      }
      for (; c < chunks_; ++c) {
        fetch_a(part, c);
        chunk(sums);
      }
      finish<kM>(part, &sums[0][0]);
    } else {
      Vector total[kM * kColumns];
      std::fill_n(total, kM * kColumns, S::zero());
      for (int64_t block = 0; block < blocks(); ++block) {
        stay_in_memory(total);
        clear<kM>(sums);
        for (int64_t c = block * kBlockChunks; c < (block + 1) * kBlockChunks; ++c) {
          if (c < part.next_chunks) fetch(part, c);
          fetch_a(part, c);
          chunk(sums);
        }
        add_scaled<kM>(total, sums, part.a_scale + block * kM, part.b_scale[block]);
      }
      finish<kM>(part, total);
    }
  }

  // Keeps the compiler from holding totals in registers, which are all taken by the parts of a block.
  [[gnu::always_inline]] static void stay_in_memory(Vector* total) {
    asm volatile("" : : "r"(total) : "memory");
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
