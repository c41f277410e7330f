#include <immintrin.h>

#include "roofline.h"

namespace hadal::bench {
namespace {

constexpr int kChains = 24;  // More than latency times ports.
constexpr int kRounds = 20000;

// Every loop over the chains is unrolled, or they would live in memory.
template <class Step>
[[gnu::always_inline]] inline double spin(float* out, double operations, Step step) {
  __m512 sums[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) sums[i] = _mm512_setzero_ps();
  for (int round = 0; round < kRounds; ++round) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) {
      sums[i] = step(sums[i]);
      asm volatile("" : "+v"(sums[i]));  // Chains that are alike would be computed once.
    }
  }
#pragma GCC unroll 24
  for (int i = 1; i < kChains; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  _mm512_storeu_ps(out, sums[0]);
  return operations * kChains * kRounds;
}

}  // namespace

double spin_bf16_avx512(float* out) {
  const auto x = (__m512bh)_mm512_set1_epi16(0x3f81);
  return spin(out, 64, [&](__m512 sum) { return _mm512_dpbf16_ps(sum, x, x); });
}

double spin_f32_avx512(float* out) {
  const __m512 x = _mm512_set1_ps(1.01f);
  return spin(out, 32, [&](__m512 sum) { return _mm512_fmadd_ps(x, x, sum); });
}

uint64_t read_avx512(const void* data, uint64_t bytes) {
  const auto* x = static_cast<const char*>(data);
  __m512i all[4] = {};
  for (uint64_t i = 0; i < bytes; i += 256) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
      all[j] = _mm512_or_si512(all[j], _mm512_load_si512(x + i + 64 * static_cast<uint64_t>(j)));
  }
  return static_cast<uint64_t>(
      _mm512_reduce_or_epi64(_mm512_or_si512(_mm512_or_si512(all[0], all[1]), _mm512_or_si512(all[2], all[3]))));
}

}  // namespace hadal::bench
