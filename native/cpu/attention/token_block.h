// A block of tokens as attention reads it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hadal.h"

namespace hadal::cpu {
namespace {

constexpr int kBlockTokens = 64;

// A block of tokens. A unit is 32 bits: Simd::kDepth neighbouring dims of a token. Scores take rows in lanes and a
// key's units one by one; sums take dims in lanes, kDepth tokens at a time, whose units Simd::values turns.
template <class Simd>
struct TokenBlock {
  static constexpr int kKeyStride = HD_MLA_DIM / Simd::kDepth;
  static constexpr int kLanes = 2 * Simd::kWidth;

  int key_units;      // Key width / kDepth, at most kKeyStride.
  int value_dim;      // A multiple of 32.
  int value_stride;   // Units from a token's value to the next.
  uint32_t* keys;     // [64, kKeyStride]
  uint32_t* values;   // [64, value_stride]: the first value_dim of the keys, or what lies behind everything else.
  float* scores;      // [64, lanes], lanes one or two vectors.
  uint32_t* weights;  // [64 / kDepth, lanes]: the softmax's, as bf16.
  float* shrink;      // [lanes]
  // [64, kKeyStride]: what rounding took from the first Simd::kRoundedUnits of each key, if has_rest.
  uint32_t* rest;
  bool has_rest = false;

  // own_values: the width of values that are no part of the keys, or 0.
  static uint64_t bytes(int own_values) {
    const int units = kBeforeValues + kBlockTokens * own_values / Simd::kDepth;
    return static_cast<uint64_t>(units) * 4;
  }

  TokenBlock(std::byte* memory, int key_width, int value_width, bool own_values)
      : key_units(key_width / Simd::kDepth),
        value_dim(value_width),
        value_stride(own_values ? value_width / Simd::kDepth : kKeyStride),
        keys(reinterpret_cast<uint32_t*>(memory)),
        values(own_values ? keys + kBeforeValues : keys),
        scores(reinterpret_cast<float*>(keys + kKeys)),
        weights(reinterpret_cast<uint32_t*>(scores + kBlockTokens * kLanes)),
        shrink(reinterpret_cast<float*>(weights + kBlockTokens / Simd::kDepth * kLanes)),
        rest(reinterpret_cast<uint32_t*>(shrink + kLanes)) {}

 private:
  static constexpr int kKeys = kBlockTokens * kKeyStride;
  static constexpr int kBeforeValues = kKeys + kBlockTokens * kLanes + kBlockTokens / Simd::kDepth * kLanes + kLanes +
                                       (Simd::kRoundedUnits > 0 ? kKeys : 0);
};

}  // namespace
}  // namespace hadal::cpu
