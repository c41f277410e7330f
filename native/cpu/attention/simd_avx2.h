// What attend.h needs of an instruction set, in AVX2: everything in f32. Included by *_avx2.cpp alone.
#pragma once

#include "cpu/attention/attend.h"
#include "cpu/mla_cache/mla_page.h"
#include "cpu/simd/exp.h"
#include "cpu/simd/transpose_avx2.h"

namespace hadal::cpu {
namespace {

struct Simd {
  static constexpr int kWidth = 8;
  static constexpr int kDepth = 1;
  static constexpr int kSums = 12;         // Registers that hide the latency of dot.
  static constexpr int kChunkUnits = 192;  // Of a query, for 16 rows 12 KiB of the first-level cache.
  static constexpr bool kHasQuads = false;
  static constexpr int kRoundedUnits = 0;  // Keys are exact.
  using Floats = __m256;
  using Units = __m256i;

  static Floats load(const float* x) { return _mm256_load_ps(x); }
  static Units load(const uint32_t* x) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(x)); }
  static void store(float* y, Floats x) { _mm256_storeu_ps(y, x); }
  static void store(uint32_t* y, Units x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), x); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Units all(const uint32_t* x) { return _mm256_set1_epi32(static_cast<int>(*x)); }
  static Floats add(Floats x, Floats y) { return _mm256_add_ps(x, y); }
  static Floats sub(Floats x, Floats y) { return _mm256_sub_ps(x, y); }
  static Floats mul(Floats x, Floats y) { return _mm256_mul_ps(x, y); }
  static Floats fma(Floats x, Floats y, Floats z) { return _mm256_fmadd_ps(x, y, z); }
  static Floats max(Floats x, Floats y) { return _mm256_max_ps(x, y); }  // y where one is NaN.
  static Floats exp(Floats x) { return exp_f32(x); }
  static Floats dot(Floats sum, Units x, Units y) {
    return _mm256_fmadd_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(y), sum);
  }
  static Units both(Units x, Units y) { return _mm256_and_si256(x, y); }
  static Units bits(Floats x) { return _mm256_castps_si256(x); }

  // x where the lane's bit is set.
  static Floats only(uint32_t lanes, Floats x, float otherwise) {
    return _mm256_blendv_ps(all(otherwise), x, _mm256_castsi256_ps(ones(lanes)));
  }
  // Ones if the token's word has the bit of a row.
  static Units seen(const uint32_t* words, int row) { return _mm256_set1_epi32((words[0] >> row & 1u) != 0 ? -1 : 0); }
  // What to subtract before exp: x, or 0 where x is -inf.
  static Floats finite_base(Floats x) {
    return _mm256_andnot_ps(_mm256_cmp_ps(x, all(-std::numeric_limits<float>::infinity()), _CMP_EQ_OQ), x);
  }
  static Floats inverse_or_zero(Floats x) {
    return _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_NEQ_UQ), _mm256_div_ps(all(1.0f), x));
  }

  static Units to_units(const Floats (&x)[1]) {
    return _mm256_slli_epi32(_mm256_cvtepu16_epi32(f32_to_bf16(x[0])), 16);
  }
  static Units from_bf16(const bf16* x) { return bits(to_f32(x)); }
  // 16 dims of a token, in order.
  static void values(const uint32_t* token, int64_t, Units (&y)[2]) {
    y[0] = load(token);
    y[1] = load(token + 8);
  }
  static void store_sums(bf16* y, Floats first, Floats second) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), f32_to_bf16(first));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 8), f32_to_bf16(second));
  }
  static void transpose(Units (&x)[8]) {
    __m256 square[8];
    for (int i = 0; i < 8; ++i) square[i] = _mm256_castsi256_ps(x[i]);
    cpu::transpose(square);
    for (int i = 0; i < 8; ++i) x[i] = bits(square[i]);
  }

  // Whether any of the values that it was shown is infinite or NaN.
  class NotFinite {
   public:
    void look_at(Units x) {
      const __m256i exponent = _mm256_set1_epi32(0x7f800000);
      found_ = _mm256_or_si256(found_, _mm256_cmpeq_epi32(_mm256_and_si256(x, exponent), exponent));
    }
    bool found() const { return _mm256_testz_si256(found_, found_) == 0; }

   private:
    __m256i found_ = _mm256_setzero_si256();
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
        __m256 x[2];
        if (is_fp8(format)) {
          float scale;
          std::memcpy(&scale, from + HD_LATENT_DIM + dim / HD_SCALE_BLOCK * 4, 4);
          e4m3_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + dim)), x[0], x[1]);
          for (__m256& value : x) value = _mm256_mul_ps(value, all(scale));
        } else {
          for (int i = 0; i < 2; ++i) x[i] = to_f32(reinterpret_cast<const bf16*>(from) + dim + 8 * i);
        }
        for (int i = 0; i < 2; ++i) store(key + dim + 8 * i, x[i]);
      }
      const auto* rope = reinterpret_cast<const bf16*>(from + bytes) - HD_ROPE_DIM;
      for (int i = 0; i < HD_ROPE_DIM; i += 8) store(key + HD_LATENT_DIM + i, to_f32(rope + i));
    }
  }

 private:
  static __m256i ones(uint32_t lanes) {
    const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(static_cast<int>(lanes)), bit), bit);
  }
  static __m256 to_f32(const bf16* x) { return bf16_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))); }
};

}  // namespace
}  // namespace hadal::cpu
