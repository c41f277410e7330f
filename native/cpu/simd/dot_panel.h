// All rows of a product times a range of columns of b: in panels or in streams, for the dot-product GEMMs (dot_gemm.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/simd/dot_kernel.h"
#include "cpu/simd/dot_scheme.h"
#include "cpu/simd/dot_tiling.h"

namespace hadal::cpu {
namespace {

struct DotWeight {
  const std::byte* b = nullptr;  // [n, k]
  const float* scale = nullptr;  // [ceil(n / 128), k / 128] or null.
  bool is_pow2 = false;          // All scales.
};

// Rows of a, packed, and where their product goes.
template <DotScheme S>
struct DotRows {
  int64_t count;
  Scaling scaling;
  const typename S::Operand* a;  // Tile by tile, [operand][rows of the tile].
  const float* a_scale;          // Tile by tile, [block][rows of the tile].
  const int64_t* row_d;          // [count]: the row of d that each makes.
  int64_t n;                     // Columns of the weight.
  void* d;
  int64_t d_stride;
  int64_t d_column = 0;  // The column of the weight that d begins with.
};

// Rows of one tile: b is read once, as four streams. More: the first tile of rows turns b into operands in registers,
// and leaves them in a panel, small enough for the second-level cache, that the others take. All of them fetch the b of
// the next panel meanwhile. A long K is cut into equal parts, whose rows of a stay in the first-level cache: the sums
// wait in memory from one part to the next.
template <DotScheme S>
class DotPanels {
 public:
  using Vector = typename S::Vector;
  using Operand = typename S::Operand;

  explicit DotPanels(const DotShape<S>& shape) : shape_(shape), kernel_(shape) {}

  // Whether K is cut into parts.
  bool is_long() const { return shape_.chunks > kPartChunks; }

  // What multiply wants of a thread: the panel, and the sums that wait.
  int64_t thread_bytes() const { return panel_bytes() + (is_long() ? kWaitingBytes : 0); }

  // Columns that all tiles of rows pass over before the next come: few where the rows themselves stay near, else as
  // many as fit in the second-level cache, so that rows are read from further away less often.
  int64_t columns(int64_t rows, Scaling scaling) const {
    if (rows <= S::kTurningRows) return kDotColumns;
    if (is_long()) {
      const int64_t fit = kWaitingBytes / (rows * static_cast<int64_t>(sizeof(Vector)));
      return std::min(fit / kDotColumns * kDotColumns, kWideColumns);
    }
    const int64_t rows_bytes = rows * shape_.operand_bytes();
    if (DotTiling<S>(rows, scaling).keeps()) {
      const int64_t fit = kPanelBytes / std::max<int64_t>(shape_.operand_bytes(), 1) / kDotColumns * kDotColumns;
      if (fit >= kColumns) return std::min(fit, kWideColumns);
      return rows_bytes <= kRowsBytes ? kDotColumns : kColumns;
    }
    if (rows_bytes <= kTurnedRowsBytes) return kDotColumns;
    const int64_t fit = kCodesBytes / std::max<int64_t>(shape_.b_stride, 1);
    return std::clamp<int64_t>(fit / kDotColumns * kDotColumns, kDotColumns, kWideColumns);
  }

  // The columns [column, end) of the weight. `after` is the b that this worker probably reads next.
  void multiply(const DotRows<S>& rows, const DotWeight& weight, int64_t column, int64_t end, const std::byte* after,
                std::byte* space) const {
    const DotTiling<S> tiling(rows.count, rows.scaling);
    if (tiling.count() == 1) return stream(rows, weight, column, end, after, space);
    const int64_t width = columns(rows.count, rows.scaling);
    for (int64_t next; column < end; column = next) {
      next = std::min(column + width, end);
      panel({rows, weight, tiling, column, next, reinterpret_cast<Operand*>(space)},
            next < end ? weight.b + next * shape_.b_stride : after);
    }
  }

 private:
  // Shares of a first-level cache of 32 KiB and a second-level one of 1 MiB.
  static constexpr int64_t kTurnedRowsBytes = 32 * 1024;  // Rows of a where every tile turns b.
  static constexpr int64_t kCodesBytes = 256 * 1024;      // b as those tiles read it.
  static constexpr int64_t kRowsBytes = 384 * 1024;       // Rows of a where b is kept turned.
  static constexpr int64_t kPanelBytes = 64 * 1024;       // b turned, of a short K.
  static constexpr int64_t kWaitingBytes = 512 * 1024;    // Sums between the parts of a long K.
  static constexpr int64_t kColumns = 32;                 // Of a panel,
  static constexpr int64_t kWideColumns = 64;             // at most.
  static constexpr int64_t kPartBytes = 4096;             // Of each row of a.
  static constexpr int64_t kChunkOperandBytes = S::kOperands * static_cast<int64_t>(sizeof(Operand));
  static constexpr int64_t kPartChunks = kPartBytes / kChunkOperandBytes;
  static constexpr int64_t kAheadBytes = 1024;  // Of each of four streams.
  static constexpr int64_t kBlockChunks = DotKernel<S>::kBlockChunks;

  struct Panel {
    const DotRows<S>& rows;
    const DotWeight& weight;
    const DotTiling<S>& tiling;
    int64_t column;
    int64_t end;
    Operand* operands;  // b turned, [column / 4][operand][4].

    int64_t groups() const { return (end - column + kDotColumns - 1) / kDotColumns; }
  };

  // A part of K, in chunks.
  struct Stretch {
    int64_t first;
    int64_t count;
    const std::byte* next_b;  // What comes after this part: of the first column,
    int64_t next_chunk;       // and of the rows.
  };

  int64_t panel_bytes() const {
    const int64_t least =
        is_long() ? kWideColumns * kPartBytes : std::max(kColumns * shape_.operand_bytes(), kPanelBytes);
    return std::max(least, S::kTurningRows * shape_.operand_bytes());
  }

  const float* scale_of(const DotWeight& weight, int64_t column) const {
    return weight.scale == nullptr ? nullptr : weight.scale + column / HD_SCALE_BLOCK * shape_.blocks();
  }

  // `next` is the b of the panel that comes after.
  void panel(const Panel& panel, const std::byte* next) const {
    const int64_t chunks = shape_.chunks;
    const int64_t parts = std::max<int64_t>((chunks + kPartChunks - 1) / kPartChunks, 1);
    const int64_t length = ((chunks + parts - 1) / parts + kBlockChunks - 1) / kBlockChunks * kBlockChunks;
    for (int64_t p = 0; p < parts; ++p) {
      const int64_t first = p * length;
      const int64_t count = std::min(length, chunks - first);
      const bool is_last = p + 1 == parts;
      const std::byte* next_b = panel.weight.b + panel.column * shape_.b_stride + (first + count) * S::kChunkBytes;
      multiply_part(panel, {first, count, is_last ? next : next_b, is_last ? 0 : first + count});
    }
  }

  void multiply_part(const Panel& panel, const Stretch& k) const {
    const DotRows<S>& rows = panel.rows;
    const int64_t tiles = panel.tiling.count();
    const int64_t groups = panel.groups();
    const int64_t fetches = (k.count + tiles * kBlockChunks - 1) / (tiles * kBlockChunks) * kBlockChunks;
    auto* waiting = reinterpret_cast<Vector*>(reinterpret_cast<std::byte*>(panel.operands) + panel_bytes());
    DotPart<S> part{
        .d = rows.d,
        .d_stride = rows.d_stride,
        .b_step = shape_.b_stride,
        .first_chunk = k.first,
        .chunks = k.count,
    };
    for (int64_t t = 0; t < tiles; ++t) {
      const DotTile tile = panel.tiling.at(t);
      part.a = rows.a + tile.first * shape_.operands() + S::kOperands * k.first * tile.rows;
      part.a_scale = rows.a_scale + tile.first * shape_.blocks();
      part.row_d = rows.row_d + tile.first;
      // Each tile fetches its share of the next b, and where it passes over several groups, of the next tile of rows.
      part.next_chunks = std::clamp<int64_t>(k.count - t * fetches, 0, fetches);
      const Operand* next_a = nullptr;
      int64_t share = 0;
      if (groups > 1 && k.count > 0) {
        const bool is_last = t + 1 == tiles;
        const DotTile next = panel.tiling.at(is_last ? 0 : t + 1);
        next_a =
            rows.a + next.first * shape_.operands() + S::kOperands * (is_last ? k.next_chunk : k.first) * next.rows;
        share = next.rows * S::kOperands * k.count / groups;
        part.next_a_bytes = (share * static_cast<int64_t>(sizeof(Operand)) + k.count - 1) / k.count;
      }
      for (int64_t group = 0; group < groups; ++group) {
        const int64_t column = panel.column + group * kDotColumns;
        part.b = panel.weight.b + column * shape_.b_stride + k.first * S::kChunkBytes;
        part.b_scale = scale_of(panel.weight, column);
        if (is_long()) part.waiting = waiting + (tile.first * groups + group * tile.rows) * kDotColumns;
        part.column = column - rows.d_column;
        part.columns = std::min<int64_t>(kDotColumns, rows.n - column);
        part.panel = panel.operands + group * kDotColumns * S::kOperands * k.count;
        part.next = k.next_b + group * kDotColumns * shape_.b_stride + t * fetches * S::kChunkBytes;
        part.next_a = next_a + group * share;
        const bool keep = panel.tiling.keeps() && t == 0;
        const bool kept = panel.tiling.keeps() && t > 0;
        with_scaling<S>(rows.scaling,
                        [&]<Scaling kScaling>() { multiply_tile<kScaling>(part, tile.rows, keep, kept); });
      }
    }
  }

  template <Scaling kScaling>
  void multiply_tile(const DotPart<S>& part, int64_t rows, bool keep, bool kept) const {
    if (kept) {
      with_rows<dot_rows<S, kScaling>()>(rows, [&]<int kM>() { kernel_.template from_panel<kM, kScaling>(part); });
    } else if (keep) {
      with_rows<S::kTurningRows>(rows, [&]<int kM>() { kernel_.template from_memory<kM, kScaling, true>(part); });
    } else {
      with_rows<S::kTurningRows>(rows, [&]<int kM>() { kernel_.template from_memory<kM, kScaling, false>(part); });
    }
  }

  void stream(const DotRows<S>& rows, const DotWeight& weight, int64_t column, int64_t end, const std::byte* after,
              std::byte* space) const {
    with_scaling<S>(rows.scaling, [&]<Scaling kScaling>() {
      with_rows<S::kTurningRows>(rows.count, [&]<int kM>() {
        if constexpr (MovingDotScheme<S> && kScaling == Scaling::folded) {
          const auto moved = [&](const float* scales) { return move<kM>(rows.a, scales, space); };
          if (weight.is_pow2) {
            return stream<kM, kScaling, typename S::MovedExpand>(rows, weight, column, end, after, moved);
          }
        }
        stream<kM, kScaling, typename S::Expand>(rows, weight, column, end, after,
                                                 [&](const float*) { return rows.a; });
      });
    });
  }

  // A tile of rows of a times the scales of a block of columns, [block].
  template <int kM>
  Operand* move(const Operand* a, const float* scales, std::byte* space) const {
    constexpr int64_t kBlock = kM * S::kOperands * kBlockChunks;
    auto* moved = reinterpret_cast<Operand*>(space);
    for (int64_t block = 0; block < shape_.blocks(); ++block) {
      for (int64_t i = block * kBlock; i < (block + 1) * kBlock; ++i) moved[i] = S::moved(a[i], scales[block]);
    }
    return moved;
  }

  // Block by block of 128 columns, whose quarters are the streams: each goes on to the end of its quarter, which the
  // processor's own prefetching follows better than four rows that end and jump. left(scales) are the rows of a for the
  // columns that have these scales.
  template <int kM, Scaling kScaling, class E, class Left>
  [[gnu::noinline]] void stream(const DotRows<S>& rows, const DotWeight& weight, int64_t column, int64_t end,
                                const std::byte* after, const Left& left) const {
    constexpr int64_t kMost = HD_SCALE_BLOCK;
    constexpr int64_t kAheadChunks = kAheadBytes / S::kChunkBytes;
    float sums[kM * kMost];
    const int64_t chunks = shape_.chunks;
    const int64_t b_stride = shape_.b_stride;
    const int64_t rows_ahead = chunks > 0 ? kAheadChunks / chunks : 0;
    const int64_t chunks_ahead = kAheadChunks - rows_ahead * chunks;
    for (int64_t columns; column < end; column += columns) {
      columns = std::min(end, (column / kMost + 1) * kMost) - column;
      const int64_t length = (columns + kDotColumns - 1) / kDotColumns;
      const std::byte* b = weight.b + column * b_stride;
      const std::byte* next = column + columns < end ? b + columns * b_stride : after;
      const auto row = [&](int64_t i) { return i < length ? b + i * b_stride : next + (i - length) * b_stride; };
      const float* scales = scale_of(weight, column);
      const Operand* a = left(scales);
      for (int64_t i = 0; i < length; ++i) {
        const DotPart<S> part{
            .a = a,
            .a_scale = rows.a_scale,
            .b = b + i * b_stride,
            .b_step = length * b_stride,
            .b_scale = scales,
            .first_chunk = 0,
            .chunks = chunks,
            .columns = (columns - i + length - 1) / length,
            .sums = sums + i,
            .sums_step = length,
        };
        const std::byte* near = row(i + rows_ahead) + chunks_ahead * S::kChunkBytes;
        const std::byte* far = row(i + rows_ahead + 1) + (chunks_ahead - chunks) * S::kChunkBytes;
        kernel_.template turn<kM, kScaling, false, false, E>(
            part, [&](int64_t c, int first, int count) __attribute__((always_inline)) {
              kernel_.prefetch((c + chunks_ahead < chunks ? near : far) + c * S::kChunkBytes, part.b_step, first,
                               count);
            });
      }
      for (int64_t i = 0; i < kM; ++i) {
        for (int64_t j = 0; j < columns; j += kDotColumns) {
          S::store4(rows.d, shape_.d_dtype, rows.row_d[i] * rows.d_stride + column - rows.d_column + j,
                    _mm_loadu_ps(sums + i * kMost + j), std::min<int64_t>(kDotColumns, columns - j));
        }
      }
    }
  }

  DotShape<S> shape_;
  DotKernel<S> kernel_;
};

}  // namespace
}  // namespace hadal::cpu
