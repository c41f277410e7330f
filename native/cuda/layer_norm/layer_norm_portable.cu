#include "device/warp.cuh"
#include "layer_norm/layer_norm.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 128;

// One block a row.
__global__ void __launch_bounds__(kThreads) layer_norm(hd_layer_norm_args args) {
  __shared__ float warps[kThreads / 32];
  const int64_t row = blockIdx.x;
  const auto x_at = [&](int64_t i) { return load(args.x, args.x_dtype, row * args.x_stride + i); };
  float sum = 0.0f;
  for (int64_t i = threadIdx.x; i < args.n; i += kThreads) sum += x_at(i);
  const float mean = block_sum(sum, warps) / static_cast<float>(args.n);
  float squares = 0.0f;
  for (int64_t i = threadIdx.x; i < args.n; i += kThreads) squares += (x_at(i) - mean) * (x_at(i) - mean);
  const float variance = block_sum(squares, warps) / static_cast<float>(args.n);
  const float scale = __fdiv_rn(1.0f, __fsqrt_rn(variance + args.epsilon));
  for (int64_t i = threadIdx.x; i < args.n; i += kThreads) {
    const float weight = load(args.weight, args.weight_dtype, i);
    const float bias = load(args.bias, args.weight_dtype, i);
    store(args.y, args.x_dtype, row * args.y_stride + i, (x_at(i) - mean) * scale * weight + bias);
  }
}

}  // namespace

int32_t LayerNormPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  layer_norm<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(args);
  return launched("layer_norm");
}

}  // namespace hadal::cuda
