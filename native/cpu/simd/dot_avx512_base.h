// What the schemes of dot_gemm.h share on every AVX-512. Included by dot_avx512.h and dot_avx512f.h alone.
#pragma once

#include "cpu/simd/avx512_floats.h"

namespace hadal::cpu {
namespace {

struct DotAvx512 {
  using Vector = __m512;
  static constexpr int kRows = 6;
  static constexpr int kTurningSums = 24;
  static constexpr int kOperands = 2;

  [[gnu::always_inline]] static Vector zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static Vector fold4(Vector a, Vector b, Vector c, Vector d) {
    return hadal::cpu::fold4(a, b, c, d);
  }
  [[gnu::always_inline]] static __m128 sum_parts(Vector x) { return hadal::cpu::sum_parts(x); }
  [[gnu::always_inline]] static Vector scale_add(Vector sum, Vector part, float scale) {
    return _mm512_fmadd_ps(part, floats_of(scale), sum);
  }
  [[gnu::always_inline]] static void store4(void* d, int32_t dtype, int64_t index, __m128 value, int64_t count) {
    store_four(d, dtype, index, value, count);
  }
};

}  // namespace
}  // namespace hadal::cpu
