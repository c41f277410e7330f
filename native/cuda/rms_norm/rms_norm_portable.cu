#include "device/warp.cuh"
#include "rms_norm/rms_norm.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 256;

// One block a row. h is formed twice rather than kept, since it must stay unrounded where the residual is rounded.
__global__ void __launch_bounds__(kThreads) rms_norm(hd_rms_norm_args args) {
  __shared__ float warps[kThreads / 32];
  const int64_t row = blockIdx.x;
  const auto h_at = [&](int64_t i) {
    const float x = load(args.x, args.x_dtype, row * args.x_stride + i);
    return args.residual == nullptr ? x : x + load(args.residual, args.x_dtype, row * args.n + i);
  };
  float squares = 0.0f;
  for (int64_t i = threadIdx.x; i < args.n; i += kThreads) {
    const float h = h_at(i);
    squares += h * h;
  }
  const float mean = block_sum(squares, warps) / static_cast<float>(args.n);
  const float scale = __fdiv_rn(1.0f, __fsqrt_rn(mean + args.epsilon));
  for (int64_t i = threadIdx.x; i < args.n; i += kThreads) {
    const float h = h_at(i);
    if (args.residual != nullptr) store(args.residual, args.x_dtype, row * args.n + i, h);
    store(args.y, args.x_dtype, row * args.y_stride + i, h * scale * load(args.weight, args.weight_dtype, i));
  }
}

}  // namespace

int32_t RmsNormPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  rms_norm<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(args);
  return launched("rms_norm");
}

}  // namespace hadal::cuda
