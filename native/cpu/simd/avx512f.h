// Number formats, sums and functions for AVX-512 without BF16 (F, BW, DQ, VL). Included by *_avx512f.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hadal::cpu {
namespace {

// Round to nearest even; NaN stays one.
[[gnu::always_inline]] inline __m256i f32_to_bf16(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i high = _mm512_srli_epi32(bits, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i rounded =
      _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(high, _mm512_set1_epi32(0x40));
  const __m512i even_words = _mm512_setr_epi32(0x20000, 0x60004, 0xa0008, 0xe000c, 0x120010, 0x160014, 0x1a0018,
                                               0x1e001c, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castsi512_si256(_mm512_permutexvar_epi16(even_words, _mm512_mask_mov_epi32(rounded, nan, quiet)));
}

[[gnu::always_inline]] inline __m128i f32_to_bf16(__m128 x) {
  return _mm256_castsi256_si128(f32_to_bf16(_mm512_castps128_ps512(x)));
}

}  // namespace
}  // namespace hadal::cpu

#include "cpu/simd/avx512_floats.h"
