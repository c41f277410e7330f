#include "reference/cache_reference.h"

namespace hadal::tests {
namespace {

// Writes bytes of a value of the type.
void put_bytes(Expected& cache, int64_t where, double value, int32_t dtype) {
  const auto single = static_cast<float>(value);
  const auto bits = std::bit_cast<uint32_t>(single);
  const int count = dtype == HD_DTYPE_F32 ? 4 : 2;
  for (int i = 0; i < count; ++i) {
    put(cache, where + i, static_cast<double>((dtype == HD_DTYPE_F32 ? bits : encode_bf16(single)) >> (8 * i) & 0xff));
  }
}

Expected blank(int64_t bytes) {
  return {std::vector<double>(static_cast<size_t>(bytes)), std::vector<bool>(static_cast<size_t>(bytes))};
}

}  // namespace

Results reference_of(const hd_mla_cache_append_args& args) {
  const MlaLayout layout = MlaLayout::of(args.format);
  Expected cache = blank(args.pages * 64 * layout.token_bytes);
  for (int64_t row = 0; row < args.m; ++row) {
    if (args.slots[row] < 0) continue;
    const int64_t token = args.slots[row] * layout.token_bytes;
    double latent[512];
    for (int i = 0; i < 512; ++i) latent[i] = at(args.latent, args.x_dtype, row * args.latent_stride + i);
    for (int block = 0; block < 4; ++block) {
      uint8_t codes[128];
      if (!layout.fp8) break;
      const float scale = quantized(latent + block * 128, args.scale_format, codes);
      for (int i = 0; i < 128; ++i) put(cache, token + block * 128 + i, codes[i]);
      put_bytes(cache, token + 512 + block * 4, static_cast<double>(scale), HD_DTYPE_F32);
    }
    for (int i = 0; i < 512 && !layout.fp8; ++i) {
      put_bytes(cache, token + i * (layout.dtype == HD_DTYPE_F32 ? 4 : 2), latent[i], layout.dtype);
    }
    for (int i = 0; i < 64; ++i) {
      put_bytes(cache, token + layout.rope_at() + i * (layout.dtype == HD_DTYPE_F32 ? 4 : 2),
                at(args.rope, args.x_dtype, row * args.rope_stride + i), layout.dtype);
    }
  }
  return {{"cache", cache}};
}

Results reference_of(const hd_mla_cache_gather_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    const int64_t slot = args.slots[row];
    const std::vector<double> token =
        slot < 0 ? std::vector<double>(HD_MLA_DIM) : mla_token(args.cache, args.format, slot);
    for (int64_t i = 0; i < HD_MLA_DIM; ++i) {
      put(results["y"], row * args.y_stride + i, rounded(token[static_cast<size_t>(i)], args.y_dtype));
    }
  }
  return results;
}

Results reference_of(const hd_index_cache_append_args& args) {
  Expected cache = blank(int64_t{args.pages} * 8448);
  for (int64_t row = 0; row < args.m; ++row) {
    const int64_t slot = args.slots[row];
    if (slot < 0) continue;
    double x[128];
    uint8_t codes[128];
    for (int i = 0; i < 128; ++i) x[i] = at(args.k, args.x_dtype, row * args.k_stride + i);
    const float scale = quantized(x, args.scale_format, codes);
    for (int i = 0; i < 128; ++i) put(cache, slot / 64 * 8448 + slot % 64 * 128 + i, codes[i]);
    put_bytes(cache, slot / 64 * 8448 + 8192 + slot % 64 * 4, static_cast<double>(scale), HD_DTYPE_F32);
  }
  return {{"cache", cache}};
}

}  // namespace hadal::tests
