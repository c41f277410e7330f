// e4m3 codes as binary16, for AVX-512 without BF16. Included by *_avx512f.cpp alone.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace hadal::cpu {
namespace {

// A register of codes gives two of halves, those of the codes at even and at odd places. Shifted to the place of a
// binary16, an e4m3 code is its value times 2^-8, subnormals too; but NaN becomes 480 * 2^-8.
struct E4m3Halves {
  using Codes = __m512i;
  static constexpr int64_t kCodes = 64;

  [[gnu::always_inline]] static Codes load(const std::byte* from) { return _mm512_loadu_si512(from); }

  [[gnu::always_inline]] static __m512i halves(Codes codes, bool odd) {
    const __m512i high = odd ? codes : _mm512_slli_epi16(codes, 8);
    return _mm512_and_si512(_mm512_srai_epi16(high, 1), _mm512_set1_epi16(static_cast<short>(0xbf80)));
  }

  // NaN where the code is.
  [[gnu::always_inline]] static __m512i with_nans(__m512i halves) {
    const __m512i negative = _mm512_or_si512(halves, _mm512_set1_epi16(static_cast<short>(0x8000)));
    const __mmask32 nan = _mm512_cmpeq_epi16_mask(negative, _mm512_set1_epi16(static_cast<short>(0xbf80)));
    return _mm512_mask_mov_epi16(halves, nan, _mm512_set1_epi16(-1));
  }

  [[gnu::always_inline]] static void widen(__m512i halves, __m512& first, __m512& second) {
    first = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
    second = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
  }

  // The codes of both that are larger, without their signs.
  [[gnu::always_inline]] static Codes larger(Codes a, Codes b) {
    return _mm512_max_epu8(a, _mm512_or_si512(b, _mm512_set1_epi8(static_cast<char>(0x80))));
  }

  [[gnu::always_inline]] static bool has_nan(Codes largest) {
    return _mm512_cmpeq_epi8_mask(largest, _mm512_set1_epi8(static_cast<char>(0xff))) != 0;
  }
};

}  // namespace
}  // namespace hadal::cpu
