// The few operations on 16 lanes that a selection is made of. Included by *_avx512.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hadal::cpu {
namespace {

struct Lanes {
  static constexpr int kWidth = 16;
  using Floats = __m512;
  using Ints = __m512i;

  static Floats load(const float* x) { return _mm512_loadu_ps(x); }
  static Ints load(const int32_t* x) { return _mm512_loadu_si512(x); }
  static Ints load(const uint32_t* x) { return _mm512_loadu_si512(x); }
  static void store(uint32_t* y, Ints x) { _mm512_storeu_si512(y, x); }
  static Floats all(float x) { return _mm512_set1_ps(x); }
  static Ints count_from(int32_t first) {
    return _mm512_add_epi32(_mm512_set1_epi32(first),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  }

  static uint32_t above_or_unordered(Floats x, Floats y) { return _mm512_cmp_ps_mask(x, y, _CMP_NLE_UQ); }
  static uint32_t above(Floats x, Floats y) { return _mm512_cmp_ps_mask(x, y, _CMP_GT_OQ); }
  static uint32_t equal(Floats x, Floats y) { return _mm512_cmp_ps_mask(x, y, _CMP_EQ_OQ); }
  static uint32_t nan(Floats x) { return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q); }
  static uint32_t has_bit(Ints x, uint32_t bit) {
    return _mm512_test_epi32_mask(x, _mm512_set1_epi32(static_cast<int>(bit)));
  }

  static uint32_t at_least(Ints x, uint32_t y) {
    return _mm512_cmpge_epu32_mask(x, _mm512_set1_epi32(static_cast<int>(y)));
  }
  static uint32_t at_most(Ints x, uint32_t y) {
    return _mm512_cmple_epu32_mask(x, _mm512_set1_epi32(static_cast<int>(y)));
  }

  // The chosen lanes first. All kWidth places are written: storing under a mask is microcoded on some processors.
  static void compress(float* y, uint32_t mask, Floats x) {
    _mm512_storeu_ps(y, _mm512_maskz_compress_ps(static_cast<__mmask16>(mask), x));
  }
  static void compress(int32_t* y, uint32_t mask, Ints x) {
    _mm512_storeu_si512(y, _mm512_maskz_compress_epi32(static_cast<__mmask16>(mask), x));
  }
  static void compress(uint32_t* y, uint32_t mask, Ints x) { compress(reinterpret_cast<int32_t*>(y), mask, x); }

  // Unsigned integers in the order of the numbers, -0 as +0.
  static Ints keys(Floats x) {
    const __m512i bits = _mm512_castps_si512(_mm512_add_ps(x, _mm512_setzero_ps()));
    return _mm512_xor_si512(bits, _mm512_or_si512(_mm512_srai_epi32(bits, 31), _mm512_set1_epi32(INT32_MIN)));
  }
  static Ints both(Ints x, Ints y) { return _mm512_and_si512(x, y); }
  static Ints either(Ints x, Ints y) { return _mm512_or_si512(x, y); }
  static uint32_t all_of(Ints x) { return static_cast<uint32_t>(_mm512_reduce_and_epi32(x)); }
  static uint32_t any_of(Ints x) { return static_cast<uint32_t>(_mm512_reduce_or_epi32(x)); }
};

}  // namespace
}  // namespace hadal::cpu
