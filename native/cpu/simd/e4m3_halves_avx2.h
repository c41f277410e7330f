// e4m3 codes as binary16, for AVX2 with F16C. Included by *_avx2.cpp alone.
#pragma once

#include <cstddef>

#include "cpu/simd/avx2.h"

namespace hadal::cpu {
namespace {

// A register of codes gives two of halves times 2^-8, those of the codes at even and at odd places.
struct E4m3Halves {
  using Codes = __m256i;
  static constexpr int64_t kCodes = 32;

  [[gnu::always_inline]] static Codes load(const std::byte* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }

  [[gnu::always_inline]] static __m256i halves(Codes codes, bool odd) {
    return e4m3_to_f16_shifted(odd ? codes : _mm256_slli_epi16(codes, 8));
  }
  // NaN where the code is.
  [[gnu::always_inline]] static __m256i with_nans(__m256i halves) { return hadal::cpu::with_nans(halves); }
  [[gnu::always_inline]] static void widen(__m256i halves, __m256& first, __m256& second) {
    f16_to_f32(halves, first, second);
  }

  // The codes of both that are larger, without their signs.
  [[gnu::always_inline]] static Codes larger(Codes a, Codes b) {
    return _mm256_max_epu8(a, _mm256_or_si256(b, _mm256_set1_epi8(static_cast<char>(0x80))));
  }

  [[gnu::always_inline]] static bool has_nan(Codes largest) {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(largest, _mm256_set1_epi8(static_cast<char>(0xff)))) != 0;
  }
};

}  // namespace
}  // namespace hadal::cpu
