// d[m, n] = a[m, k] . b[n, k] with K in the lanes of a register: the frame that the dot-product GEMMs share.
//
// An output element is one register of partial sums that runs over K in ascending order, then one fixed tree of
// additions; with scales that don't fold, each 128-block has a register of its own, whose sum per 128 bits is scaled
// and added to those of the blocks before. Tiling, threads, and how many rows there are decide only which elements are
// computed side by side, so they never change a bit: one row alone and 512 rows give the same.
//
// Rows of a are packed first: turned into the operand type, tile by tile. Where they are one tile, b is read once, as
// four streams that each go on through memory. Else the first tile of rows turns b into operands in registers, and
// leaves them in a panel, small enough for the second-level cache, that the others take; all of them fetch the b of the
// next panel meanwhile. A SwiGLU's second product goes to a worker's own memory, some columns after those of the first,
// and is at once multiplied into them. A long K is cut into equal parts, whose rows of a stay in the first-level cache:
// the sums wait in memory from one part to the next.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"
#include "cpu/simd/rows.h"
#include "cpu/simd/silu.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Where the scales of the 128-blocks of K enter. Which of them serves an output depends on its own scales alone.
enum class Scaling {
  folded,   // In the operands already, or there are none.
  blocked,  // Each block is summed by itself and then scaled.
};

struct DotWeight {
  const std::byte* b = nullptr;  // [n, k]
  const float* scale = nullptr;  // [ceil(n / 128), k / 128] or null.
};

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

// What a scheme S gives: Vector (partial sums), Operand; kRows, rows of a tile; kTurningRows, of a tile that turns b;
// kTurnedRows, up to which every tile turns b; where blocks may be summed by themselves, kBlockedRows and
// kBlockedTurnedRows for those; kChunk, elements of K that Expand turns into two operands; kChunkBytes of b; kScaled,
// whether there are scales; Expand, ExpandTail; dot, load, store, zero; fold4, which lays the sums of four registers
// side by side in one, in parts that sum_parts adds up; scale_add; store4.
template <class S>
class DotGemm {
 public:
  using Vector = typename S::Vector;
  using Operand = typename S::Operand;

  static constexpr int64_t kMaxRows = 1024;  // Packed at a time, at most.
  static constexpr int64_t kMaxRuns = 512;

  // Of this K: bounds the workspace.
  int64_t max_rows() const {
    if (is_long()) return 128;
    return std::clamp<int64_t>(kPackedBytes / std::max<int64_t>(operand_bytes(), 1), 512, kMaxRows);
  }

  // With has_up, runs may have two weights.
  DotGemm(int64_t k, int64_t b_stride_bytes, int32_t d_dtype, bool has_up)
      : k_(k),
        chunks_((k + S::kChunk - 1) / S::kChunk),
        b_stride_(b_stride_bytes),
        d_dtype_(d_dtype),
        has_up_(has_up) {}

  static uint64_t workspace(int64_t rows, int64_t k, int32_t d_dtype, bool has_up, int threads) {
    const DotGemm shape(k, 0, d_dtype, has_up);
    return static_cast<uint64_t>(shape.packed_bytes(std::min(rows, shape.max_rows())) + threads * shape.thread_bytes());
  }

  // Multiplies `count` runs, in the order of their first rows, of `rows` packed rows. pack(row, scaling, operands,
  // stride, scales, scale_stride) writes a packed row: operand i at operands[i * stride]; blocked, the scale of each
  // block. row_d[row] is the row of d that a packed row makes.
  template <class Pack>
  void run(const DotRun* runs, int64_t count, int64_t rows, const int64_t* row_d, const Pack& pack, ThreadPool& pool,
           std::byte* workspace) const {
    auto* packed = reinterpret_cast<Operand*>(workspace);
    auto* scales = reinterpret_cast<float*>(packed + rows * operands());
    std::byte* thread_space = workspace + packed_bytes(rows);
    for_rows(pool, rows, k_, [&](int64_t packed_row) {
      int64_t r = 0;
      while (packed_row >= runs[r].first + runs[r].rows) ++r;
      const DotRun& run = runs[r];
      const Tile tile = Tiling(run).of(packed_row - run.first);
      const int64_t base = run.first + tile.first;
      const int64_t within = packed_row - base;
      pack(packed_row, run.scaling, packed + base * operands() + within, tile.rows, scales + base * blocks() + within,
           tile.rows);
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
      const Work work{
          run, packed + run.first * operands(), scales + run.first * blocks(), row_d + run.first, run.d, run.d_stride,
          0};
      const std::byte* after = runs[next_run].weight.b + first_column(next_run, next) * b_stride_;
      std::byte* space = thread_space + worker * thread_bytes();
      if (run.up.b == nullptr) {
        multiply(work, run.weight, column, end, after, space);
      } else {
        multiply_gated(work, column, end, after, space);
      }
    });
  }

 private:
  static constexpr int kColumns = 4;  // Columns of a tile.
  static constexpr bool kBlocks = requires { S::kBlockedRows; };
  // Shares of a first-level cache of 32 KiB and a second-level one of 1 MiB.
  static constexpr int64_t kTurnedRowsBytes = 32 * 1024;  // Rows of a where every tile turns b.
  static constexpr int64_t kCodesBytes = 256 * 1024;      // b as those tiles read it.
  static constexpr int64_t kRowsBytes = 384 * 1024;       // Rows of a where b is kept turned.
  static constexpr int64_t kPanelBytes = 64 * 1024;       // b turned, of a short K.
  static constexpr int64_t kPackedBytes = 1024 * 1024;    // Rows of a packed at a time, where K is short.
  static constexpr int64_t kPanelColumns = 32;
  static constexpr int64_t kWidePanelColumns = 64;
  static constexpr int64_t kWaitingBytes = 512 * 1024;  // Sums between the parts of a long K.
  static constexpr int64_t kPartChunks = 2048 / S::kChunk;
  static constexpr int64_t kAheadBytes = 1024;  // Of each of four streams.
  static constexpr int64_t kUpColumns = 128;    // Of a SwiGLU's second product, at a time.
  static constexpr auto kOwnRows = [] {
    std::array<int64_t, kMaxRows> rows{};
    for (int64_t i = 0; i < kMaxRows; ++i) rows[static_cast<size_t>(i)] = i;
    return rows;
  }();
  static constexpr int64_t kBlockChunks = HD_SCALE_BLOCK / S::kChunk;

  struct Tile {
    int64_t first;
    int64_t rows;
  };

  // How the rows of a run fall into tiles. Few rows: alike, and each turns b, which the first-level cache holds. More:
  // the first tile turns b for the others, and is smaller, since that takes registers too.
  class Tiling {
   public:
    explicit Tiling(const DotRun& run) : rows_(run.rows) {
      int64_t turned = S::kTurnedRows;
      int64_t most = S::kRows;
      if constexpr (kBlocks) {
        if (run.scaling == Scaling::blocked) {
          turned = S::kBlockedTurnedRows;
          most = S::kBlockedRows;
        }
      }
      keeps_ = rows_ > turned;
      if (keeps_) {
        first_ = S::kTurningRows;
        count_ = 1 + (rows_ - first_ + most - 1) / most;
      } else {
        count_ = (rows_ + S::kTurningRows - 1) / S::kTurningRows;
        first_ = (rows_ + count_ - 1) / count_;
      }
      const int64_t others = std::max<int64_t>(count_ - 1, 1);
      least_ = (rows_ - first_) / others;
      larger_ = (rows_ - first_) % others;
    }

    // Whether the first tile keeps b turned for the others.
    bool keeps() const { return keeps_; }
    int64_t count() const { return count_; }

    Tile at(int64_t tile) const {
      if (tile == 0) return {0, first_};
      const int64_t other = tile - 1;
      return {first_ + other * least_ + std::min(other, larger_), least_ + (other < larger_ ? 1 : 0)};
    }

    Tile of(int64_t row) const {
      if (row < first_) return at(0);
      const int64_t other = row - first_;
      const int64_t in_larger = larger_ * (least_ + 1);
      return at(1 + (other < in_larger ? other / (least_ + 1) : larger_ + (other - in_larger) / least_));
    }

   private:
    int64_t rows_;
    int64_t first_;
    int64_t count_;
    int64_t least_;   // Rows of a tile after the first,
    int64_t larger_;  // but for the first of them, so many, which have one more.
    bool keeps_;
  };

  // The items of a run.
  struct Share {
    int64_t first_item;
    int64_t columns;  // Of d, of each item.
  };

  // The rows of a run, and where their product goes.
  struct Work {
    const DotRun& run;
    const Operand* a;
    const float* a_scale;
    const int64_t* row_d;
    void* d;
    int64_t d_stride;
    int64_t d_column;  // The column of the weight that d begins with.
  };

  // One tile of rows times four columns.
  struct Part {
    const Operand* a = nullptr;      // [operand][rows]
    const float* a_scale = nullptr;  // [block][rows]
    const int64_t* row_d = nullptr;
    void* d = nullptr;
    int64_t d_stride = 0;
    const std::byte* b = nullptr;    // Of the first column.
    int64_t b_step = 0;              // From a column to the next.
    const float* b_scale = nullptr;  // [block]
    int64_t first_chunk = 0;         // Of K; a and b begin there. With `chunks`, whole blocks unless K ends.
    int64_t chunks = 0;
    Vector* waiting = nullptr;  // Sums of the parts before, where there are any, and of those up to this: [row][4], or
                                // blocked [row], by fold4.
    int64_t column = 0;         // Of d.
    int64_t columns = 0;        // Of the four, those that there are.
    float* sums = nullptr;      // Of a stream, [row][128], where the columns lie sums_step apart; else d takes them.
    int64_t sums_step = 0;
    Operand* panel = nullptr;         // [operand][4]
    const std::byte* next = nullptr;  // What to fetch meanwhile: next_chunks of four rows.
    int64_t next_chunks = 0;
    const Operand* next_a = nullptr;  // Operands of a to fetch meanwhile: next_lines of them a chunk.
    int64_t next_lines = 0;
  };

  int64_t operands() const { return 2 * chunks_; }
  int64_t blocks() const { return (k_ + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK; }

  int64_t packed_bytes(int64_t rows) const {
    const int64_t bytes =
        rows * (operands() * static_cast<int64_t>(sizeof(Operand)) + blocks() * static_cast<int64_t>(sizeof(float)));
    return (bytes + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
  }

  int64_t operand_bytes() const { return operands() * static_cast<int64_t>(sizeof(Operand)); }

  // Columns that all tiles of rows pass over before the next come: few where the rows themselves stay near, else as
  // many as fit in the second-level cache, so that rows are read from further away less often.
  int64_t panel_columns(const DotRun& run) const {
    if (run.rows <= S::kTurningRows) return kColumns;
    if (is_long()) {
      const int64_t fit = kWaitingBytes / (run.rows * static_cast<int64_t>(sizeof(Vector)));
      return std::min(fit / kColumns * kColumns, kWidePanelColumns);
    }
    const int64_t rows_bytes = run.rows * operand_bytes();
    if (Tiling(run).keeps()) {
      const int64_t fit = kPanelBytes / std::max<int64_t>(operand_bytes(), 1) / kColumns * kColumns;
      if (fit >= kPanelColumns) return std::min(fit, kWidePanelColumns);
      return rows_bytes <= kRowsBytes ? kColumns : kPanelColumns;
    }
    if (rows_bytes <= kTurnedRowsBytes) return kColumns;
    const int64_t fit = kCodesBytes / std::max<int64_t>(b_stride_, 1);
    return std::clamp<int64_t>(fit / kColumns * kColumns, kColumns, kWidePanelColumns);
  }

  bool is_long() const { return chunks_ > kPartChunks; }

  int64_t panel_bytes() const {
    return is_long() ? kWidePanelColumns * 2 * kPartChunks * static_cast<int64_t>(sizeof(Operand))
                     : std::max(kPanelColumns * operand_bytes(), kPanelBytes);
  }

  // Of a thread: the panel, the sums that wait, the second product of a SwiGLU.
  int64_t up_offset() const { return panel_bytes() + (is_long() ? kWaitingBytes : 0); }
  int64_t thread_bytes() const {
    return up_offset() + (has_up_ ? max_rows() * kUpColumns * (d_dtype_ == HD_DTYPE_F32 ? 4 : 2) : 0);
  }

  static int64_t weights(const DotRun& run) { return run.up.b != nullptr ? 2 : 1; }

  // Columns of d that one work item computes: one panel, or a few microseconds of reading b; equal parts, so that no
  // worker is left with a long one. `all` are the columns of all runs.
  int64_t item_columns(const DotRun& run, int64_t all, int threads) const {
    constexpr int64_t kItemBytes = 384 * 1024;
    int64_t fit = panel_columns(run);
    int64_t fair = all / threads / weights(run);
    int64_t unit = kColumns;
    if (fit == kColumns) {
      fit = kItemBytes / std::max<int64_t>(b_stride_ * weights(run), 1);
      fair /= 4;
      unit *= 8;  // Streams are worth it when they are some rows long.
      if (run.up.b != nullptr && std::min(fit, fair) >= kUpColumns) unit = kUpColumns;
    }
    const int64_t most = std::clamp<int64_t>(std::min(fit, fair) / unit * unit, 1, run.n);
    const int64_t items = (run.n + most - 1) / most;
    const int64_t columns = (run.n + items - 1) / items;
    return (columns + unit - 1) / unit * unit;
  }

  const float* scale_of(const DotWeight& weight, int64_t column) const {
    return weight.scale == nullptr ? nullptr : weight.scale + column / HD_SCALE_BLOCK * blocks();
  }

  // The columns [column, end). `after` is the b that this worker probably reads next.
  void multiply(const Work& work, const DotWeight& weight, int64_t column, int64_t end, const std::byte* after,
                std::byte* space) const {
    if (Tiling(work.run).count() == 1) return stream(work, weight, column, end, after);
    const int64_t width = panel_columns(work.run);
    for (int64_t next; column < end; column = next) {
      next = std::min(column + width, end);
      panel(work, weight, column, next, next < end ? weight.b + next * b_stride_ : after,
            reinterpret_cast<Operand*>(space));
    }
  }

  // The same of a SwiGLU.
  void multiply_gated(const Work& gate, int64_t column, int64_t end, const std::byte* after, std::byte* space) const {
    Work up = gate;
    up.row_d = kOwnRows.data();
    up.d = space + up_offset();
    up.d_stride = kUpColumns;
    for (int64_t next; column < end; column = next) {
      next = std::min(end, (column / kUpColumns + 1) * kUpColumns);
      up.d_column = column;
      multiply(gate, gate.run.weight, column, next, gate.run.up.b + column * b_stride_, space);
      multiply(up, gate.run.up, column, next, next < end ? gate.run.weight.b + next * b_stride_ : after, space);
      for (int64_t row = 0; row < gate.run.rows; ++row) {
        const int64_t d = gate.row_d[row] * gate.d_stride + column;
        for (int64_t i = 0; i < next - column; i += kFloats) {
          const int64_t left = next - column - i;
          const Floats product = silu_times(load_floats(gate.d, d_dtype_, d + i, left),
                                            load_floats(up.d, d_dtype_, row * kUpColumns + i, left));
          store_floats(gate.d, d_dtype_, d + i, product, left);
        }
      }
    }
  }

  // All rows times the columns [column, end). `next` is the b of the panel that comes after.
  void panel(const Work& work, const DotWeight& weight, int64_t column, int64_t end, const std::byte* next,
             Operand* operands_of_b) const {
    const Tiling tiling(work.run);
    const int64_t parts = std::max<int64_t>((chunks_ + kPartChunks - 1) / kPartChunks, 1);
    const int64_t length = ((chunks_ + parts - 1) / parts + kBlockChunks - 1) / kBlockChunks * kBlockChunks;
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t first_chunk = p * length;
      const int64_t chunks = std::min(length, chunks_ - first_chunk);
      const bool is_last = p + 1 == parts;
      panel_part(work, weight, tiling, column, end, first_chunk, chunks,
                 is_last ? next : weight.b + column * b_stride_ + (first_chunk + chunks) * S::kChunkBytes,
                 is_last ? 0 : first_chunk + chunks, operands_of_b);
    }
  }

  // The part of K from first_chunk on; next_chunk is where the one after it begins.
  void panel_part(const Work& work, const DotWeight& weight, const Tiling& tiling, int64_t column, int64_t end,
                  int64_t first_chunk, int64_t chunks, const std::byte* next, int64_t next_chunk,
                  Operand* operands_of_b) const {
    auto* waiting = reinterpret_cast<Vector*>(reinterpret_cast<std::byte*>(operands_of_b) + panel_bytes());
    const int64_t tiles = tiling.count();
    const int64_t groups = (end - column + kColumns - 1) / kColumns;
    const int64_t fetches = (chunks + tiles - 1) / tiles;
    Part part{
        .d = work.d,
        .d_stride = work.d_stride,
        .b_step = b_stride_,
        .first_chunk = first_chunk,
        .chunks = chunks,
    };
    for (int64_t t = 0; t < tiles; ++t) {
      const Tile tile = tiling.at(t);
      part.a = work.a + tile.first * operands() + 2 * first_chunk * tile.rows;
      part.a_scale = work.a_scale + tile.first * blocks();
      part.row_d = work.row_d + tile.first;
      // Each tile fetches its share of the next b, and where it passes over several groups, of the next tile of rows.
      part.next_chunks = std::clamp<int64_t>(chunks - t * fetches, 0, fetches);
      const Operand* next_a = nullptr;
      int64_t share = 0;
      if (groups > 1 && chunks > 0) {
        const bool is_last = t + 1 == tiles;
        const Tile next_tile = tiling.at(is_last ? 0 : t + 1);
        next_a = work.a + next_tile.first * operands() + 2 * (is_last ? next_chunk : first_chunk) * next_tile.rows;
        share = next_tile.rows * 2 * chunks / groups;
        part.next_lines = (share + chunks - 1) / chunks;
      }
      for (int64_t first = column; first < end; first += kColumns) {
        const int64_t group = (first - column) / kColumns;
        part.b = weight.b + first * b_stride_ + first_chunk * S::kChunkBytes;
        part.b_scale = scale_of(weight, first);
        if (is_long()) part.waiting = waiting + (tile.first * groups + group * tile.rows) * kColumns;
        part.column = first - work.d_column;
        part.columns = std::min<int64_t>(kColumns, work.run.n - first);
        part.panel = operands_of_b + group * kColumns * 2 * chunks;
        part.next = next + (first - column) * b_stride_ + t * fetches * S::kChunkBytes;
        part.next_a = next_a + group * share;
        const bool keep = tiling.keeps() && t == 0;
        const bool kept = tiling.keeps() && t > 0;
        with_scaling(work.run.scaling,
                     [&]<Scaling kScaling>() { multiply_tile<kScaling>(part, tile.rows, keep, kept); });
      }
    }
  }

  // Calls with the scaling as template argument.
  template <class Call>
  static void with_scaling(Scaling scaling, const Call& call) {
    if constexpr (kBlocks) {
      if (scaling == Scaling::blocked) return call.template operator()<Scaling::blocked>();
    }
    call.template operator()<Scaling::folded>();
  }

  // Rows of a tile that takes b from the panel, at most.
  template <Scaling kScaling>
  static constexpr int most_rows() {
    if constexpr (kScaling == Scaling::blocked) {
      return S::kBlockedRows;
    } else {
      return S::kRows;
    }
  }

  template <Scaling kScaling>
  void multiply_tile(const Part& part, int64_t rows, bool keep, bool kept) const {
    if (kept) {
      dispatch<most_rows<kScaling>()>(rows, [&]<int kM>() { from_panel<kM, kScaling>(part); });
    } else if (keep) {
      from_memory<S::kTurningRows, kScaling, true>(part);
    } else {
      dispatch<S::kTurningRows>(rows, [&]<int kM>() { from_memory<kM, kScaling, false>(part); });
    }
  }

  // All rows, one tile, times the columns [column, end).
  void stream(const Work& work, const DotWeight& weight, int64_t column, int64_t end, const std::byte* after) const {
    with_scaling(work.run.scaling, [&]<Scaling kScaling>() {
      dispatch<S::kTurningRows>(work.run.rows,
                                [&]<int kM>() { stream<kM, kScaling>(work, weight, column, end, after); });
    });
  }

  // Block by block of 128 columns, whose quarters are the streams: each goes on to the end of its quarter, which the
  // processor's own prefetching follows better than four rows that end and jump.
  template <int kM, Scaling kScaling>
  [[gnu::noinline]] void stream(const Work& work, const DotWeight& weight, int64_t column, int64_t end,
                                const std::byte* after) const {
    constexpr int64_t kMost = HD_SCALE_BLOCK;
    constexpr int64_t kAheadChunks = kAheadBytes / S::kChunkBytes;
    float sums[kM * kMost];
    const int64_t rows_ahead = chunks_ > 0 ? kAheadChunks / chunks_ : 0;
    const int64_t chunks_ahead = kAheadChunks - rows_ahead * chunks_;
    for (int64_t columns; column < end; column += columns) {
      columns = std::min(end, (column / kMost + 1) * kMost) - column;
      const int64_t length = (columns + kColumns - 1) / kColumns;
      const std::byte* b = weight.b + column * b_stride_;
      const std::byte* next = column + columns < end ? b + columns * b_stride_ : after;
      const auto row = [&](int64_t i) { return i < length ? b + i * b_stride_ : next + (i - length) * b_stride_; };
      for (int64_t i = 0; i < length; ++i) {
        const Part part{
            .a = work.a,
            .a_scale = work.a_scale,
            .b = b + i * b_stride_,
            .b_step = length * b_stride_,
            .b_scale = scale_of(weight, column),
            .first_chunk = 0,
            .chunks = chunks_,
            .columns = (columns - i + length - 1) / length,
            .sums = sums + i,
            .sums_step = length,
        };
        const std::byte* near = row(i + rows_ahead) + chunks_ahead * S::kChunkBytes;
        const std::byte* far = row(i + rows_ahead + 1) + (chunks_ahead - chunks_) * S::kChunkBytes;
        turn<kM, kScaling, false, false>(
            part, [&](int64_t c) __attribute__((always_inline)) {
              prefetch((c + chunks_ahead < chunks_ ? near : far) + c * S::kChunkBytes, part.b_step, c);
            });
      }
      for (int64_t i = 0; i < kM; ++i) {
        for (int64_t j = 0; j < columns; j += 4) {
          S::store4(work.d, d_dtype_, work.row_d[i] * work.d_stride + column - work.d_column + j,
                    _mm_loadu_ps(sums + i * kMost + j), std::min<int64_t>(4, columns - j));
        }
      }
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

  // What a part of K begins with. A stream has but one.
  template <int kCount, bool kInParts>
  [[gnu::always_inline]] static void begin(const Part& part, Vector* sums) {
    const bool waits = kInParts && part.first_chunk > 0;
#pragma GCC unroll 32
    for (int i = 0; i < kCount; ++i) sums[i] = waits ? part.waiting[i] : S::zero();
  }

  // Leaves the sums of a part to the next, and tells whether there is one.
  template <int kCount, bool kInParts>
  [[gnu::always_inline]] bool leaves(const Part& part, const Vector* sums) const {
    if (!kInParts || part.first_chunk + part.chunks == chunks_) return false;
#pragma GCC unroll 32
    for (int i = 0; i < kCount; ++i) part.waiting[i] = sums[i];
    return true;
  }

  template <int kM>
  [[gnu::always_inline]] static Vector fold(const Sums<kM>& sums, int row) {
    return S::fold4(sums[row][0], sums[row][1], sums[row][2], sums[row][3]);
  }

  // The sums of all K from the part's: step(sums) adds its products.
  template <int kM, bool kInParts, class Step>
  [[gnu::always_inline]] void at_once(const Part& part, const Step& step) const {
    Sums<kM> sums;
    begin<kM * kColumns, kInParts>(part, &sums[0][0]);
    step(sums);
    if (leaves<kM * kColumns, kInParts>(part, &sums[0][0])) return;
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) finish(part, i, fold<kM>(sums, i));
  }

  // The same, block by block: step(block, sums) adds the products of one.
  template <int kM, bool kInParts, class Step>
  [[gnu::always_inline]] void by_block(const Part& part, const Step& step) const {
    const int64_t first = kInParts ? part.first_chunk / kBlockChunks : 0;
    const int64_t count = kInParts ? part.chunks / kBlockChunks : blocks();
    Vector totals[kM];
    begin<kM, kInParts>(part, totals);
    for (int64_t block = 0; block < count; ++block) {
      Sums<kM> sums;
#pragma GCC unroll 32
      for (int i = 0; i < kM * kColumns; ++i) (&sums[0][0])[i] = S::zero();
      step(block, sums);
      const float* a_scale = part.a_scale + (first + block) * kM;
      const float b_scale = part.b_scale[first + block];
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) totals[i] = S::scale_add(totals[i], fold<kM>(sums, i), a_scale[i] * b_scale);
    }
    if (leaves<kM, kInParts>(part, totals)) return;
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) finish(part, i, totals[i]);
  }

  [[gnu::always_inline]] void finish(const Part& part, int row, Vector folded) const {
    const __m128 sum = S::sum_parts(folded);
    if (part.sums == nullptr) {
      return S::store4(part.d, d_dtype_, part.row_d[row] * part.d_stride + part.column, sum, part.columns);
    }
    float four[4];
    _mm_storeu_ps(four, sum);
    for (int j = 0; j < kColumns; ++j) part.sums[row * HD_SCALE_BLOCK + j * part.sums_step] = four[j];
  }

  [[gnu::always_inline]] void fetch_a(const Part& part, int64_t chunk) const {
    for (int64_t line = 0; line < part.next_lines; ++line) {
      __builtin_prefetch(part.next_a + chunk * part.next_lines + line, 0, 2);
    }
  }

  // The line of chunk c of each of four rows of b.
  [[gnu::always_inline]] static void prefetch(const std::byte* from, int64_t step, int64_t c) {
    if (c * S::kChunkBytes % 64 != 0) return;
#pragma GCC unroll 4
    for (int j = 0; j < kColumns; ++j) {
      for (int64_t line = 0; line < S::kChunkBytes; line += 64) __builtin_prefetch(from + j * step + line, 0, 3);
    }
  }

  // Of the b of the next panel, this tile's share.
  [[gnu::always_inline]] void fetch(const Part& part, int64_t c) const {
    if (c < part.next_chunks) prefetch(part.next + c * S::kChunkBytes, b_stride_, c);
  }

  template <int kM, Scaling kScaling, bool kKeep>
  [[gnu::noinline]] void from_memory(const Part& part) const {
    turn<kM, kScaling, kKeep, true>(
        part, [&](int64_t c) __attribute__((always_inline)) { fetch(part, c); });
  }

  // b from memory to registers, and with kKeep also to the panel; before_chunk(c) fetches.
  template <int kM, Scaling kScaling, bool kKeep, bool kInParts, class BeforeChunk>
  [[gnu::always_inline]] void turn(const Part& part, const BeforeChunk& before_chunk) const {
    const std::byte* b[kColumns] = {part.b};
#pragma GCC unroll 4
    for (int j = 1; j < kColumns; ++j) b[j] = j < part.columns ? b[j - 1] + part.b_step : b[j - 1];
    const Operand* a = part.a;
    Operand* keep = part.panel;
    const auto chunk = [&](int64_t c, const auto& expand, Sums<kM>& sums) __attribute__((always_inline)) {
      before_chunk(c);
#pragma GCC unroll 2
      for (int j = 0; j < kColumns; j += 2) {
        Operand x[2], y[2];
#pragma GCC unroll 2
        for (int q = 0; q < 2; ++q) {
          expand(b[j + q] + c * S::kChunkBytes, x[q], y[q]);
          if constexpr (kKeep) {
            S::store(keep + j + q, x[q]);
            S::store(keep + kColumns + j + q, y[q]);
          }
        }
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) {
          const Operand first = S::load(a + i);
          sums[i][j] = S::dot(sums[i][j], x[0], first);
          sums[i][j + 1] = S::dot(sums[i][j + 1], x[1], first);
        }
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) {
          const Operand second = S::load(a + kM + i);
          sums[i][j] = S::dot(sums[i][j], y[0], second);
          sums[i][j + 1] = S::dot(sums[i][j + 1], y[1], second);
        }
      }
      a += 2 * kM;
      keep += 2 * kColumns;
    };
    if constexpr (!S::kScaled) {
      at_once<kM, kInParts>(
          part, [&](Sums<kM> & sums) __attribute__((always_inline)) {
            const typename S::Expand expand(nullptr);
            const int64_t whole = std::min(k_ / S::kChunk - part.first_chunk, part.chunks);
            for (int64_t c = 0; c < whole; ++c) chunk(c, expand, sums);
            if (whole < part.chunks) chunk(whole, typename S::ExpandTail(k_ % S::kChunk), sums);
          });
    } else if constexpr (kScaling == Scaling::folded) {
      at_once<kM, kInParts>(
          part, [&](Sums<kM> & sums) __attribute__((always_inline)) {
            const float* scales = part.b_scale + part.first_chunk / kBlockChunks;
            for (int64_t c = 0; c < part.chunks; c += kBlockChunks) {
              const typename S::Expand expand(scales++);
              for (int64_t i = 0; i < kBlockChunks; ++i) chunk(c + i, expand, sums);
            }
          });
    } else {
      const typename S::Expand unscaled(nullptr);
      by_block<kM, kInParts>(
          part, [&](int64_t block, Sums<kM> & sums) __attribute__((always_inline)) {
#pragma GCC unroll 1  // Two chunks woven together want more registers than there are.
            for (int64_t i = 0; i < kBlockChunks; ++i) chunk(block * kBlockChunks + i, unscaled, sums);
          });
    }
  }

  // b from the panel.
  template <int kM, Scaling kScaling>
  [[gnu::noinline]] void from_panel(const Part& part) const {
    const Operand* a = part.a;
    const Operand* b = part.panel;
    const auto chunk = [&](int64_t c, Sums<kM> & sums) __attribute__((always_inline)) {
      fetch(part, c);
      fetch_a(part, c);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        Operand x[kM];
#pragma GCC unroll 8
        for (int i = 0; i < kM; ++i) {
          x[i] = S::load(a + i);
          asm("" : "+v"(x[i]));  // A register, rather than a load for each column.
        }
#pragma GCC unroll 4
        for (int j = 0; j < kColumns; ++j) {
          const Operand y = S::load(b + j);
#pragma GCC unroll 8
          for (int i = 0; i < kM; ++i) sums[i][j] = S::dot(sums[i][j], x[i], y);
        }
        a += kM;
        b += kColumns;
      }
    };
    if constexpr (kScaling == Scaling::folded) {
      at_once<kM, true>(
          part, [&](Sums<kM> & sums) __attribute__((always_inline)) {
            for (int64_t c = 0; c < part.chunks; ++c) chunk(c, sums);
          });
    } else {
      by_block<kM, true>(
          part, [&](int64_t block, Sums<kM> & sums) __attribute__((always_inline)) {
            for (int64_t i = 0; i < kBlockChunks; ++i) chunk(block * kBlockChunks + i, sums);
          });
    }
  }

  int64_t k_;
  int64_t chunks_;
  int64_t b_stride_;
  int32_t d_dtype_;
  bool has_up_;
};

}  // namespace
}  // namespace hadal::cpu
