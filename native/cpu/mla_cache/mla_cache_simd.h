// Tokens into and out of the MLA cache on vectors of floats: the same bytes and values as the scalar.
#pragma once

#include <cstring>

#include "cpu/mla_cache/mla_page.h"
#include "cpu/mla_cache/slots.h"
#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t mla_cache_append(const hd_mla_cache_append_args& args, ThreadPool& pool) {
  if (const int32_t status = check_slots("hd_mla_cache_append", args.slots, args.m, args.pages)) return status;
  const int64_t bytes = token_bytes(args.format);
  const int64_t value_bytes = is_f32(args.format) ? 4 : 2;
  for_rows(pool, args.m, HD_MLA_DIM, [&](int64_t i) {
    if (args.slots[i] < 0) return;
    std::byte* token = static_cast<std::byte*>(args.cache) + args.slots[i] * bytes;
    if (is_fp8(args.format)) {
      float scales[kLatentBlocks];
      for (int block = 0; block < kLatentBlocks; ++block) {
        Floats x[HD_SCALE_BLOCK / kFloats];
        const int64_t first = i * args.latent_stride + block * HD_SCALE_BLOCK;
        for (int64_t j = 0; j < HD_SCALE_BLOCK / kFloats; ++j) {
          x[j] = load_floats(args.latent, args.x_dtype, first + j * kFloats);
        }
        scales[block] =
            quantize_floats(x, reinterpret_cast<uint8_t*>(token) + block * HD_SCALE_BLOCK, args.scale_format);
      }
      std::memcpy(token + HD_LATENT_DIM, scales, sizeof scales);
    } else {
      std::memcpy(token, static_cast<const std::byte*>(args.latent) + i * args.latent_stride * value_bytes,
                  static_cast<size_t>(HD_LATENT_DIM * value_bytes));
    }
    std::memcpy(token + bytes - HD_ROPE_DIM * value_bytes,
                static_cast<const std::byte*>(args.rope) + i * args.rope_stride * value_bytes,
                static_cast<size_t>(HD_ROPE_DIM * value_bytes));
  });
  return HD_STATUS_OK;
}

inline int32_t mla_cache_gather(const hd_mla_cache_gather_args& args, ThreadPool& pool) {
  if (const int32_t status = check_slots("hd_mla_cache_gather", args.slots, args.m, args.pages)) return status;
  const int64_t bytes = token_bytes(args.format);
  const int32_t dtype = is_f32(args.format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
  for_rows(pool, args.m, HD_MLA_DIM, [&](int64_t i) {
    const std::byte* token = static_cast<const std::byte*>(args.cache) + args.slots[i] * bytes;
    const std::byte* rope = token + bytes - HD_ROPE_DIM * (is_f32(args.format) ? 4 : 2);
    const auto value_at = [&](int64_t j) {
      if (args.slots[i] < 0) return Floats{};
      if (j >= HD_LATENT_DIM) return load_floats(rope, dtype, j - HD_LATENT_DIM);
      if (!is_fp8(args.format)) return load_floats(token, dtype, j);
      float scale;
      std::memcpy(&scale, token + HD_LATENT_DIM + j / HD_SCALE_BLOCK * 4, 4);
      return load_e4m3(reinterpret_cast<const uint8_t*>(token) + j) * floats_of(scale);
    };
    for (int64_t j = 0; j < HD_MLA_DIM; j += kFloats) {
      store_floats(args.y, args.y_dtype, i * args.y_stride + j, value_at(j));
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
