// What attend.h needs of an instruction set, in AVX-512 without BF16: everything in f32. Included by *_avx512f.cpp
// alone.
#pragma once

#include "cpu/attention/simd_avx512_base.h"
#include "cpu/mla_cache/mla_page.h"

namespace hadal::cpu {
namespace {

struct Simd : SimdAvx512 {
  static constexpr int kDepth = 1;
  static constexpr int kChunkUnits = HD_MLA_DIM;  // The whole query.
  static constexpr bool kHasQuads = false;
  static constexpr int kRoundedUnits = 0;  // Keys are exact.

  static Floats dot(Floats sum, Units x, Units y) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(y), sum);
  }

  // Ones if the token's word has the bit of a row.
  static Units seen(const uint32_t* words, int row) { return _mm512_set1_epi32((words[0] >> row & 1u) != 0 ? -1 : 0); }
  static Units to_units(const Floats (&x)[1]) {
    return _mm512_slli_epi32(_mm512_cvtepu16_epi32(f32_to_bf16(x[0])), 16);
  }
  static Units from_bf16(const bf16* x) { return _mm512_castps_si512(to_f32(x)); }
  // 32 dims of a token, in order.
  static void values(const uint32_t* token, int64_t, Units (&y)[2]) {
    y[0] = load(token);
    y[1] = load(token + 16);
  }
  static void store_sums(bf16* y, Floats first, Floats second) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), f32_to_bf16(first));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + 16), f32_to_bf16(second));
  }

  // Whether any of the values that it was shown is infinite or NaN.
  class NotFinite {
   public:
    void look_at(Units x) {
      const __m512i exponent = _mm512_set1_epi32(0x7f800000);
      found_ |= _mm512_cmpge_epu32_mask(_mm512_and_si512(x, exponent), exponent);
    }
    bool found() const { return found_ != 0; }

   private:
    __mmask16 found_ = 0;
  };

  // Nothing to keep from token to token.
  struct Tables {
    void clear() {}
  };

  // Tokens [first, end) of a block from the MLA cache.
  static void expand(const std::byte* cache, int32_t format, const int64_t* slots, int first, int end,
                     TokenBlock<Simd>& block, Tables&) {
    const int64_t bytes = token_bytes(format);
    for (int token = first; token < end; ++token) {
      const std::byte* from = cache + slots[token] * bytes;
      auto* key = reinterpret_cast<float*>(block.keys + token * TokenBlock<Simd>::kKeyStride);
      for (int dim = 0; dim < HD_LATENT_DIM; dim += 16) {
        if (is_fp8(format)) {
          float scale;
          std::memcpy(&scale, from + HD_LATENT_DIM + dim / HD_SCALE_BLOCK * 4, 4);
          store(key + dim, mul(e4m3_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + dim))), all(scale)));
        } else {
          store(key + dim, to_f32(reinterpret_cast<const bf16*>(from) + dim));
        }
      }
      const auto* rope = reinterpret_cast<const bf16*>(from + bytes) - HD_ROPE_DIM;
      for (int i = 0; i < HD_ROPE_DIM; i += 16) store(key + HD_LATENT_DIM + i, to_f32(rope + i));
    }
  }

 private:
  static __m512 to_f32(const bf16* x) { return bf16_to_f32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))); }
};

}  // namespace
}  // namespace hadal::cpu
