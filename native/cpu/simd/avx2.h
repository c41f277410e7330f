// Number formats, sums and functions for AVX2 with FMA and F16C. Included by *_avx2.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "cpu/number.h"

namespace hadal::cpu {
namespace {

// The vector of f32 that kernels written once for every instruction set work on (GCC's vector operators apply).
using Floats = __m256;
constexpr int64_t kFloats = 8;

// 16 codes, each the upper byte of a word, to binary16 times 2^-8, subnormals too: a code shifted to that place is its
// value. But NaN becomes 480 * 2^-8.
[[gnu::always_inline]] inline __m256i e4m3_to_f16_shifted(__m256i high) {
  return _mm256_and_si256(_mm256_srai_epi16(high, 1), _mm256_set1_epi16(static_cast<short>(0xbf80)));
}

// The same with NaN where the code is.
[[gnu::always_inline]] inline __m256i with_nans(__m256i halves) {
  const __m256i negative = _mm256_or_si256(halves, _mm256_set1_epi16(static_cast<short>(0x8000)));
  // All bits set are a NaN too.
  return _mm256_or_si256(halves, _mm256_cmpeq_epi16(negative, _mm256_set1_epi16(static_cast<short>(0xbf80))));
}

[[gnu::always_inline]] inline void f16_to_f32(__m256i halves, __m256& first, __m256& second) {
  first = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  second = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}

// 16 codes to f32 times 2^-8, in order.
[[gnu::always_inline]] inline void e4m3_to_f32_shifted(__m128i codes, __m256& first, __m256& second) {
  f16_to_f32(with_nans(e4m3_to_f16_shifted(_mm256_slli_epi16(_mm256_cvtepu8_epi16(codes), 8))), first, second);
}

// 16 codes to f32 in order, exact.
[[gnu::always_inline]] inline void e4m3_to_f32(__m128i codes, __m256& first, __m256& second) {
  e4m3_to_f32_shifted(codes, first, second);
  first = _mm256_mul_ps(first, _mm256_set1_ps(256.0f));
  second = _mm256_mul_ps(second, _mm256_set1_ps(256.0f));
}

[[gnu::always_inline]] inline __m256 bf16_to_f32(__m128i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

// Round to nearest even; NaN stays one.
[[gnu::always_inline]] inline __m128i f32_to_bf16(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i quiet = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  const __m256i words = _mm256_blendv_epi8(rounded, quiet, nan);
  return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

[[gnu::always_inline]] inline __m256 floats_of(float x) {
  return _mm256_set1_ps(x);
}

// The values x[index] ... of an activation or weight, any alignment; lanes from `left` on are zero and not read.
[[gnu::always_inline]] inline __m256 load_floats(const void* x, int32_t dtype, int64_t index, int64_t left = kFloats) {
  const int64_t width = dtype == HD_DTYPE_F32 ? 4 : 2;
  const char* source = static_cast<const char*>(x) + index * width;
  alignas(32) char tail[32] = {};
  if (left < kFloats) {
    std::memcpy(tail, source, static_cast<size_t>(left * width));
    source = tail;
  }
  if (dtype == HD_DTYPE_F32) return _mm256_loadu_ps(reinterpret_cast<const float*>(source));
  return bf16_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source)));
}

// Lanes from `left` on are not written.
[[gnu::always_inline]] inline void store_floats(void* y, int32_t dtype, int64_t index, __m256 value,
                                                int64_t left = kFloats) {
  const int64_t width = dtype == HD_DTYPE_F32 ? 4 : 2;
  char* target = static_cast<char*>(y) + index * width;
  alignas(32) char tail[32];
  char* whole = left < kFloats ? tail : target;
  if (dtype == HD_DTYPE_F32) {
    _mm256_storeu_ps(reinterpret_cast<float*>(whole), value);
  } else {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(whole), f32_to_bf16(value));
  }
  if (left < kFloats) std::memcpy(target, tail, static_cast<size_t>(left * width));
}

// 8 codes to f32, exact.
[[gnu::always_inline]] inline __m256 load_e4m3(const uint8_t* codes, int64_t left = kFloats) {
  uint64_t eight = 0;
  std::memcpy(&eight, codes, static_cast<size_t>(left < kFloats ? left : kFloats));
  __m256 first, second;
  e4m3_to_f32(_mm_cvtsi64_si128(static_cast<long long>(eight)), first, second);
  return first;
}

[[gnu::always_inline]] inline __m256 abs_floats(__m256 x) {
  return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

// The larger, b where a is NaN.
[[gnu::always_inline]] inline __m256 larger(__m256 a, __m256 b) {
  return _mm256_max_ps(a, b);
}

[[gnu::always_inline]] inline float largest(__m256 x) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

// Which lanes equal a value, a bit each.
[[gnu::always_inline]] inline uint32_t equal_to(__m256 x, float value) {
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x, floats_of(value), _CMP_EQ_OQ)));
}

// a * b + c in one rounding.
[[gnu::always_inline]] inline __m256 fused(__m256 a, __m256 b, __m256 c) {
  return _mm256_fmadd_ps(a, b, c);
}

// Lanes 0, 0, 1, 1, ... of the lower or the upper half.
template <bool kUpper>
[[gnu::always_inline]] inline __m256 twice(__m256 x) {
  constexpr int k = kUpper ? 4 : 0;
  return _mm256_permutevar8x32_ps(x, _mm256_setr_epi32(k, k, k + 1, k + 1, k + 2, k + 2, k + 3, k + 3));
}

// The lane at distance kWidth: lane i gets lane i ^ kWidth.
template <int kWidth>
[[gnu::always_inline]] inline __m256 across(__m256 x) {
  if constexpr (kWidth == 1) return _mm256_permute_ps(x, 0xb1);
  if constexpr (kWidth == 2) return _mm256_permute_ps(x, 0x4e);
  if constexpr (kWidth == 4) return _mm256_permute2f128_ps(x, x, 1);
}

// x with the sign turned in the lanes whose number has, or lacks, the bit kWidth.
template <int kWidth, bool kHas>
[[gnu::always_inline]] inline __m256 turned(__m256 x) {
  const auto sign = [](int lane) { return ((lane & kWidth) != 0) == kHas ? -0.0f : 0.0f; };
  return _mm256_xor_ps(x, _mm256_setr_ps(sign(0), sign(1), sign(2), sign(3), sign(4), sign(5), sign(6), sign(7)));
}

// Four vectors to one, each 128 bits of which are the sums of the four's: (0 + 2) + (1 + 3).
[[gnu::always_inline]] inline __m256 fold4(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 ab = _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
  const __m256 cd = _mm256_add_ps(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
  return _mm256_add_ps(_mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd))),
                       _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(ab), _mm256_castps_pd(cd))));
}

// The sum of both 128 bits.
[[gnu::always_inline]] inline __m128 sum_parts(__m256 x) {
  return _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
}

// The sum of a vector in the order of these two.
[[gnu::always_inline]] inline float sum(__m256 x) {
  return _mm_cvtss_f32(sum_parts(fold4(x, x, x, x)));
}

// x within [low, high]; a NaN stays one, which the operand order of min and max lets through.
[[gnu::always_inline]] inline __m256 clamp(__m256 x, float low, float high) {
  return _mm256_min_ps(floats_of(high), _mm256_max_ps(floats_of(low), x));
}

// To the nearest integer, ties to even.
[[gnu::always_inline]] inline __m256 nearest(__m256 x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// x * 2^n for integers n from -252 to 254.
[[gnu::always_inline]] inline __m256 times_power(__m256 x, __m256 n) {
  // In two factors, since one reaches from 2^-126 to 2^127.
  const __m256i exponent = _mm256_cvtps_epi32(n);
  const __m256i first = _mm256_srai_epi32(exponent, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const auto power = [&](__m256i e) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, bias), 23)); };
  return _mm256_mul_ps(_mm256_mul_ps(x, power(first)), power(_mm256_sub_epi32(exponent, first)));
}

// to_e4m3 of 8 values, one a 32-bit lane: the same codes.
[[gnu::always_inline]] inline __m256i f32_to_e4m3(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i magnitude = _mm256_and_si256(bits, _mm256_set1_epi32(0x7fffffff));
  const __m256i nan = _mm256_cmpgt_epi32(magnitude, _mm256_set1_epi32(0x7f800000));
  const __m256i clamped = _mm256_min_epi32(magnitude, _mm256_set1_epi32(0x43e00000));  // 448
  // Subnormal codes: adding 2^14 leaves steps of 2^-9 in the mantissa.
  const __m256i small =
      _mm256_sub_epi32(_mm256_castps_si256(_mm256_add_ps(_mm256_castsi256_ps(clamped), _mm256_set1_ps(0x1p14f))),
                       _mm256_set1_epi32(0x46800000));
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(clamped, 20), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(clamped, _mm256_set1_epi32(0x7ffff)), odd);
  __m256i code = _mm256_sub_epi32(_mm256_srli_epi32(rounded, 20), _mm256_set1_epi32(120 << 3));
  code = _mm256_blendv_epi8(code, small, _mm256_cmpgt_epi32(_mm256_set1_epi32(0x3c800000), clamped));  // 2^-6
  code = _mm256_or_si256(code, _mm256_and_si256(_mm256_srli_epi32(bits, 24), _mm256_set1_epi32(0x80)));
  return _mm256_blendv_epi8(code, _mm256_set1_epi32(0x7f), nan);
}

// quantize_block of number.h: the same scale and codes. x is the 128 values of a block.
[[gnu::always_inline]] inline float quantize_floats(const __m256 (&x)[16], uint8_t* q, int32_t scale_format) {
  __m256 most = _mm256_setzero_ps();
  for (int i = 0; i < 16; ++i) most = larger(abs_floats(x[i]), most);
  const float scale = scale_of(largest(most), scale_format);
  const __m256 divisor = _mm256_set1_ps(scale);
  for (int i = 0; i < 16; i += 4) {
    const auto codes = [&](int j) { return f32_to_e4m3(_mm256_div_ps(x[j], divisor)); };
    const __m256i bytes = _mm256_packus_epi16(_mm256_packus_epi32(codes(i), codes(i + 1)),
                                              _mm256_packus_epi32(codes(i + 2), codes(i + 3)));
    // The packs work within 128 bits: put the eight groups of four back in order.
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + 8 * i),
                        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7)));
  }
  return scale;
}

}  // namespace
}  // namespace hadal::cpu
