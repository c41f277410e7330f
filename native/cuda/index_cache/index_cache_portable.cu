#include "device/warp.cuh"
#include "index_cache/index_cache.h"

namespace hadal::cuda {
namespace {

constexpr int kWarps = 4;

// One warp a token.
__global__ void __launch_bounds__(kWarps * 32) append(hd_index_cache_append_args args) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(kWarps) + threadIdx.x / 32;
  if (i >= args.m) return;
  const int32_t slot = args.slots[i];
  if (slot < 0 || slot >= static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS) return;
  uint8_t* page = args.cache + static_cast<int64_t>(slot / HD_PAGE_TOKENS) * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
  const int token = slot % HD_PAGE_TOKENS;
  const int column = static_cast<int>(threadIdx.x) % 32 * 4;
  float x[4];
  for (int j = 0; j < 4; ++j) x[j] = load(args.k, args.x_dtype, i * args.k_stride + column + j);
  uchar4 q;
  const float scale = warp_quantize(x, q, args.scale_format);
  *reinterpret_cast<uchar4*>(page + token * HD_INDEX_DIM + column) = q;
  if (threadIdx.x % 32 == 0) reinterpret_cast<float*>(page + HD_PAGE_TOKENS * HD_INDEX_DIM)[token] = scale;
}

}  // namespace

int32_t IndexCacheAppendPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  append<<<static_cast<unsigned>(ceil_div(args.m, kWarps)), kWarps * 32, 0, stream>>>(args);
  return launched("index_cache_append");
}

}  // namespace hadal::cuda
