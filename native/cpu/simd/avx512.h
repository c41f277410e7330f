// Number formats, sums and functions for AVX-512 (F, BW, DQ, VL, VBMI, BF16). Included by *_avx512.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/number.h"
#include "cpu/simd/e4m3_table.h"

namespace hadal::cpu {
namespace {

// Round to nearest even; denormals become zero.
[[gnu::always_inline]] inline __m256i f32_to_bf16(__m512 x) {
  return std::bit_cast<__m256i>(_mm512_cvtneps_pbh(x));
}

[[gnu::always_inline]] inline __m128i f32_to_bf16(__m128 x) {
  return std::bit_cast<__m128i>(_mm_cvtneps_pbh(x));
}

[[gnu::always_inline]] inline __m512bh as_bf16(__m512i x) {
  return std::bit_cast<__m512bh>(x);
}

[[gnu::always_inline]] inline __m512i as_bits(__m512bh x) {
  return std::bit_cast<__m512i>(x);
}

// acc + a . b: lane l gains a[2l] * b[2l] and a[2l + 1] * b[2l + 1]. Denormals count as zero.
[[gnu::always_inline]] inline __m512 dot_bf16(__m512 acc, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(acc, as_bf16(a), as_bf16(b));
}

// The tables of e4m3 to bf16 in registers; another E4m3Table than kE4m3Table scales by a power of two at no cost.
class E4m3ToBf16 {
 public:
  [[gnu::always_inline]] explicit E4m3ToBf16(const E4m3Table& table = kE4m3Table)
      : low0_(_mm512_load_si512(table.low)),
        low1_(_mm512_load_si512(table.low + 64)),
        high0_(_mm512_load_si512(table.high)),
        high1_(_mm512_load_si512(table.high + 64)) {}

  // 64 codes to two vectors whose 128-bit lanes are in order: lane l of `first` holds the codes 16 l to 16 l + 7, of
  // `second` 16 l + 8 to 16 l + 15. The cheapest form: enough for dot products of two operands both turned this way.
  [[gnu::always_inline]] void by_lane(__m512i codes, __m512i& first, __m512i& second) const {
    // The permutes write over their index, and the compiler would rather load it again than copy a register.
    asm("" : "+v"(codes));
    const __m512i low = _mm512_permutex2var_epi8(low0_, codes, low1_);
    // high | (codes & 0x80)
    const __m512i high = _mm512_ternarylogic_epi32(_mm512_permutex2var_epi8(high0_, codes, high1_), codes,
                                                   _mm512_set1_epi8(static_cast<char>(0x80)), 0xf8);
    first = _mm512_unpacklo_epi8(low, high);
    second = _mm512_unpackhi_epi8(low, high);
  }

  // 64 codes to two vectors in order.
  [[gnu::always_inline]] void in_order(__m512i codes, __m512i& first, __m512i& second) const {
    by_lane(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), codes), first, second);
  }

 private:
  __m512i low0_, low1_, high0_, high1_;
};

}  // namespace
}  // namespace hadal::cpu

#include "cpu/simd/avx512_floats.h"
