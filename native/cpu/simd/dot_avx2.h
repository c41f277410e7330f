// What the schemes of dot_gemm.h share on AVX2. Included by *_avx2.cpp alone.
#pragma once

#include "cpu/simd/avx2.h"

namespace hadal::cpu {
namespace {

// Operands of f32.
struct DotF32 {
  using Vector = __m256;
  using Operand = __m256;
  static constexpr int kRows = 3;
  static constexpr int kTurningSums = 8;
  static constexpr int kOperands = 2;

  [[gnu::always_inline]] static Vector zero() { return _mm256_setzero_ps(); }
  [[gnu::always_inline]] static Operand load(const Operand* x) { return *x; }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { *x = value; }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return _mm256_fmadd_ps(a, b, sum); }
  [[gnu::always_inline]] static Vector fold4(Vector a, Vector b, Vector c, Vector d) {
    return hadal::cpu::fold4(a, b, c, d);
  }
  [[gnu::always_inline]] static __m128 sum_parts(Vector x) { return hadal::cpu::sum_parts(x); }
  [[gnu::always_inline]] static Vector scale_add(Vector sum, Vector part, float scale) {
    return _mm256_fmadd_ps(part, floats_of(scale), sum);
  }
  [[gnu::always_inline]] static void store4(void* d, int32_t dtype, int64_t index, __m128 value, int64_t count) {
    store_floats(d, dtype, index, _mm256_castps128_ps256(value), count);
  }
};

}  // namespace
}  // namespace hadal::cpu
