#include <immintrin.h>

#include "roofline.h"

namespace hadal::bench {

double spin_f32_avx2(float* out) {
  constexpr int kChains = 12;
  constexpr int kRounds = 40000;
  const __m256 x = _mm256_set1_ps(1.01f);
  __m256 sums[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) sums[i] = _mm256_setzero_ps();
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) {
      sums[i] = _mm256_fmadd_ps(x, x, sums[i]);
      asm volatile("" : "+x"(sums[i]));  // Chains that are alike would be computed once.
    }
  }
#pragma GCC unroll 12
  for (int i = 1; i < kChains; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  _mm256_storeu_ps(out, sums[0]);
  return 16.0 * kChains * kRounds;
}

uint64_t read_avx2(const void* data, uint64_t bytes) {
  const auto* x = static_cast<const char*>(data);
  __m256i all = _mm256_setzero_si256();
  for (uint64_t i = 0; i < bytes; i += 64) {
    all = _mm256_or_si256(all, _mm256_load_si256(reinterpret_cast<const __m256i*>(x + i)));
    all = _mm256_or_si256(all, _mm256_load_si256(reinterpret_cast<const __m256i*>(x + i + 32)));
  }
  return static_cast<uint64_t>(_mm256_movemask_epi8(all));
}

}  // namespace hadal::bench
