// A token of an MLA cache page, by format, as native/cpu/mla_cache/mla_page.h has it.
#pragma once

#include "device/number.cuh"

namespace hadal::cuda {

constexpr int kLatentBlocks = HD_LATENT_DIM / HD_SCALE_BLOCK;

__host__ __device__ constexpr bool is_fp8(int32_t format) {
  return format == HD_MLA_FP8 || format == HD_MLA_FP8_F32;
}

__host__ __device__ constexpr bool is_f32(int32_t format) {
  return format == HD_MLA_FP8_F32 || format == HD_MLA_F32;
}

__host__ __device__ constexpr int64_t token_bytes(int32_t format) {
  const int64_t value = is_f32(format) ? 4 : 2;
  return (is_fp8(format) ? HD_LATENT_DIM + kLatentBlocks * 4 : HD_LATENT_DIM * value) + HD_ROPE_DIM * value;
}

// Where the rope part of a token begins, in bytes.
__host__ __device__ constexpr int64_t rope_offset(int32_t format) {
  return token_bytes(format) - HD_ROPE_DIM * (is_f32(format) ? 4 : 2);
}

// Element i of a token's [576]: latent, then rope.
__device__ inline float read_element(const std::byte* token, int32_t format, int i) {
  const int32_t dtype = is_f32(format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
  if (i >= HD_LATENT_DIM) return load(token + rope_offset(format), dtype, i - HD_LATENT_DIM);
  if (!is_fp8(format)) return load(token, dtype, i);
  const auto* scales = reinterpret_cast<const float*>(token + HD_LATENT_DIM);
  return from_e4m3(static_cast<uint8_t>(token[i])) * scales[i / HD_SCALE_BLOCK];
}

}  // namespace hadal::cuda
