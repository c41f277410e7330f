// Transposition of a square of 32-bit values. Included by *_avx512.cpp alone.
#pragma once

#include <immintrin.h>

namespace hadal::cpu {
namespace {

[[gnu::always_inline]] inline void transpose(__m512i (&x)[16]) {
  __m512i y[16];
  for (int i = 0; i < 16; i += 2) {
    y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
  // Row 4 g + c, lane l: column 4 l + c of the rows 4 g to 4 g + 3.
  __m512i z[16];
  for (int i = 0; i < 16; i += 4) {
    z[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
    z[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
    z[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
    z[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
  }
  for (int c = 0; c < 4; ++c) {
    const __m512i low01 = _mm512_shuffle_i32x4(z[c], z[4 + c], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(z[c], z[4 + c], 0xee);
    const __m512i low23 = _mm512_shuffle_i32x4(z[8 + c], z[12 + c], 0x44);
    const __m512i high23 = _mm512_shuffle_i32x4(z[8 + c], z[12 + c], 0xee);
    x[c] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    x[4 + c] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    x[8 + c] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    x[12 + c] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
  }
}

}  // namespace
}  // namespace hadal::cpu
