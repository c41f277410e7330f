// The indexer's score of a query against 64 keys, a key a lane: its bits depend on the query and the key alone.
// Included by *_avx2.cpp alone.
#pragma once

#include "cpu/indexer_logits/page.h"
#include "cpu/simd/avx2.h"

namespace hadal::cpu {
namespace {

struct IndexScore {
  static constexpr bool kExpandsNext = false;  // The keys of one page nearly fill the first-level cache.
  static constexpr int kKeys = HD_PAGE_TOKENS;
  static constexpr int kLanes = 16;  // Keys that are scored at a time.

  // Keys times 2^-8 and queries times 2^8, both exact, so that the keys' conversion needs no product.
  struct alignas(64) Keys {
    float of[kKeys / kLanes][HD_INDEX_DIM][kLanes];
  };
  struct alignas(64) Head {
    float dim[HD_INDEX_DIM];
  };

  static void expand_query(const uint8_t* codes, int heads, Head* q) {
    for (int h = 0; h < heads; ++h) {
      for (int i = 0; i < HD_INDEX_DIM; i += 16) {
        __m256 first, second;
        e4m3_to_f32_shifted(load16(codes + h * HD_INDEX_DIM + i), first, second);
        _mm256_store_ps(q[h].dim + i, _mm256_mul_ps(first, _mm256_set1_ps(0x1p16f)));
        _mm256_store_ps(q[h].dim + i + 8, _mm256_mul_ps(second, _mm256_set1_ps(0x1p16f)));
      }
    }
  }

  // codes: [64, 128] e4m3. Turned as bytes, a quarter of what would have to be turned as f32.
  static void expand_keys(const uint8_t* codes, Keys& keys) {
    const __m256i zero = _mm256_setzero_si256();
    for (int key = 0; key < kKeys; key += kLanes) {
      for (int dim = 0; dim < HD_INDEX_DIM; dim += 16) {
        __m256i x[8];  // Keys j and, in the upper half, j + 8.
        for (int j = 0; j < 8; ++j) {
          const uint8_t* from = codes + (key + j) * HD_INDEX_DIM + dim;
          x[j] = _mm256_inserti128_si256(_mm256_castsi128_si256(load16(from)), load16(from + 8 * HD_INDEX_DIM), 1);
        }
        turn(x);
        for (int j = 0; j < 8; ++j) {
          store_dim(_mm256_unpacklo_epi8(zero, x[j]), keys.of[key / kLanes][dim + 2 * j]);
          store_dim(_mm256_unpackhi_epi8(zero, x[j]), keys.of[key / kLanes][dim + 2 * j + 1]);
        }
      }
    }
  }

  // y[s] = scales[s] * sum over heads, ascending, of weights[h] * relu(q[h] . k[s]); y is aligned to 64 bytes.
  static void score(const Head* q, const float* weights, int heads, const Keys& keys, const float* scales, float* y,
                    const NextPage<Keys>& next) {
    for (int key = 0; key < kKeys; key += kLanes) {
      prefetch_share(next.ahead, key, key + kLanes, kKeys);
      const auto& lanes = keys.of[key / kLanes];
      for (int v = 0; v < kLanes; v += 8) _mm256_store_ps(y + key + v, _mm256_setzero_ps());
      int h = 0;
      for (; h + 6 <= heads; h += 6) add_heads<6>(q + h, weights + h, lanes, y + key);
      for (; h + 4 <= heads; h += 4) add_heads<4>(q + h, weights + h, lanes, y + key);
      for (; h < heads; ++h) add_heads<1>(q + h, weights + h, lanes, y + key);
      for (int v = 0; v < kLanes; v += 8) {
        _mm256_store_ps(y + key + v, _mm256_mul_ps(_mm256_loadu_ps(scales + key + v), _mm256_load_ps(y + key + v)));
      }
    }
  }

 private:
  static __m128i load16(const uint8_t* codes) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes)); }

  // Each half from 8 rows of 16 bytes to 16 rows of 8, two a register.
  [[gnu::always_inline]] static void turn(__m256i (&x)[8]) {
    for (int stage = 0; stage < 3; ++stage) {
      __m256i y[8];
      for (int j = 0; j < 4; ++j) {
        y[2 * j] = _mm256_unpacklo_epi8(x[j], x[j + 4]);
        y[2 * j + 1] = _mm256_unpackhi_epi8(x[j], x[j + 4]);
      }
      for (int j = 0; j < 8; ++j) x[j] = y[j];
    }
  }

  // 16 codes, each the upper byte of a word, times 2^-8.
  [[gnu::always_inline]] static void store_dim(__m256i high, float* y) {
    __m256 first, second;
    f16_to_f32(with_nans(e4m3_to_f16_shifted(high)), first, second);
    _mm256_store_ps(y, first);
    _mm256_store_ps(y + 8, second);
  }

  // sum: [16]. Kept out of line: what is around it would take the registers that its sums need.
  template <int Heads>
  [[gnu::noinline]] static void add_heads(const Head* q, const float* weights,
                                          const float (&keys)[HD_INDEX_DIM][kLanes], float* sum) {
    __m256 dot[Heads][2] = {};
#pragma GCC unroll 4
    for (int i = 0; i < HD_INDEX_DIM; ++i) {
      const __m256 k[2] = {_mm256_load_ps(keys[i]), _mm256_load_ps(keys[i] + 8)};
#pragma GCC unroll 6
      for (int h = 0; h < Heads; ++h) {
        const __m256 value = _mm256_set1_ps(q[h].dim[i]);
        for (int v = 0; v < 2; ++v) dot[h][v] = _mm256_fmadd_ps(k[v], value, dot[h][v]);
      }
    }
    for (int v = 0; v < 2; ++v) {
      __m256 total = _mm256_load_ps(sum + 8 * v);
      for (int h = 0; h < Heads; ++h) {
        // A NaN in the second operand comes through.
        total = _mm256_fmadd_ps(_mm256_set1_ps(weights[h]), _mm256_max_ps(_mm256_setzero_ps(), dot[h][v]), total);
      }
      _mm256_store_ps(sum + 8 * v, total);
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
