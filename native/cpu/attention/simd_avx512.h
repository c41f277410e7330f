// What attend.h needs of an instruction set, in AVX-512: pairs of bf16, exact products summed in f32. Included by
// *_avx512.cpp alone.
#pragma once

#include "cpu/attention/simd_avx512_base.h"
#include "cpu/mla_cache/mla_page.h"

namespace hadal::cpu {
namespace {

struct Simd : SimdAvx512 {
  static constexpr int kDepth = 2;
  static constexpr int kChunkUnits = HD_MLA_DIM / kDepth;  // The whole query.
  static constexpr int kRoundedUnits = HD_LATENT_DIM / 2;  // A latent times a scale that is no power of two.

  static Floats dot(Floats sum, Units x, Units y) { return dot_bf16(sum, x, y); }

  // Ones for each token of a unit whose word has the bit of a row.
  static Units seen(const uint32_t* words, int row) {
    const uint32_t low = (words[0] >> row & 1u) != 0 ? 0xffffu : 0u;
    const uint32_t high = (words[1] >> row & 1u) != 0 ? 0xffff0000u : 0u;
    return _mm512_set1_epi32(static_cast<int>(low | high));
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
  // Rows as quads, four units of a row side by side: for every four units four vectors, of which vector i has rows i,
  // 4 + i, 8 + i and 12 + i. q: [rows, 2 * units] with q_stride; units a multiple of 16.
  static constexpr bool kHasQuads = true;
  static void quads(const bf16* q, int64_t q_stride, int rows, int units, uint32_t* y) {
    for (int unit = 0; unit < units; unit += 16) {
      for (int i = 0; i < 4; ++i) {
        Units x[4];
        for (int j = 0; j < 4; ++j) {
          const int row = 4 * j + i;
          x[j] = row < rows ? from_bf16(q + row * q_stride + 2 * unit) : Units{};
        }
        const Units low01 = _mm512_shuffle_i32x4(x[0], x[1], 0x44), high01 = _mm512_shuffle_i32x4(x[0], x[1], 0xee);
        const Units low23 = _mm512_shuffle_i32x4(x[2], x[3], 0x44), high23 = _mm512_shuffle_i32x4(x[2], x[3], 0xee);
        uint32_t* to = y + (unit + i) * 16;
        store(to, _mm512_shuffle_i32x4(low01, low23, 0x88));
        store(to + 64, _mm512_shuffle_i32x4(low01, low23, 0xdd));
        store(to + 128, _mm512_shuffle_i32x4(high01, high23, 0x88));
        store(to + 192, _mm512_shuffle_i32x4(high01, high23, 0xdd));
      }
    }
  }
  static Units all_quads(const uint32_t* x) {
    return _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i*>(x)));
  }
  // The sum of every row's quad, rows in order.
  static Floats sum_quads(const Floats (&x)[4]) { return fold4(x[0], x[1], x[2], x[3]); }

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

    // scale: the bits of a power of two.
    [[gnu::always_inline]] const E4m3Table& of(uint32_t scale) {
      const uint32_t place = scale >> 23 & (kPlaces - 1);
      if (scale_[place] != scale) [[unlikely]]
        fill(place, scale);
      return table_[place];
    }

   private:
    static constexpr uint32_t kPlaces = 32;

    [[gnu::noinline]] void fill(uint32_t place, uint32_t scale_bits) {
      scale_[place] = scale_bits;
      E4m3Table& table = table_[place];
      const float scale = std::bit_cast<float>(scale_bits);
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

  // Tokens [first, end) of a block from the MLA cache, after those before. A latent is exact in bf16 where its scale is
  // a power of two; where one is not, the block keeps the rest of the keys too, because a softmax magnifies an error of
  // its scores.
  static void expand(const std::byte* cache, int32_t format, const int64_t* slots, int first, int end,
                     TokenBlock<Simd>& block, Tables& tables) {
    const int64_t bytes = token_bytes(format);
    bool rounded = block.has_rest;
    for (int token = first; is_fp8(format) && token < end && !rounded; ++token) {
      rounded = is_rounded(cache + slots[token] * bytes);
    }
    if (rounded && !block.has_rest) {
      block.has_rest = true;
      for (int token = 0; token < first; ++token) {
        std::fill_n(block.rest + token * TokenBlock<Simd>::kKeyStride, kRoundedUnits, 0u);
      }
    }
    for (int token = first; token < end; ++token) {
      const std::byte* from = cache + slots[token] * bytes;
      uint32_t* key = block.keys + token * TokenBlock<Simd>::kKeyStride;
      if (!is_fp8(format)) {
        for (int i = 0; i < HD_LATENT_DIM / 32; ++i) store(key + 16 * i, _mm512_loadu_si512(from + 64 * i));
      } else if (block.has_rest) {
        read_rounded(from, key, block.rest + token * TokenBlock<Simd>::kKeyStride);
      } else {
        for (int part = 0; part < 4; ++part) expand_part(from, part, key, tables);
        continue;
      }
      const std::byte* rope = from + bytes - 2 * HD_ROPE_DIM;
      for (int i = 0; i < 2; ++i) store(key + HD_LATENT_DIM / 2 + 16 * i, _mm512_loadu_si512(rope + 64 * i));
    }
    // The last token's partner, which has no weight.
    if (end % 2 != 0) std::fill_n(block.keys + end * TokenBlock<Simd>::kKeyStride, HD_LATENT_DIM / 2, 0u);
  }

  // 128 dims of the latent of an FP8 token whose scales are powers of two, and a quarter of its rope.
  [[gnu::always_inline]] static void expand_part(const std::byte* token, int part, uint32_t* key, Tables& tables) {
    const int dim = part * HD_SCALE_BLOCK;
    const E4m3ToBf16 to_bf16(tables.of(scale_of_block(token, dim)));
    for (int i = dim; i < dim + HD_SCALE_BLOCK; i += 64) {
      __m512i first, second;
      to_bf16.in_order(_mm512_loadu_si512(token + i), first, second);
      store(key + i / 2, first);
      store(key + i / 2 + 16, second);
    }
    const auto* rope = token + token_bytes(HD_MLA_FP8) - 2 * HD_ROPE_DIM;
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(key + HD_LATENT_DIM / 2) + part,
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rope) + part));
  }

  // Whether a scale of an FP8 token is no power of two.
  static bool is_rounded(const std::byte* token) {
    const __m128i scales = _mm_loadu_si128(reinterpret_cast<const __m128i*>(token + HD_LATENT_DIM));
    return _mm_testz_si128(scales, _mm_set1_epi32(0x7fffff)) == 0;
  }

 private:
  static uint32_t scale_of_block(const std::byte* token, int dim) {
    uint32_t scale;
    std::memcpy(&scale, token + HD_LATENT_DIM + dim / HD_SCALE_BLOCK * 4, 4);
    return scale;
  }

  // The latent of an FP8 token with any scales, and what rounding to bf16 took.
  static void read_rounded(const std::byte* token, uint32_t* key, uint32_t* rest) {
    const E4m3ToBf16 to_bf16;
    for (int dim = 0; dim < HD_LATENT_DIM; dim += 64) {
      const __m512 scale = all(std::bit_cast<float>(scale_of_block(token, dim)));
      __m512i y[2];
      to_bf16.in_order(_mm512_loadu_si512(token + dim), y[0], y[1]);
      for (int i = 0; i < 2; ++i) {
        __m256i value[2], left[2];
        for (int j = 0; j < 2; ++j) {
          const __m256i half = j == 0 ? _mm512_castsi512_si256(y[i]) : _mm512_extracti64x4_epi64(y[i], 1);
          const __m512 exact = _mm512_mul_ps(bf16_to_f32(half), scale);
          value[j] = f32_to_bf16(exact);
          left[j] = f32_to_bf16(_mm512_sub_ps(exact, bf16_to_f32(value[j])));
        }
        store(key + dim / 2 + 16 * i, _mm512_inserti64x4(_mm512_castsi256_si512(value[0]), value[1], 1));
        store(rest + dim / 2 + 16 * i, _mm512_inserti64x4(_mm512_castsi256_si512(left[0]), left[1], 1));
      }
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
