// Sums and functions of 16 floats for every AVX-512 (F, BW, DQ, VL). Included by avx512.h and avx512f.h alone, which
// define f32_to_bf16 before.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "cpu/number.h"

namespace hadal::cpu {
namespace {

// The vector of f32 that kernels written once for every instruction set work on (GCC's vector operators apply).
using Floats = __m512;
constexpr int64_t kFloats = 16;

[[gnu::always_inline]] inline __m512 bf16_to_f32(__m256i x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

// Lanes [first, first + 16) of `count`.
[[gnu::always_inline]] inline __mmask16 mask_of(int64_t first, int64_t count) {
  const int64_t left = count - first;
  return left >= 16 ? static_cast<__mmask16>(0xffff) : static_cast<__mmask16>((1u << left) - 1u);
}

[[gnu::always_inline]] inline __m512 floats_of(float x) {
  return _mm512_set1_ps(x);
}

// The values x[index] ... of an activation or weight, any alignment; lanes from `left` on are zero and not read.
[[gnu::always_inline]] inline __m512 load_floats(const void* x, int32_t dtype, int64_t index, int64_t left = kFloats) {
  if (left >= kFloats) {
    if (dtype == HD_DTYPE_F32) return _mm512_loadu_ps(static_cast<const char*>(x) + index * 4);
    return bf16_to_f32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const char*>(x) + index * 2)));
  }
  const __mmask16 mask = mask_of(0, left);
  if (dtype == HD_DTYPE_F32) return _mm512_maskz_loadu_ps(mask, static_cast<const char*>(x) + index * 4);
  return bf16_to_f32(_mm256_maskz_loadu_epi16(mask, static_cast<const char*>(x) + index * 2));
}

// Lanes from `left` on are not written. A masked store is many times as slow as a whole one.
[[gnu::always_inline]] inline void store_floats(void* y, int32_t dtype, int64_t index, __m512 value,
                                                int64_t left = kFloats) {
  if (left >= kFloats) {
    if (dtype == HD_DTYPE_F32) {
      _mm512_storeu_ps(static_cast<char*>(y) + index * 4, value);
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(static_cast<char*>(y) + index * 2), f32_to_bf16(value));
    }
    return;
  }
  const __mmask16 mask = mask_of(0, left);
  if (dtype == HD_DTYPE_F32) {
    _mm512_mask_storeu_ps(static_cast<char*>(y) + index * 4, mask, value);
  } else {
    _mm256_mask_storeu_epi16(static_cast<char*>(y) + index * 2, mask, f32_to_bf16(value));
  }
}

// Of four values the first `count`, 1 to 4.
[[gnu::always_inline]] inline void store_four(void* y, int32_t dtype, int64_t index, __m128 value, int64_t count) {
  if (count < 4) return store_floats(y, dtype, index, _mm512_castps128_ps512(value), count);
  if (dtype == HD_DTYPE_F32) {
    _mm_storeu_ps(reinterpret_cast<float*>(static_cast<char*>(y) + index * 4), value);
  } else {
    _mm_storel_epi64(reinterpret_cast<__m128i*>(static_cast<char*>(y) + index * 2), f32_to_bf16(value));
  }
}

// 16 codes to f32 in order, exact. An e4m3 code shifted to the place of a binary16 is its value times 2^-8, subnormals
// too; NaN is the one code to mend.
[[gnu::always_inline]] inline __m512 e4m3_to_f32(__m128i codes) {
  const __m256i high = _mm256_slli_epi16(_mm256_cvtepu8_epi16(codes), 8);
  const __m256i magnitude = _mm256_and_si256(high, _mm256_set1_epi16(0x7f00));
  const __mmask16 nan = _mm256_cmpeq_epi16_mask(magnitude, _mm256_set1_epi16(0x7f00));
  const __m256i half = _mm256_and_si256(_mm256_srai_epi16(high, 1), _mm256_set1_epi16(static_cast<short>(0xbf80)));
  return _mm512_cvtph_ps(_mm256_mask_mov_epi16(half, nan, _mm256_set1_epi16(0x7e00))) * floats_of(256.0f);
}

[[gnu::always_inline]] inline __m512 load_e4m3(const uint8_t* codes, int64_t left = kFloats) {
  return e4m3_to_f32(_mm_maskz_loadu_epi8(mask_of(0, left), codes));
}

[[gnu::always_inline]] inline __m512 abs_floats(__m512 x) {
  return _mm512_abs_ps(x);
}

// The larger, b where a is NaN.
[[gnu::always_inline]] inline __m512 larger(__m512 a, __m512 b) {
  return _mm512_max_ps(a, b);
}

[[gnu::always_inline]] inline float largest(__m512 x) {
  return _mm512_reduce_max_ps(x);
}

// Which lanes equal a value, a bit each.
[[gnu::always_inline]] inline uint32_t equal_to(__m512 x, float value) {
  return _mm512_cmpeq_ps_mask(x, floats_of(value));
}

// a * b + c in one rounding.
[[gnu::always_inline]] inline __m512 fused(__m512 a, __m512 b, __m512 c) {
  return _mm512_fmadd_ps(a, b, c);
}

// Lanes 0, 0, 1, 1, ... of the lower or the upper half.
template <bool kUpper>
[[gnu::always_inline]] inline __m512 twice(__m512 x) {
  constexpr int k = kUpper ? 8 : 0;
  return _mm512_permutexvar_ps(_mm512_setr_epi32(k, k, k + 1, k + 1, k + 2, k + 2, k + 3, k + 3, k + 4, k + 4, k + 5,
                                                 k + 5, k + 6, k + 6, k + 7, k + 7),
                               x);
}

// The lane at distance kWidth: lane i gets lane i ^ kWidth.
template <int kWidth>
[[gnu::always_inline]] inline __m512 across(__m512 x) {
  if constexpr (kWidth == 1) return _mm512_permute_ps(x, 0xb1);
  if constexpr (kWidth == 2) return _mm512_permute_ps(x, 0x4e);
  if constexpr (kWidth == 4) return _mm512_shuffle_f32x4(x, x, 0xb1);
  if constexpr (kWidth == 8) return _mm512_shuffle_f32x4(x, x, 0x4e);
}

// x with the sign turned in the lanes whose number has, or lacks, the bit kWidth.
template <int kWidth, bool kHas>
[[gnu::always_inline]] inline __m512 turned(__m512 x) {
  constexpr uint32_t has = kWidth == 1 ? 0xaaaa : kWidth == 2 ? 0xcccc : kWidth == 4 ? 0xf0f0 : 0xff00;
  const __m512i bits = _mm512_castps_si512(x);
  return _mm512_castsi512_ps(_mm512_mask_xor_epi32(bits, static_cast<__mmask16>(kHas ? has : ~has), bits,
                                                   _mm512_set1_epi32(static_cast<int>(0x80000000u))));
}

// Four vectors to one, each 128 bits of which are the sums of the four's: (0 + 2) + (1 + 3).
[[gnu::always_inline]] inline __m512 fold4(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
  const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
  return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))),
                       _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd))));
}

// The sum of the four 128 bits: (0 + 2) + (1 + 3).
[[gnu::always_inline]] inline __m128 sum_parts(__m512 x) {
  const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

// The sum of a vector in the order of these two.
[[gnu::always_inline]] inline float sum(__m512 x) {
  return _mm_cvtss_f32(sum_parts(fold4(x, x, x, x)));
}

// x within [low, high]; a NaN stays one, which the operand order of min and max lets through.
[[gnu::always_inline]] inline __m512 clamp(__m512 x, float low, float high) {
  return _mm512_min_ps(floats_of(high), _mm512_max_ps(floats_of(low), x));
}

// To the nearest integer, ties to even.
[[gnu::always_inline]] inline __m512 nearest(__m512 x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// x * 2^n for integers n.
[[gnu::always_inline]] inline __m512 times_power(__m512 x, __m512 n) {
  return _mm512_scalef_ps(x, n);
}

// to_e4m3 of 16 values: the same codes.
[[gnu::always_inline]] inline __m128i f32_to_e4m3(__m512 x) {
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i magnitude = _mm512_and_si512(bits, _mm512_set1_epi32(0x7fffffff));
  const __mmask16 nan = _mm512_cmpgt_epi32_mask(magnitude, _mm512_set1_epi32(0x7f800000));
  const __m512i clamped = _mm512_min_epi32(magnitude, _mm512_set1_epi32(0x43e00000));  // 448
  // Subnormal codes: adding 2^14 leaves steps of 2^-9 in the mantissa.
  const __m512i small =
      _mm512_sub_epi32(_mm512_castps_si512(_mm512_add_ps(_mm512_castsi512_ps(clamped), _mm512_set1_ps(0x1p14f))),
                       _mm512_set1_epi32(0x46800000));
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(clamped, 20), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(clamped, _mm512_set1_epi32(0x7ffff)), odd);
  __m512i code = _mm512_sub_epi32(_mm512_srli_epi32(rounded, 20), _mm512_set1_epi32(120 << 3));
  code = _mm512_mask_mov_epi32(code, _mm512_cmplt_epi32_mask(clamped, _mm512_set1_epi32(0x3c800000)), small);  // 2^-6
  // code | (bits >> 24 & 0x80)
  code = _mm512_ternarylogic_epi32(code, _mm512_srli_epi32(bits, 24), _mm512_set1_epi32(0x80), 0xf8);
  code = _mm512_mask_mov_epi32(code, nan, _mm512_set1_epi32(0x7f));
  return _mm512_cvtepi32_epi8(code);
}

// quantize_block of number.h: the same scale and codes. x is the 128 values of a block.
[[gnu::always_inline]] inline float quantize_floats(const __m512 (&x)[8], uint8_t* q, int32_t scale_format) {
  __m512 most = _mm512_setzero_ps();
  for (int i = 0; i < 8; ++i) most = larger(abs_floats(x[i]), most);
  const float scale = scale_of(largest(most), scale_format);
  if (scale_format == HD_SCALE_UE8M0) {
    // The quotient by a power of two is the product with its inverse, which is exact.
    const __m512 inverse = _mm512_set1_ps(1.0f / scale);
    for (int i = 0; i < 8; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16 * i), f32_to_e4m3(_mm512_mul_ps(x[i], inverse)));
    }
  } else {
    const __m512 divisor = _mm512_set1_ps(scale);
    for (int i = 0; i < 8; ++i) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q + 16 * i), f32_to_e4m3(_mm512_div_ps(x[i], divisor)));
    }
  }
  return scale;
}

}  // namespace
}  // namespace hadal::cpu
