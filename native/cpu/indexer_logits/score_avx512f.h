// The indexer's score of a query against 64 keys, a key a lane: its bits depend on the query and the key alone.
// Included by *_avx512f.cpp alone.
#pragma once

#include "cpu/indexer_logits/page.h"
#include "cpu/simd/avx512f.h"
#include "cpu/simd/transpose_avx512.h"

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
      for (int i = 0; i < HD_INDEX_DIM; i += 16) _mm512_store_ps(q[h].dim + i, load_e4m3(codes + h * HD_INDEX_DIM + i));
    }
  }

  // codes: [64, 128] e4m3.
  static void expand_keys(const uint8_t* codes, Keys& keys) {
    for (int key = 0; key < kKeys; key += 16) {
      for (int dim = 0; dim < HD_INDEX_DIM; dim += 16) {
        __m512i square[16];
        for (int j = 0; j < 16; ++j) {
          square[j] = _mm512_castps_si512(load_e4m3(codes + (key + j) * HD_INDEX_DIM + dim));
        }
        transpose(square);
        for (int j = 0; j < 16; ++j) _mm512_store_si512(&keys.dim[dim + j][key], square[j]);
      }
    }
  }

  // y[s] = scales[s] * sum over heads, ascending, of weights[h] * relu(q[h] . k[s]); y is aligned to 64 bytes.
  static void score(const Head* q, const float* weights, int heads, const Keys& keys, const float* scales, float* y,
                    const NextPage<Keys>& next) {
    __m512 sum[4] = {};
    int h = 0;
    for (; h + 6 <= heads; h += 6) {
      prefetch_share(next.ahead, h, h + 6, heads);
      add_heads<6>(q + h, weights + h, keys, sum);
    }
    prefetch_share(next.ahead, h, heads, heads);
    for (; h + 2 <= heads; h += 2) add_heads<2>(q + h, weights + h, keys, sum);
    for (; h < heads; ++h) add_heads<1>(q + h, weights + h, keys, sum);
    for (int v = 0; v < 4; ++v) _mm512_store_ps(y + 16 * v, _mm512_mul_ps(_mm512_loadu_ps(scales + 16 * v), sum[v]));
  }

 private:
  template <int Heads>
  static void add_heads(const Head* q, const float* weights, const Keys& keys, __m512 (&sum)[4]) {
    __m512 dot[Heads][4] = {};
    for (int i = 0; i < HD_INDEX_DIM; ++i) {
      __m512 k[4];
      for (int v = 0; v < 4; ++v) k[v] = _mm512_load_ps(&keys.dim[i][16 * v]);
      for (int h = 0; h < Heads; ++h) {
        const __m512 value = _mm512_set1_ps(q[h].dim[i]);
        for (int v = 0; v < 4; ++v) dot[h][v] = _mm512_fmadd_ps(k[v], value, dot[h][v]);
      }
    }
    for (int h = 0; h < Heads; ++h) {
      const __m512 weight = _mm512_set1_ps(weights[h]);
      // A NaN in the second operand comes through.
      for (int v = 0; v < 4; ++v) {
        sum[v] = _mm512_fmadd_ps(weight, _mm512_max_ps(_mm512_setzero_ps(), dot[h][v]), sum[v]);
      }
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
