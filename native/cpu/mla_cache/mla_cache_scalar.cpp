#include "cpu/mla_cache/mla_cache.h"
#include "cpu/mla_cache/mla_page.h"
#include "cpu/mla_cache/slots.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t MlaCacheAppendScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_slots("hd_mla_cache_append", args.slots, args.m, args.pages)) return status;
  const int64_t bytes = token_bytes(args.format);
  const int64_t value_bytes = is_f32(args.format) ? 4 : 2;
  pool.parallel_for(args.m, [&](int64_t i, int) {
    if (args.slots[i] < 0) return;
    std::byte* token = static_cast<std::byte*>(args.cache) + args.slots[i] * bytes;
    std::byte* rope = token + bytes - HD_ROPE_DIM * value_bytes;
    if (is_fp8(args.format)) {
      float scales[kLatentBlocks];
      for (int block = 0; block < kLatentBlocks; ++block) {
        float x[HD_SCALE_BLOCK];
        const int64_t first = i * args.latent_stride + block * HD_SCALE_BLOCK;
        for (int j = 0; j < HD_SCALE_BLOCK; ++j) x[j] = load(args.latent, args.x_dtype, first + j);
        scales[block] =
            quantize_block(x, reinterpret_cast<uint8_t*>(token) + block * HD_SCALE_BLOCK, args.scale_format);
      }
      std::memcpy(token + HD_LATENT_DIM, scales, sizeof scales);
    } else {
      std::memcpy(token, static_cast<const std::byte*>(args.latent) + i * args.latent_stride * value_bytes,
                  static_cast<size_t>(HD_LATENT_DIM * value_bytes));
    }
    std::memcpy(rope, static_cast<const std::byte*>(args.rope) + i * args.rope_stride * value_bytes,
                static_cast<size_t>(HD_ROPE_DIM * value_bytes));
  });
  return HD_STATUS_OK;
}

int32_t MlaCacheGatherScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_slots("hd_mla_cache_gather", args.slots, args.m, args.pages)) return status;
  const int64_t bytes = token_bytes(args.format);
  pool.parallel_for(args.m, [&](int64_t i, int) {
    float token[HD_MLA_DIM] = {};
    if (args.slots[i] >= 0) {
      read_token(static_cast<const std::byte*>(args.cache) + args.slots[i] * bytes, args.format, token);
    }
    for (int j = 0; j < HD_MLA_DIM; ++j) store(args.y, args.y_dtype, i * args.y_stride + j, token[j]);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
