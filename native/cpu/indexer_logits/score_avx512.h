// The indexer's score of a query against 64 keys, a key a lane: its bits depend on the query and the key alone.
// Included by *_avx512.cpp alone.
#pragma once

#include "cpu/indexer_logits/page.h"
#include "cpu/simd/avx512.h"

namespace hadal::cpu {
namespace {

struct IndexScore {
  static constexpr bool kExpandsNext = true;
  static constexpr int kKeys = HD_PAGE_TOKENS;
  static constexpr int kPairs = HD_INDEX_DIM / 2;

  // Pairs of bf16 that share a dword: dims 2p and 2p + 1.
  struct alignas(64) Keys {
    uint32_t pair[kPairs][kKeys];
  };
  struct alignas(64) Head {
    uint32_t pair[kPairs];
  };

  static void expand_query(const uint8_t* codes, int heads, Head* q) {
    const E4m3ToBf16 to_bf16;
    for (int h = 0; h < heads; ++h) {
      for (int i = 0; i < 2; ++i) {
        __m512i first, second;
        to_bf16.in_order(_mm512_loadu_si512(codes + h * HD_INDEX_DIM + 64 * i), first, second);
        _mm512_store_si512(q[h].pair + 32 * i, first);
        _mm512_store_si512(q[h].pair + 32 * i + 16, second);
      }
    }
  }

  // codes: [64, 128] e4m3.
  static void expand_keys(const uint8_t* codes, Keys& keys) {
    for (int step = 0; step < kSteps; ++step) expand_step(codes, keys, step);
  }

  // y[s] = scales[s] * sum over heads, ascending, of weights[h] * relu(q[h] . k[s]); y is aligned to 64 bytes.
  // Expands next's page between the products, which leave the units that do it idle.
  static void score(const Head* q, const float* weights, int heads, const Keys& keys, const float* scales, float* y,
                    const NextPage<Keys>& next) {
    next.codes != nullptr ? score<true>(q, weights, heads, keys, scales, y, next)
                          : score<false>(q, weights, heads, keys, scales, y, next);
  }

 private:
  template <bool kExpand>
  static void score(const Head* q, const float* weights, int heads, const Keys& keys, const float* scales, float* y,
                    const NextPage<Keys>& next) {
    __m512 sum[4] = {};
    int step = 0;
    int h = 0;
    for (; h + 4 <= heads; h += 4) {
      if (!kExpand) prefetch_share(next.ahead, h, h + 4, heads);
      add_heads<4, kExpand>(q + h, weights + h, keys, sum, next, step);
    }
    for (; h < heads; ++h) add_heads<1, kExpand>(q + h, weights + h, keys, sum, next, step);
    if constexpr (kExpand) {
      for (; step < kSteps; ++step) {
        prefetch_share(next.ahead, step, step + 1, kSteps);
        expand_step(next.codes, *next.keys, step);
      }
    }
    for (int v = 0; v < 4; ++v) _mm512_store_ps(y + 16 * v, _mm512_mul_ps(_mm512_loadu_ps(scales + 16 * v), sum[v]));
  }

  static constexpr int kChunks = HD_INDEX_DIM / 16;
  static constexpr int kSteps = kKeys / 16 * kChunks;

  // 16 keys by 16 dims.
  [[gnu::always_inline]] static void expand_step(const uint8_t* codes, Keys& keys, int step) {
    const E4m3ToBf16 to_bf16;
    const int key = step / kChunks * 16;
    const int chunk = step % kChunks;
    // Lane l of row j holds 16 codes of key 4 l + j; words of two codes are transposed within each lane.
    __m512i row[4];
    for (int j = 0; j < 4; ++j) {
      const uint8_t* from = codes + (key + j) * HD_INDEX_DIM + 16 * chunk;
      const auto lane = [&](int l) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + l * 4 * HD_INDEX_DIM));
      };
      row[j] = _mm512_castsi128_si512(lane(0));
      row[j] = _mm512_mask_broadcast_i32x4(row[j], 0x00f0, lane(1));
      row[j] = _mm512_mask_broadcast_i32x4(row[j], 0x0f00, lane(2));
      row[j] = _mm512_mask_broadcast_i32x4(row[j], 0xf000, lane(3));
    }
    const __m512i low01 = _mm512_unpacklo_epi16(row[0], row[1]);
    const __m512i high01 = _mm512_unpackhi_epi16(row[0], row[1]);
    const __m512i low23 = _mm512_unpacklo_epi16(row[2], row[3]);
    const __m512i high23 = _mm512_unpackhi_epi16(row[2], row[3]);
    const __m512i pairs[4] = {_mm512_unpacklo_epi32(low01, low23), _mm512_unpackhi_epi32(low01, low23),
                              _mm512_unpacklo_epi32(high01, high23), _mm512_unpackhi_epi32(high01, high23)};
    for (int j = 0; j < 4; ++j) {
      __m512i first, second;
      to_bf16.by_lane(pairs[j], first, second);
      _mm512_store_si512(&keys.pair[8 * chunk + 2 * j][key], first);
      _mm512_store_si512(&keys.pair[8 * chunk + 2 * j + 1][key], second);
    }
  }

  template <int Heads, bool kExpand>
  static void add_heads(const Head* q, const float* weights, const Keys& keys, __m512 (&sum)[4],
                        const NextPage<Keys>& next, int& step) {
    constexpr int kPairsAStep = kExpand ? 8 : kPairs;
    __m512 dot[Heads][4] = {};
    for (int first = 0; first < kPairs; first += kPairsAStep) {
      if (kExpand && step < kSteps) {
        prefetch_share(next.ahead, step, step + 1, kSteps);
        expand_step(next.codes, *next.keys, step++);
      }
      for (int p = first; p < first + kPairsAStep; ++p) {
        __m512i k[4];
        for (int v = 0; v < 4; ++v) k[v] = _mm512_load_si512(&keys.pair[p][16 * v]);
        for (int h = 0; h < Heads; ++h) {
          const __m512i pair = _mm512_set1_epi32(static_cast<int>(q[h].pair[p]));
          for (int v = 0; v < 4; ++v) dot[h][v] = dot_bf16(dot[h][v], k[v], pair);
        }
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
