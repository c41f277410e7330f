// The indexer's score of a query against 64 keys, a key a lane: its bits depend on the query and the key alone.
// Included by *_avx2.cpp alone.
#pragma once

#include "cpu/indexer_logits/page.h"
#include "cpu/simd/avx2.h"
#include "cpu/simd/transpose_avx2.h"

namespace hadal::cpu {
namespace {

struct IndexScore {
  static constexpr bool kExpandsNext = false;  // The keys of one page nearly fill the first-level cache.
  static constexpr int kKeys = HD_PAGE_TOKENS;

  struct alignas(64) Keys {
    float dim[HD_INDEX_DIM][kKeys];
  };
  struct alignas(64) Head {
    float dim[HD_INDEX_DIM];
  };

  static void expand_query(const uint8_t* codes, int heads, Head* q) {
    for (int h = 0; h < heads; ++h) {
      for (int i = 0; i < HD_INDEX_DIM; i += 16) {
        __m256 first, second;
        e4m3_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + h * HD_INDEX_DIM + i)), first, second);
        _mm256_store_ps(q[h].dim + i, first);
        _mm256_store_ps(q[h].dim + i + 8, second);
      }
    }
  }

  // codes: [64, 128] e4m3.
  static void expand_keys(const uint8_t* codes, Keys& keys) {
    for (int key = 0; key < kKeys; key += 8) {
      for (int dim = 0; dim < HD_INDEX_DIM; dim += 16) {
        __m256 first[8], second[8];
        for (int j = 0; j < 8; ++j) {
          const uint8_t* from = codes + (key + j) * HD_INDEX_DIM + dim;
          e4m3_to_f32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)), first[j], second[j]);
        }
        transpose(first);
        transpose(second);
        for (int j = 0; j < 8; ++j) {
          _mm256_store_ps(&keys.dim[dim + j][key], first[j]);
          _mm256_store_ps(&keys.dim[dim + 8 + j][key], second[j]);
        }
      }
    }
  }

  // y[s] = scales[s] * sum over heads, ascending, of weights[h] * relu(q[h] . k[s]); y is aligned to 64 bytes.
  static void score(const Head* q, const float* weights, int heads, const Keys& keys, const float* scales, float* y,
                    const NextPage<Keys>& next) {
    for (int key = 0; key < kKeys; key += 16) {
      prefetch_share(next.ahead, key, key + 16, kKeys);
      __m256 sum[2] = {};
      int h = 0;
      for (; h + 6 <= heads; h += 6) add_heads<6>(q + h, weights + h, keys, key, sum);
      for (; h + 2 <= heads; h += 2) add_heads<2>(q + h, weights + h, keys, key, sum);
      for (; h < heads; ++h) add_heads<1>(q + h, weights + h, keys, key, sum);
      for (int v = 0; v < 2; ++v) {
        _mm256_store_ps(y + key + 8 * v, _mm256_mul_ps(_mm256_loadu_ps(scales + key + 8 * v), sum[v]));
      }
    }
  }

 private:
  template <int Heads>
  static void add_heads(const Head* q, const float* weights, const Keys& keys, int key, __m256 (&sum)[2]) {
    __m256 dot[Heads][2] = {};
    for (int i = 0; i < HD_INDEX_DIM; ++i) {
      const __m256 k[2] = {_mm256_load_ps(&keys.dim[i][key]), _mm256_load_ps(&keys.dim[i][key + 8])};
      for (int h = 0; h < Heads; ++h) {
        const __m256 value = _mm256_set1_ps(q[h].dim[i]);
        for (int v = 0; v < 2; ++v) dot[h][v] = _mm256_fmadd_ps(k[v], value, dot[h][v]);
      }
    }
    for (int h = 0; h < Heads; ++h) {
      const __m256 weight = _mm256_set1_ps(weights[h]);
      // A NaN in the second operand comes through.
      for (int v = 0; v < 2; ++v) {
        sum[v] = _mm256_fmadd_ps(weight, _mm256_max_ps(_mm256_setzero_ps(), dot[h][v]), sum[v]);
      }
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
