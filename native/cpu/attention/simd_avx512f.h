// What attend.h needs of an instruction set, in AVX-512 without BF16: everything in f32. Included by *_avx512f.cpp
// alone.
#pragma once

#include "cpu/attention/attend.h"
#include "cpu/mla_cache/mla_page.h"
#include "cpu/simd/exp.h"
#include "cpu/simd/transpose_avx512.h"

namespace hadal::cpu {
namespace {

struct Simd {
  static constexpr int kWidth = 16;
  static constexpr int kDepth = 1;
  static constexpr int kSums = 16;  // Registers that hide the latency of dot.
  static constexpr bool kHasQuads = false;
  static constexpr int kRoundedUnits = 0;  // Keys are exact.
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
  static Floats dot(Floats sum, Units x, Units y) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(y), sum);
  }
  static Units both(Units x, Units y) { return _mm512_and_si512(x, y); }

  // x where the lane's bit is set.
  static Floats only(uint32_t lanes, Floats x, float otherwise) {
    return _mm512_mask_mov_ps(all(otherwise), static_cast<__mmask16>(lanes), x);
  }
  // Ones if the token's word has the bit of a row.
  static Units seen(const uint32_t* words, int row) { return _mm512_set1_epi32((words[0] >> row & 1u) != 0 ? -1 : 0); }
  // What to subtract before exp: x, or 0 where x is -inf.
  static Floats finite_base(Floats x) {
    const __mmask16 none = _mm512_cmp_ps_mask(x, all(-std::numeric_limits<float>::infinity()), _CMP_EQ_OQ);
    return _mm512_mask_mov_ps(x, none, _mm512_setzero_ps());
  }
  static Floats inverse_or_zero(Floats x) {
    return _mm512_maskz_div_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ), all(1.0f), x);
  }

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
  static void transpose(Units (&x)[16]) { cpu::transpose(x); }

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
