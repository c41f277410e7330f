// The indexer's scores of one query against 64 keys, on the tensor cores by bf16 products (exact for e4m3).
#pragma once

#include "device/mma.cuh"
#include "device/warp.cuh"

namespace hadal::cuda {

constexpr int kScoreThreads = 128;  // Four warps: warp w takes heads 16 w to 16 w + 15 of every 64.
constexpr int kScoreKeys = 64;
constexpr int kScoreStride = HD_INDEX_DIM + 8;

struct ScoreTiles {
  bf16 q[64][kScoreStride];
  bf16 k[kScoreKeys][kScoreStride];
  float sum[4][kScoreKeys];
};

// Converts rows of 128 codes to bf16, zero from `count` to 64.
__device__ inline void fetch_codes(bf16 (*tile)[kScoreStride], const uint8_t* codes, int count) {
  for (int i = static_cast<int>(threadIdx.x); i < 64 * HD_INDEX_DIM; i += kScoreThreads) {
    const int row = i / HD_INDEX_DIM;
    const int column = i % HD_INDEX_DIM;
    const float value = row < count ? from_e4m3(codes[row * HD_INDEX_DIM + column]) : 0.0f;
    tile[row][column] = static_cast<bf16>(__float_as_uint(value) >> 16);
  }
}

// tiles.k holds the keys. Thread i < 64 gets sum over heads of weights[h] * relu(q[h] . k[i]); others get nothing.
__device__ inline float score_keys(ScoreTiles& tiles, const uint8_t* q, const float* weights, int heads) {
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  float sum[kScoreKeys / 8][2] = {};
  for (int h0 = 0; h0 < heads; h0 += 64) {
    __syncthreads();
    fetch_codes(tiles.q, q + static_cast<int64_t>(h0) * HD_INDEX_DIM, heads - h0 < 64 ? heads - h0 : 64);
    __syncthreads();
    MmaSum dot[kScoreKeys / 8];
    for (int depth = 0; depth < HD_INDEX_DIM; depth += 16) {
      uint32_t a[4];
      load_a(a, &tiles.q[warp * 16][depth], kScoreStride);
      for (int j = 0; j < kScoreKeys / 8; ++j) {
        uint32_t b[2];
        load_b(b, &tiles.k[j * 8][depth], kScoreStride);
        mma(dot[j], a, b);
      }
    }
    for (int half = 0; half < 2; ++half) {
      const int head = h0 + warp * 16 + half * 8 + g;
      const float weight = head < heads ? weights[head] : 0.0f;
      for (int j = 0; j < kScoreKeys / 8; ++j) {
        for (int e = 0; e < 2; ++e) {
          const float x = dot[j].x[half * 2 + e];
          sum[j][e] += weight * (x < 0.0f ? 0.0f : x);
        }
      }
    }
  }
  for (int j = 0; j < kScoreKeys / 8; ++j) {
    for (int e = 0; e < 2; ++e) {
      float x = sum[j][e];
      for (int lane = 4; lane < 32; lane *= 2) x += __shfl_xor_sync(kAllLanes, x, lane);
      if (g == 0) tiles.sum[warp][j * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + e] = x;
    }
  }
  __syncthreads();
  if (threadIdx.x >= kScoreKeys) return 0.0f;
  return tiles.sum[0][threadIdx.x] + tiles.sum[1][threadIdx.x] + tiles.sum[2][threadIdx.x] + tiles.sum[3][threadIdx.x];
}

}  // namespace hadal::cuda
