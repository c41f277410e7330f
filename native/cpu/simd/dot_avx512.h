// What the schemes of dot_gemm.h share on AVX-512. Included by *_avx512.cpp alone.
#pragma once

#include "cpu/simd/avx512.h"
#include "cpu/simd/dot_avx512_base.h"

namespace hadal::cpu {
namespace {

// Operands of bf16, whose pairs are multiplied.
struct DotBf16 : DotAvx512 {
  using Operand = __m512i;

  [[gnu::always_inline]] static Operand load(const Operand* x) { return _mm512_load_si512(x); }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { _mm512_store_si512(x, value); }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return dot_bf16(sum, a, b); }
};

}  // namespace
}  // namespace hadal::cpu
