// Attention of a group of heads over a list of tokens with the softmax taken online, 64 tokens at a time from the
// first, whatever the number of heads or queries.
#pragma once

#include <algorithm>
#include <limits>

#include "cpu/mla_cache/mla_page.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kHeadGroup = 16;
constexpr int kTokenBlock = 64;

// Scratch of one worker.
struct AttendScratch {
  float token[kTokenBlock][HD_MLA_DIM];
  float q[kHeadGroup][HD_MLA_DIM];
  float sum[kHeadGroup][HD_LATENT_DIM];
};

[[maybe_unused]] inline float dot_product(const float* a, const float* b, int count) {
  float sum[16] = {};
  for (int i = 0; i < count; i += 16) {
    for (int lane = 0; lane < 16; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  }
  return sum[0];
}

// slot_of(i) is the slot of token i of `tokens`, or -1. q, out and lse point at the first of `heads` heads.
template <class SlotOf>
void attend(const std::byte* cache, int32_t format, int64_t tokens, const SlotOf& slot_of, int heads, const void* q,
            int64_t q_first, int32_t dtype, float softmax_scale, void* out, int64_t out_first, float* lse,
            AttendScratch& scratch) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  float maximum[kHeadGroup];
  float total[kHeadGroup];
  for (int h = 0; h < heads; ++h) {
    for (int i = 0; i < HD_MLA_DIM; ++i) scratch.q[h][i] = load(q, dtype, q_first + h * HD_MLA_DIM + i);
    std::fill_n(scratch.sum[h], HD_LATENT_DIM, 0.0f);
    maximum[h] = kNone;
    total[h] = 0.0f;
  }
  for (int64_t first = 0; first < tokens; first += kTokenBlock) {
    int count = 0;
    for (int64_t i = first; i < std::min(first + kTokenBlock, tokens); ++i) {
      const int64_t slot = slot_of(i);
      if (slot >= 0) read_token(cache + slot * token_bytes(format), format, scratch.token[count++]);
    }
    for (int h = 0; h < heads; ++h) {
      float score[kTokenBlock];
      float highest = maximum[h];
      for (int t = 0; t < count; ++t) {
        score[t] = dot_product(scratch.q[h], scratch.token[t], HD_MLA_DIM) * softmax_scale;
        highest = std::max(highest, score[t]);
      }
      if (highest == kNone) continue;
      const float shrink = std::exp(maximum[h] - highest);
      maximum[h] = highest;
      total[h] *= shrink;
      for (int i = 0; i < HD_LATENT_DIM; ++i) scratch.sum[h][i] *= shrink;
      for (int t = 0; t < count; ++t) {
        const float weight = std::exp(score[t] - highest);
        total[h] += weight;
        const float rounded = dtype == HD_DTYPE_F32 ? weight : from_bf16(to_bf16(weight));
        for (int i = 0; i < HD_LATENT_DIM; ++i) scratch.sum[h][i] += rounded * scratch.token[t][i];
      }
    }
  }
  for (int h = 0; h < heads; ++h) {
    const float scale = total[h] == 0.0f ? 0.0f : 1.0f / total[h];
    for (int i = 0; i < HD_LATENT_DIM; ++i)
      store(out, dtype, out_first + h * HD_LATENT_DIM + i, scratch.sum[h][i] * scale);
    if (lse != nullptr) lse[h] = total[h] == 0.0f ? kNone : maximum[h] + std::log(total[h]);
  }
}

}  // namespace
}  // namespace hadal::cpu
