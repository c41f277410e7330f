// A token of an MLA cache page, by format.
#pragma once

#include <cstring>

#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kLatentBlocks = HD_LATENT_DIM / HD_SCALE_BLOCK;

[[maybe_unused]] constexpr bool is_fp8(int32_t format) {
  return format == HD_MLA_FP8 || format == HD_MLA_FP8_F32;
}

[[maybe_unused]] constexpr bool is_f32(int32_t format) {
  return format == HD_MLA_FP8_F32 || format == HD_MLA_F32;
}

[[maybe_unused]] constexpr int64_t token_bytes(int32_t format) {
  const int64_t value = is_f32(format) ? 4 : 2;
  return (is_fp8(format) ? HD_LATENT_DIM + kLatentBlocks * 4 : HD_LATENT_DIM * value) + HD_ROPE_DIM * value;
}

// Expands a token to f32 [576]: latent, then rope.
[[maybe_unused]] inline void read_token(const std::byte* token, int32_t format, float* y) {
  const std::byte* rope = token + token_bytes(format) - HD_ROPE_DIM * (is_f32(format) ? 4 : 2);
  if (is_fp8(format)) {
    const auto* codes = reinterpret_cast<const uint8_t*>(token);
    const auto* scales = reinterpret_cast<const float*>(token + HD_LATENT_DIM);
    for (int i = 0; i < HD_LATENT_DIM; ++i) y[i] = from_e4m3(codes[i]) * scales[i / HD_SCALE_BLOCK];
  } else {
    for (int i = 0; i < HD_LATENT_DIM; ++i) y[i] = load(token, is_f32(format) ? HD_DTYPE_F32 : HD_DTYPE_BF16, i);
  }
  for (int i = 0; i < HD_ROPE_DIM; ++i) {
    y[HD_LATENT_DIM + i] = load(rope, is_f32(format) ? HD_DTYPE_F32 : HD_DTYPE_BF16, i);
  }
}

}  // namespace
}  // namespace hadal::cpu
