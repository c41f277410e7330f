// What the schemes of dot_gemm.h share on AVX-512. Included by *_avx512.cpp alone.
#pragma once

#include "cpu/simd/avx512.h"

namespace hadal::cpu {
namespace {

struct DotAvx512 {
  using Vector = __m512;
  static constexpr int kRows = 6;

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

// Operands of bf16, whose pairs are multiplied.
struct DotBf16 : DotAvx512 {
  using Operand = __m512i;

  [[gnu::always_inline]] static Operand load(const Operand* x) { return _mm512_load_si512(x); }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { _mm512_store_si512(x, value); }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return dot_bf16(sum, a, b); }
};

}  // namespace
}  // namespace hadal::cpu
