// The indexer's score of one query against one key, in plain f32.
#pragma once

#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kMaxIndexHeads = 128;

// A query expanded to f32.
struct IndexQuery {
  float q[kMaxIndexHeads][HD_INDEX_DIM];
  const float* weights;
  int heads;

  void read(const uint8_t* codes, const float* head_weights, int count) {
    for (int h = 0; h < count; ++h) {
      for (int i = 0; i < HD_INDEX_DIM; ++i) q[h][i] = from_e4m3(codes[h * HD_INDEX_DIM + i]);
    }
    weights = head_weights;
    heads = count;
  }

  float score(const uint8_t* key, float key_scale) const {
    float k[HD_INDEX_DIM];
    for (int i = 0; i < HD_INDEX_DIM; ++i) k[i] = from_e4m3(key[i]);
    float sum = 0.0f;
    for (int h = 0; h < heads; ++h) {
      float dot[16] = {};
      for (int i = 0; i < HD_INDEX_DIM; i += 16) {
        for (int lane = 0; lane < 16; ++lane) dot[lane] += q[h][i + lane] * k[i + lane];
      }
      for (int half = 8; half > 0; half /= 2) {
        for (int lane = 0; lane < half; ++lane) dot[lane] += dot[lane + half];
      }
      sum += weights[h] * (dot[0] < 0.0f ? 0.0f : dot[0]);
    }
    return key_scale * sum;
  }
};

// Key and scale of a token in an index cache.
struct IndexKey {
  const uint8_t* codes;
  float scale;

  static IndexKey at(const uint8_t* cache, int64_t page, int64_t token) {
    const uint8_t* base = cache + page * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
    const auto* scales = reinterpret_cast<const float*>(base + HD_PAGE_TOKENS * HD_INDEX_DIM);
    return {base + token * HD_INDEX_DIM, scales[token]};
  }
};

}  // namespace
}  // namespace hadal::cpu
