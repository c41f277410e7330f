// What attend.h needs of every AVX-512, whatever its units are. Included by simd_avx512.h and simd_avx512f.h alone.
#pragma once

#include "cpu/attention/attend.h"
#include "cpu/simd/exp.h"
#include "cpu/simd/transpose_avx512.h"

namespace hadal::cpu {
namespace {

struct SimdAvx512 {
  static constexpr int kWidth = 16;
  static constexpr int kSums = 16;  // Registers that hide the latency of dot.
  using Floats = __m512;
  using Units = __m512i;

  static Floats load(const float* x) { return _mm512_load_ps(x); }
  static Units load(const uint32_t* x) { return _mm512_load_si512(x); }
  static void store(float* y, Floats x) { _mm512_store_ps(y, x); }
  static void store(uint32_t* y, Units x) { _mm512_storeu_si512(y, x); }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Units all(const uint32_t* x) { return _mm512_set1_epi32(static_cast<int>(*x)); }
  static Floats add(Floats x, Floats y) { return _mm512_add_ps(x, y); }
  static Floats sub(Floats x, Floats y) { return _mm512_sub_ps(x, y); }
  static Floats mul(Floats x, Floats y) { return _mm512_mul_ps(x, y); }
  static Floats fma(Floats x, Floats y, Floats z) { return _mm512_fmadd_ps(x, y, z); }
  static Floats max(Floats x, Floats y) { return _mm512_max_ps(x, y); }  // y where one is NaN.
  static Floats exp(Floats x) { return exp_f32(x); }
  static Units both(Units x, Units y) { return _mm512_and_si512(x, y); }

  // x where the lane's bit is set.
  static Floats only(uint32_t lanes, Floats x, float otherwise) {
    return _mm512_mask_mov_ps(all(otherwise), static_cast<__mmask16>(lanes), x);
  }
  // What to subtract before exp: x, or 0 where x is -inf.
  static Floats finite_base(Floats x) {
    const __mmask16 none = _mm512_cmp_ps_mask(x, all(-std::numeric_limits<float>::infinity()), _CMP_EQ_OQ);
    return _mm512_mask_mov_ps(x, none, _mm512_setzero_ps());
  }
  static Floats inverse_or_zero(Floats x) {
    return _mm512_maskz_div_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ), all(1.0f), x);
  }
  static void transpose(Units (&x)[16]) { cpu::transpose(x); }
};

}  // namespace
}  // namespace hadal::cpu
