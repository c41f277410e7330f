// What the schemes of dot_gemm.h share on AVX-512 without BF16. Included by *_avx512f.cpp alone.
#pragma once

#include "cpu/simd/avx512f.h"
#include "cpu/simd/dot_avx512_base.h"

namespace hadal::cpu {
namespace {

// Operands of f32.
struct DotF32 : DotAvx512 {
  using Operand = __m512;

  [[gnu::always_inline]] static Operand load(const Operand* x) { return *x; }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { *x = value; }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace
}  // namespace hadal::cpu
