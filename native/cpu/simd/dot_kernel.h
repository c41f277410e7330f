// One tile of rows of a times four columns of b: the inner loops of the dot-product GEMMs (dot_gemm.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/simd/dot_part.h"
#include "cpu/simd/dot_scheme.h"

namespace hadal::cpu {
namespace {

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
    turn<kM, kScaling, kKeep, true, typename S::Expand>(
        part, [&](int64_t chunk, int first, int count)
                  __attribute__((always_inline)) { fetch(part, chunk, first, count); });
  }

  // b from the panel.
  template <int kM, Scaling kScaling>
  [[gnu::noinline]] void from_panel(const DotPart<S>& part) const {
    const Operand* a = part.a;
    const Operand* b = part.panel;
    const auto step = [&](Sums<kM> & sums) __attribute__((always_inline)) {
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
    };
    // Two operands at a time, up to a block of K, for which it fetches.
    const auto chunks = [&](int64_t c, int64_t count, Sums<kM> & sums) __attribute__((always_inline)) {
      fetch(part, c, 0, kDotColumns);
      fetch_a(part, c);
#pragma GCC unroll 1
      for (int64_t i = 0; i < count * (S::kOperands / 2); ++i) {
        step(sums);
        step(sums);
      }
    };
    if constexpr (kScaling == Scaling::folded) {
      Sums<kM> sums;
      begin<kM, 0, kDotColumns, true>(part, sums);
      for (int64_t c = 0; c < part.chunks; c += kBlockChunks) chunks(c, std::min(kBlockChunks, part.chunks - c), sums);
      end<kM, 0, kDotColumns, true>(part, sums);
    } else {
      by_block<kM, true>(
          part, [&](int64_t block, Sums<kM> & sums)
                    __attribute__((always_inline)) { chunks(block * kBlockChunks, kBlockChunks, sums); });
    }
  }

  // b from memory, where E expands it and before_block(chunk, first, count) fetches, for `count` columns from the
  // first, what comes after the block of K that begins there. A stream has one part of K (kInParts is false). As many
  // columns are taken at a time as there are registers for their sums.
  template <int kM, Scaling kScaling, bool kKeep, bool kInParts, class E, class BeforeBlock>
  [[gnu::always_inline]] void turn(const DotPart<S>& part, const BeforeBlock& before_block) const {
    if constexpr (kScaling == Scaling::blocked) {
      turn_columns<kM, 0, kDotColumns, kScaling, kKeep, kInParts, All<E>>(part, before_block);
    } else if constexpr (kM * kDotColumns <= S::kTurningSums) {
      turn_columns<kM, 0, kDotColumns, kScaling, kKeep, kInParts, E>(part, before_block);
    } else {
      turn_columns<kM, 0, 2, kScaling, kKeep, kInParts, E>(part, before_block);
      turn_columns<kM, 2, 2, kScaling, kKeep, kInParts, E>(part, before_block);
    }
  }

  // A block of K of `count` rows of b from the first, which are `step` bytes apart.
  [[gnu::always_inline]] static void prefetch(const std::byte* from, int64_t step, int first, int count) {
#pragma GCC unroll 4
    for (int j = first; j < first + count; ++j) {
#pragma GCC unroll 4
      for (int64_t line = 0; line < kBlockChunks * S::kChunkBytes; line += 64) {
        __builtin_prefetch(from + j * step + line, 0, 3);
      }
    }
  }

 private:
  template <int kM, int kN = kDotColumns>
  using Sums = Vector[kM][kN];
  template <class E>
  using All = typename DotServing<E>::All;

  // kN of the four columns, from kFirst.
  template <int kM, int kFirst, int kN, Scaling kScaling, bool kKeep, bool kInParts, class E, class BeforeBlock>
  [[gnu::always_inline]] void turn_columns(const DotPart<S>& part, const BeforeBlock& before_block) const {
    const std::byte* b[kN];
#pragma GCC unroll 4
    for (int j = 0; j < kN; ++j) b[j] = part.b + std::min<int64_t>(kFirst + j, part.columns - 1) * part.b_step;
    const Operand* a = part.a;
    Operand* keep = part.panel + kFirst;
    typename DotServing<E>::Seen seen;
    const auto chunk = [&](int64_t c, const auto& expand, Sums<kM, kN>& sums) __attribute__((always_inline)) {
#pragma GCC unroll 2
      for (int step = 0; step < S::kOperands / 2; ++step) {
#pragma GCC unroll 2
        for (int j = 0; j < kN; j += 2) {
          Operand x[2], y[2];
#pragma GCC unroll 2
          for (int q = 0; q < 2; ++q) {
            const std::byte* from = b[j + q] + c * S::kChunkBytes;
            if (step == 0) seen.look(from);
            expand(from, step, x[q], y[q]);
            if constexpr (kKeep) {
              S::store(keep + j + q, x[q]);
              S::store(keep + kDotColumns + j + q, y[q]);
            }
          }
#pragma GCC unroll 8
          for (int i = 0; i < kM; ++i) {
            Operand first = S::load(a + i);
            asm("" : "+v"(first));  // A register, rather than a load for each column.
            sums[i][j] = S::dot(sums[i][j], x[0], first);
            sums[i][j + 1] = S::dot(sums[i][j + 1], x[1], first);
          }
#pragma GCC unroll 8
          for (int i = 0; i < kM; ++i) {
            Operand second = S::load(a + kM + i);
            asm("" : "+v"(second));
            sums[i][j] = S::dot(sums[i][j], y[0], second);
            sums[i][j + 1] = S::dot(sums[i][j + 1], y[1], second);
          }
        }
        a += 2 * kM;
        keep += 2 * kDotColumns;
      }
    };
    if constexpr (!S::kScaled) {
      Sums<kM, kN> sums;
      begin<kM, kFirst, kN, kInParts>(part, sums);
      const E expand(nullptr);
      const int64_t whole = std::min(shape_.k / S::kChunk - part.first_chunk, part.chunks);
      for (int64_t c = 0; c < whole; c += kBlockChunks) {
        before_block(c, kFirst, kN);
        for (int64_t i = c; i < std::min(c + kBlockChunks, whole); ++i) chunk(i, expand, sums);
      }
      if (whole < part.chunks) chunk(whole, typename S::ExpandTail(shape_.k % S::kChunk), sums);
      end<kM, kFirst, kN, kInParts>(part, sums);
    } else if constexpr (kScaling == Scaling::folded) {
      Sums<kM, kN> sums;
      begin<kM, kFirst, kN, kInParts>(part, sums);
      const float* scales = part.b_scale + part.first_chunk / kBlockChunks;
      for (int64_t c = 0; c < part.chunks; c += kBlockChunks) {
        before_block(c, kFirst, kN);
        const E expand(scales++);
        for (int64_t i = 0; i < kBlockChunks; ++i) chunk(c + i, expand, sums);
      }
      if (!seen.is_served()) return turn_again<kM, kFirst, kN, kKeep, kInParts, E>(part);
      end<kM, kFirst, kN, kInParts>(part, sums);
    } else {
      const E unscaled(nullptr);
      by_block<kM, kInParts>(
          part, [&](int64_t block, Sums<kM> & sums) __attribute__((always_inline)) {
            before_block(block * kBlockChunks, kFirst, kN);
#pragma GCC unroll 1  // Two chunks woven together want more registers than there are.
            for (int64_t i = 0; i < kBlockChunks; ++i) chunk(block * kBlockChunks + i, unscaled, sums);
          });
    }
  }

  // The same for the codes that E does not serve.
  template <int kM, int kFirst, int kN, bool kKeep, bool kInParts, class E>
  [[gnu::noinline, gnu::cold]] void turn_again(const DotPart<S>& part) const {
    turn_columns<kM, kFirst, kN, Scaling::folded, kKeep, kInParts, All<E>>(part, [](int64_t, int, int) {});
  }

  // What a part of K begins with: sums [kM][kN] of which four columns wait. A stream has but one.
  template <int kM, int kFirst, int kN, bool kInParts>
  [[gnu::always_inline]] static void begin(const DotPart<S>& part, Sums<kM, kN>& sums) {
    const bool waits = kInParts && part.first_chunk > 0;
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kN; ++j) sums[i][j] = waits ? part.waiting[i * kDotColumns + kFirst + j] : S::zero();
    }
  }

  // Leaves the sums to the next part, or finishes them.
  template <int kM, int kFirst, int kN, bool kInParts>
  [[gnu::always_inline]] void end(const DotPart<S>& part, const Sums<kM, kN>& sums) const {
    if (!kInParts || is_last(part)) {
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) finish<kFirst, kN>(part, i, fold<kM, kN>(sums, i));
      return;
    }
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < kN; ++j) part.waiting[i * kDotColumns + kFirst + j] = sums[i][j];
    }
  }

  bool is_last(const DotPart<S>& part) const {
    return part.first_chunk + part.chunks == shape_.chunks;
  }

  // Columns that there are not have zeros.
  template <int kM, int kN>
  [[gnu::always_inline]] static Vector fold(const Sums<kM, kN>& sums, int row) {
    if constexpr (kN == 2) {
      return S::fold4(sums[row][0], sums[row][1], S::zero(), S::zero());
    } else {
      return S::fold4(sums[row][0], sums[row][1], sums[row][2], sums[row][3]);
    }
  }

  // The sums of all K from the part's, block by block: step(block, sums) adds the products of one.
  template <int kM, bool kInParts, class Step>
  [[gnu::always_inline]] void by_block(const DotPart<S>& part, const Step& step) const {
    const int64_t first = kInParts ? part.first_chunk / kBlockChunks : 0;
    const int64_t count = kInParts ? part.chunks / kBlockChunks : shape_.blocks();
    Vector totals[kM];
    const bool waits = kInParts && part.first_chunk > 0;
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) totals[i] = waits ? part.waiting[i] : S::zero();
    for (int64_t block = 0; block < count; ++block) {
      Sums<kM> sums;
#pragma GCC unroll 32
      for (int i = 0; i < kM * kDotColumns; ++i) (&sums[0][0])[i] = S::zero();
      step(block, sums);
      const float* a_scale = part.a_scale + (first + block) * kM;
      const float b_scale = part.b_scale[first + block];
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) {
        totals[i] = S::scale_add(totals[i], fold<kM, kDotColumns>(sums, i), a_scale[i] * b_scale);
      }
    }
    if (kInParts && !is_last(part)) {
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) part.waiting[i] = totals[i];
      return;
    }
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) finish<0, kDotColumns>(part, i, totals[i]);
  }

  template <int kFirst, int kN>
  [[gnu::always_inline]] void finish(const DotPart<S>& part, int row, Vector folded) const {
    const int64_t columns = std::min<int64_t>(part.columns - kFirst, kN);
    if (columns <= 0) return;
    const __m128 sum = S::sum_parts(folded);
    if (part.sums == nullptr) {
      const int64_t d = part.row_d[row] * part.d_stride + part.column + kFirst;
      return S::store4(part.d, shape_.d_dtype, d, sum, columns);
    }
    float four[4];
    _mm_storeu_ps(four, sum);
    for (int j = 0; j < kN; ++j) part.sums[row * HD_SCALE_BLOCK + (kFirst + j) * part.sums_step] = four[j];
  }

  // Of the rows of a of the next tile, this block's share.
  [[gnu::always_inline]] void fetch_a(const DotPart<S>& part, int64_t chunk) const {
    const auto* from = reinterpret_cast<const std::byte*>(part.next_a) + chunk * part.next_a_bytes;
    for (int64_t i = 0; i < kBlockChunks * part.next_a_bytes; i += 64) __builtin_prefetch(from + i, 0, 2);
  }

  // Of the b of the next panel, this tile's share.
  [[gnu::always_inline]] void fetch(const DotPart<S>& part, int64_t chunk, int first, int count) const {
    if (chunk < part.next_chunks) prefetch(part.next + chunk * S::kChunkBytes, shape_.b_stride, first, count);
  }

  DotShape<S> shape_;
};

}  // namespace
}  // namespace hadal::cpu
