// What attend.h needs of an instruction set, in AVX-512: pairs of bf16, exact products summed in f32. Included by
// *_avx512.cpp alone.
#pragma once

#include "cpu/mla_cache/mla_page.h"
#include "cpu/simd/avx512.h"
#include "cpu/simd/transpose_avx512.h"
#include "cpu/sparse_mla/attend.h"

namespace hadal::cpu {
namespace {

struct Simd {
  static constexpr int kWidth = 16;
  static constexpr int kDepth = 2;
  static constexpr int kSums = 16;                         // Registers that hide the latency of dot.
  static constexpr int kRoundedUnits = HD_LATENT_DIM / 2;  // A latent times a scale that is no power of two.
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
  static Floats dot(Floats sum, Units x, Units y) { return dot_bf16(sum, x, y); }
  static Units both(Units x, Units y) { return _mm512_and_si512(x, y); }

  // x where the lane's bit is set.
  static Floats only(uint32_t lanes, Floats x, float otherwise) {
    return _mm512_mask_mov_ps(all(otherwise), static_cast<__mmask16>(lanes), x);
  }
  // Ones for each token of a unit whose word has the bit of a row.
  static Units seen(const uint32_t* words, int row) {
    const uint32_t low = (words[0] >> row & 1u) != 0 ? 0xffffu : 0u;
    const uint32_t high = (words[1] >> row & 1u) != 0 ? 0xffff0000u : 0u;
    return _mm512_set1_epi32(static_cast<int>(low | high));
  }
  // What to subtract before exp: x, or 0 where x is -inf.
  static Floats finite_base(Floats x) {
    const __mmask16 none = _mm512_cmp_ps_mask(x, all(-std::numeric_limits<float>::infinity()), _CMP_EQ_OQ);
    return _mm512_mask_mov_ps(x, none, _mm512_setzero_ps());
  }
  static Floats inverse_or_zero(Floats x) {
    return _mm512_maskz_div_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_NEQ_UQ), all(1.0f), x);
  }

  static Units to_units(const Floats (&x)[2]) {
    const __m512i words = as_bits(_mm512_cvtne2ps_pbh(x[1], x[0]));
    return _mm512_permutexvar_epi16(pairs(16), words);
  }
  static Units from_bf16(const bf16* x) { return _mm512_loadu_si512(x); }
  // 32 dims of two tokens as pairs: dims 0-3, 8-11, 16-19, 24-27 in the first, the others in the second.
  static void values(const uint32_t* even, int64_t stride, Units (&y)[2]) {
    const __m512i x = load(even);
    const __m512i odd = load(even + stride);
    y[0] = _mm512_unpacklo_epi16(x, odd);
    y[1] = _mm512_unpackhi_epi16(x, odd);
  }
  // Two vectors in the order of values as 32 bf16.
  static void store_sums(bf16* y, Floats first, Floats second) {
    const __m512i words = as_bits(_mm512_cvtne2ps_pbh(second, first));
    _mm512_storeu_si512(y, _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), words));
  }
  static void transpose(Units (&x)[16]) { cpu::transpose(x); }

  // The choice of words i and i + apart in turn.
  static __m512i pairs(int apart) {
    const __m512i word = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_or_si512(word, _mm512_slli_epi32(_mm512_add_epi32(word, _mm512_set1_epi32(apart)), 16));
  }

  // The tables of value * 2^exponent for the powers met last: a handful serves a whole cache.
  class Tables {
   public:
    void clear() {
      // A scale whose place is elsewhere.
      for (uint32_t i = 0; i < kPlaces; ++i) scale_[i] = (i + 1) % kPlaces << 23;
    }

    const E4m3Table& of(float scale) {
      const uint32_t bits = std::bit_cast<uint32_t>(scale);
      const uint32_t place = bits >> 23 & (kPlaces - 1);
      if (scale_[place] != bits) {
        scale_[place] = bits;
        fill(table_[place], scale);
      }
      return table_[place];
    }

   private:
    static constexpr uint32_t kPlaces = 32;

    static void fill(E4m3Table& table, float scale) {
      for (int i = 0; i < 128; i += 16) {
        const auto bytes = [&](const uint8_t* x) {
          return _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(x + i)));
        };
        const __m512i value = _mm512_or_si512(_mm512_slli_epi32(bytes(kE4m3Table.high), 24),
                                              _mm512_slli_epi32(bytes(kE4m3Table.low), 16));
        const __m256i words = f32_to_bf16(_mm512_mul_ps(_mm512_castsi512_ps(value), _mm512_set1_ps(scale)));
        _mm_store_si128(reinterpret_cast<__m128i*>(table.low + i), _mm256_cvtepi16_epi8(words));
        _mm_store_si128(reinterpret_cast<__m128i*>(table.high + i), _mm256_cvtepi16_epi8(_mm256_srli_epi16(words, 8)));
      }
    }

    uint32_t scale_[kPlaces];
    E4m3Table table_[kPlaces];
  };

  // Tokens of the MLA cache into a block. A latent is exact in bf16 where its scale is a power of two; where one is
  // not, the block keeps the rest of the keys too, because a softmax magnifies an error of its scores.
  static void expand(const std::byte* cache, int32_t format, const int64_t* slots, int count, TokenBlock<Simd>& block,
                     Tables& tables) {
    const int64_t bytes = token_bytes(format);
    block.has_rest = false;
    for (int token = 0; is_fp8(format) && token < count && !block.has_rest; ++token) {
      block.has_rest = is_rounded(cache + slots[token] * bytes);
    }
    for (int token = 0; token < count; ++token) {
      const std::byte* from = cache + slots[token] * bytes;
      uint32_t* key = block.keys + token * TokenBlock<Simd>::kKeyStride;
      uint32_t* rest = block.has_rest ? block.rest + token * TokenBlock<Simd>::kKeyStride : nullptr;
      for (int dim = 0; dim < HD_LATENT_DIM; dim += HD_SCALE_BLOCK) {
        __m512i x[4];
        read_latent(from, format, dim, x, rest == nullptr ? nullptr : rest + dim / 2, tables);
        for (int i = 0; i < 4; ++i) store(key + dim / 2 + 16 * i, x[i]);
      }
      const std::byte* rope = from + bytes - 2 * HD_ROPE_DIM;
      for (int i = 0; i < 2; ++i) store(key + HD_LATENT_DIM / 2 + 16 * i, _mm512_loadu_si512(rope + 64 * i));
    }
    // The last token's partner, which has no weight.
    if (count % 2 != 0) std::fill_n(block.keys + count * TokenBlock<Simd>::kKeyStride, HD_LATENT_DIM / 2, 0u);
  }

 private:
  static float scale_of_block(const std::byte* token, int dim) {
    float scale;
    std::memcpy(&scale, token + HD_LATENT_DIM + dim / HD_SCALE_BLOCK * 4, 4);
    return scale;
  }

  // Whether a scale of an FP8 token is no power of two.
  static bool is_rounded(const std::byte* token) {
    const __m128i scales = _mm_loadu_si128(reinterpret_cast<const __m128i*>(token + HD_LATENT_DIM));
    return _mm_testz_si128(scales, _mm_set1_epi32(0x7fffff)) == 0;
  }

  // A block of 128 dims from `dim` on as bf16, and what rounding to it took where `rest` is not null.
  static void read_latent(const std::byte* token, int32_t format, int dim, __m512i (&y)[4], uint32_t* rest,
                          Tables& tables) {
    if (!is_fp8(format)) {
      for (int i = 0; i < 4; ++i) y[i] = _mm512_loadu_si512(token + 2 * dim + 64 * i);
      return;
    }
    const float scale = scale_of_block(token, dim);
    const E4m3ToBf16 to_bf16(rest == nullptr ? tables.of(scale) : kE4m3Table);
    for (int i = 0; i < 4; i += 2) to_bf16.in_order(_mm512_loadu_si512(token + dim + 32 * i), y[i], y[i + 1]);
    if (rest == nullptr) return;
    for (int i = 0; i < 4; ++i) {
      __m256i value[2], left[2];
      for (int j = 0; j < 2; ++j) {
        const __m256i half = j == 0 ? _mm512_castsi512_si256(y[i]) : _mm512_extracti64x4_epi64(y[i], 1);
        const __m512 exact = _mm512_mul_ps(bf16_to_f32(half), _mm512_set1_ps(scale));
        value[j] = f32_to_bf16(exact);
        left[j] = f32_to_bf16(_mm512_sub_ps(exact, bf16_to_f32(value[j])));
      }
      y[i] = _mm512_inserti64x4(_mm512_castsi256_si512(value[0]), value[1], 1);
      store(rest + 16 * i, _mm512_inserti64x4(_mm512_castsi256_si512(left[0]), left[1], 1));
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
