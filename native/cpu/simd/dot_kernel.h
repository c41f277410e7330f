// One tile of rows of a times four columns of b: the inner loops of the dot-product GEMMs (dot_gemm.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/simd/dot_scheme.h"

namespace hadal::cpu {
namespace {

constexpr int kDotColumns = 4;  // Columns of b that a tile of rows meets at once.

// The sizes of a product.
template <DotScheme S>
struct DotShape {
  int64_t k;
  int64_t b_stride;  // Bytes between rows of b.
  int32_t d_dtype;

  int64_t chunks = (k + S::kChunk - 1) / S::kChunk;

  int64_t operands() const { return 2 * chunks; }
  int64_t operand_bytes() const { return operands() * static_cast<int64_t>(sizeof(typename S::Operand)); }
  int64_t blocks() const { return (k + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK; }
};

// A tile of rows times up to four columns, over a part of K.
template <DotScheme S>
struct DotPart {
  using Operand = typename S::Operand;

  const Operand* a = nullptr;      // [operand][rows]
  const float* a_scale = nullptr;  // [block][rows]
  const int64_t* row_d = nullptr;  // [rows]: the row of d of each.
  void* d = nullptr;
  int64_t d_stride = 0;
  const std::byte* b = nullptr;    // Of the first column.
  int64_t b_step = 0;              // Bytes from a column to the next.
  const float* b_scale = nullptr;  // [block]
  int64_t first_chunk = 0;         // Of K; a and b begin there. With `chunks`, whole blocks unless K ends.
  int64_t chunks = 0;
  typename S::Vector* waiting = nullptr;  // Sums of the parts before, where there are any, and of those up to this:
                                          // [row][4], or blocked [row], by fold4.
  int64_t column = 0;                     // Of d.
  int64_t columns = 0;                    // Of the four, those that there are.
  float* sums = nullptr;                  // Of a stream, [row][128], where the columns lie sums_step apart; else d
  int64_t sums_step = 0;                  // takes them.
  Operand* panel = nullptr;               // [operand][4]
  const std::byte* next = nullptr;        // What to fetch meanwhile: next_chunks of four rows.
  int64_t next_chunks = 0;
  const Operand* next_a = nullptr;  // Operands of a to fetch meanwhile: next_lines of them a chunk.
  int64_t next_lines = 0;
};

template <DotScheme S>
class DotKernel {
 public:
  using Vector = typename S::Vector;
  using Operand = typename S::Operand;

  static constexpr int64_t kBlockChunks = HD_SCALE_BLOCK / S::kChunk;

  explicit DotKernel(const DotShape<S>& shape) : shape_(shape) {}

  // b from memory, and with kKeep also to the panel.
  template <int kM, Scaling kScaling, bool kKeep>
  [[gnu::noinline]] void from_memory(const DotPart<S>& part) const {
    turn<kM, kScaling, kKeep, true>(
        part, [&](int64_t c) __attribute__((always_inline)) { fetch(part, c); });
  }

  // b from the panel.
  template <int kM, Scaling kScaling>
  [[gnu::noinline]] void from_panel(const DotPart<S>& part) const {
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
        for (int j = 0; j < kDotColumns; ++j) {
          const Operand y = S::load(b + j);
#pragma GCC unroll 8
          for (int i = 0; i < kM; ++i) sums[i][j] = S::dot(sums[i][j], x[i], y);
        }
        a += kM;
        b += kDotColumns;
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

  // The same, where before_chunk(c) says what to fetch. A stream has one part of K (kInParts is false).
  template <int kM, Scaling kScaling, bool kKeep, bool kInParts, class BeforeChunk>
  [[gnu::always_inline]] void turn(const DotPart<S>& part, const BeforeChunk& before_chunk) const {
    const std::byte* b[kDotColumns] = {part.b};
#pragma GCC unroll 4
    for (int j = 1; j < kDotColumns; ++j) b[j] = j < part.columns ? b[j - 1] + part.b_step : b[j - 1];
    const Operand* a = part.a;
    Operand* keep = part.panel;
    const auto chunk = [&](int64_t c, const auto& expand, Sums<kM>& sums) __attribute__((always_inline)) {
      before_chunk(c);
#pragma GCC unroll 2
      for (int j = 0; j < kDotColumns; j += 2) {
        Operand x[2], y[2];
#pragma GCC unroll 2
        for (int q = 0; q < 2; ++q) {
          expand(b[j + q] + c * S::kChunkBytes, x[q], y[q]);
          if constexpr (kKeep) {
            S::store(keep + j + q, x[q]);
            S::store(keep + kDotColumns + j + q, y[q]);
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
      keep += 2 * kDotColumns;
    };
    if constexpr (!S::kScaled) {
      at_once<kM, kInParts>(
          part, [&](Sums<kM> & sums) __attribute__((always_inline)) {
            const typename S::Expand expand(nullptr);
            const int64_t whole = std::min(shape_.k / S::kChunk - part.first_chunk, part.chunks);
            for (int64_t c = 0; c < whole; ++c) chunk(c, expand, sums);
            if (whole < part.chunks) chunk(whole, typename S::ExpandTail(shape_.k % S::kChunk), sums);
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

  // The line of chunk c of each of four rows of b.
  [[gnu::always_inline]] static void prefetch(const std::byte* from, int64_t step, int64_t c) {
    if (c * S::kChunkBytes % 64 != 0) return;
#pragma GCC unroll 4
    for (int j = 0; j < kDotColumns; ++j) {
      for (int64_t line = 0; line < S::kChunkBytes; line += 64) __builtin_prefetch(from + j * step + line, 0, 3);
    }
  }

 private:
  template <int kM>
  using Sums = Vector[kM][kDotColumns];

  // What a part of K begins with. A stream has but one.
  template <int kCount, bool kInParts>
  [[gnu::always_inline]] static void begin(const DotPart<S>& part, Vector* sums) {
    const bool waits = kInParts && part.first_chunk > 0;
#pragma GCC unroll 32
    for (int i = 0; i < kCount; ++i) sums[i] = waits ? part.waiting[i] : S::zero();
  }

  // Leaves the sums of a part to the next, and tells whether there is one.
  template <int kCount, bool kInParts>
  [[gnu::always_inline]] bool leaves(const DotPart<S>& part, const Vector* sums) const {
    if (!kInParts || part.first_chunk + part.chunks == shape_.chunks) return false;
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
  [[gnu::always_inline]] void at_once(const DotPart<S>& part, const Step& step) const {
    Sums<kM> sums;
    begin<kM * kDotColumns, kInParts>(part, &sums[0][0]);
    step(sums);
    if (leaves<kM * kDotColumns, kInParts>(part, &sums[0][0])) return;
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) finish(part, i, fold<kM>(sums, i));
  }

  // The same, block by block: step(block, sums) adds the products of one.
  template <int kM, bool kInParts, class Step>
  [[gnu::always_inline]] void by_block(const DotPart<S>& part, const Step& step) const {
    const int64_t first = kInParts ? part.first_chunk / kBlockChunks : 0;
    const int64_t count = kInParts ? part.chunks / kBlockChunks : shape_.blocks();
    Vector totals[kM];
    begin<kM, kInParts>(part, totals);
    for (int64_t block = 0; block < count; ++block) {
      Sums<kM> sums;
#pragma GCC unroll 32
      for (int i = 0; i < kM * kDotColumns; ++i) (&sums[0][0])[i] = S::zero();
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

  [[gnu::always_inline]] void finish(const DotPart<S>& part, int row, Vector folded) const {
    const __m128 sum = S::sum_parts(folded);
    if (part.sums == nullptr) {
      return S::store4(part.d, shape_.d_dtype, part.row_d[row] * part.d_stride + part.column, sum, part.columns);
    }
    float four[4];
    _mm_storeu_ps(four, sum);
    for (int j = 0; j < kDotColumns; ++j) part.sums[row * HD_SCALE_BLOCK + j * part.sums_step] = four[j];
  }

  [[gnu::always_inline]] void fetch_a(const DotPart<S>& part, int64_t chunk) const {
    for (int64_t line = 0; line < part.next_lines; ++line) {
      __builtin_prefetch(part.next_a + chunk * part.next_lines + line, 0, 2);
    }
  }

  // Of the b of the next panel, this tile's share.
  [[gnu::always_inline]] void fetch(const DotPart<S>& part, int64_t c) const {
    if (c < part.next_chunks) prefetch(part.next + c * S::kChunkBytes, shape_.b_stride, c);
  }

  DotShape<S> shape_;
};

}  // namespace
}  // namespace hadal::cpu
