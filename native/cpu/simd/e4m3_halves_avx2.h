// e4m3 codes as binary16, for AVX2 with F16C. Included by *_avx2.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace hadal::cpu {
namespace {

// A register of codes gives two of halves, those of the codes at even and at odd places. Shifted to the place of a
// binary16, an e4m3 code is its value times 2^-8, subnormals too; but NaN becomes 480 * 2^-8.
struct E4m3Halves {
  using Codes = __m256i;
  static constexpr int64_t kCodes = 32;

  [[gnu::always_inline]] static Codes load(const std::byte* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }

  [[gnu::always_inline]] static __m256i halves(Codes codes, bool odd) {
    const __m256i high = odd ? codes : _mm256_slli_epi16(codes, 8);
    return _mm256_and_si256(_mm256_srai_epi16(high, 1), _mm256_set1_epi16(static_cast<short>(0xbf80)));
  }

  // NaN where the code is.
  [[gnu::always_inline]] static __m256i with_nans(__m256i halves) {
    const __m256i negative = _mm256_or_si256(halves, _mm256_set1_epi16(static_cast<short>(0x8000)));
    // All bits set are a NaN too.
    return _mm256_or_si256(halves, _mm256_cmpeq_epi16(negative, _mm256_set1_epi16(static_cast<short>(0xbf80))));
  }

  [[gnu::always_inline]] static void widen(__m256i halves, __m256& first, __m256& second) {
    first = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
    second = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
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
