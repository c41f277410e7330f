// Transposition of a square of f32. Included by *_avx2.cpp alone.
#pragma once

#include <immintrin.h>

namespace hadal::cpu {
namespace {

[[gnu::always_inline]] inline void transpose(__m256 (&x)[8]) {
  __m256 y[8];
  for (int i = 0; i < 8; i += 2) {
    y[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
    y[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
  }
  __m256 z[8];  // Row i, within 128 bits: column i % 4 of the rows 0 to 3 (i < 4) or 4 to 7.
  for (int i = 0; i < 8; i += 4) {
    z[i] = _mm256_shuffle_ps(y[i], y[i + 2], 0x44);
    z[i + 1] = _mm256_shuffle_ps(y[i], y[i + 2], 0xee);
    z[i + 2] = _mm256_shuffle_ps(y[i + 1], y[i + 3], 0x44);
    z[i + 3] = _mm256_shuffle_ps(y[i + 1], y[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    x[i] = _mm256_permute2f128_ps(z[i], z[i + 4], 0x20);
    x[i + 4] = _mm256_permute2f128_ps(z[i], z[i + 4], 0x31);
  }
}

}  // namespace
}  // namespace hadal::cpu
