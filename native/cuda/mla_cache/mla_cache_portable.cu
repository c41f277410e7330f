#include "device/mla_page.cuh"
#include "device/warp.cuh"
#include "mla_cache/mla_cache.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 128;
static_assert(kThreads == kLatentBlocks * 32);

// One block a token, one warp a scale block.
__global__ void __launch_bounds__(kThreads) append(hd_mla_cache_append_args args) {
  const int64_t i = blockIdx.x;
  const int32_t slot = args.slots[i];
  if (slot < 0 || slot >= static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS) return;
  std::byte* token = static_cast<std::byte*>(args.cache) + slot * token_bytes(args.format);
  const int column = static_cast<int>(threadIdx.x) * 4;
  float x[4];
  for (int j = 0; j < 4; ++j) x[j] = load(args.latent, args.x_dtype, i * args.latent_stride + column + j);
  if (is_fp8(args.format)) {
    uchar4 q;
    const float scale = warp_quantize(x, q, args.scale_format);
    *reinterpret_cast<uchar4*>(token + column) = q;
    if (threadIdx.x % 32 == 0) reinterpret_cast<float*>(token + HD_LATENT_DIM)[threadIdx.x / 32] = scale;
  } else {
    for (int j = 0; j < 4; ++j) store(token, args.x_dtype, column + j, x[j]);
  }
  if (threadIdx.x < HD_ROPE_DIM) {
    store(token + rope_offset(args.format), args.x_dtype, threadIdx.x,
          load(args.rope, args.x_dtype, i * args.rope_stride + threadIdx.x));
  }
}

// One block a token.
__global__ void __launch_bounds__(kThreads) gather(hd_mla_cache_gather_args args) {
  const int64_t i = blockIdx.x;
  const int32_t slot = args.slots[i];
  const bool inside = slot >= 0 && slot < static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS;
  const std::byte* token = static_cast<const std::byte*>(args.cache) + (inside ? slot : 0) * token_bytes(args.format);
  for (int j = static_cast<int>(threadIdx.x); j < HD_MLA_DIM; j += kThreads) {
    store(args.y, args.y_dtype, i * args.y_stride + j, inside ? read_element(token, args.format, j) : 0.0f);
  }
}

}  // namespace

int32_t MlaCacheAppendPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  append<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(args);
  return launched("mla_cache_append");
}

int32_t MlaCacheGatherPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  gather<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(args);
  return launched("mla_cache_gather");
}

}  // namespace hadal::cuda
