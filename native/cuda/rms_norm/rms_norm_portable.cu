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
  const auto norm = [&](int64_t i) {
    const float h = h_at(i);
    if (args.residual != nullptr) store(args.residual, args.x_dtype, row * args.n + i, h);
    const float y = h * scale * load(args.weight, args.weight_dtype, i);
    if (args.y != nullptr) store(args.y, args.x_dtype, row * args.y_stride + i, y);
    return rounded(y, args.x_dtype);
  };
  if (args.q == nullptr) {
    for (int64_t i = threadIdx.x; i < args.n; i += kThreads) norm(i);
    return;
  }
  // One warp 128 columns.
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int64_t block = threadIdx.x / 32; block < args.n / HD_SCALE_BLOCK; block += kThreads / 32) {
    const int64_t column = block * HD_SCALE_BLOCK + lane * 4;
    float y[4];
    for (int i = 0; i < 4; ++i) y[i] = norm(column + i);
    uchar4 q;
    const float q_scale = warp_quantize(y, q, args.q_scale_format);
    *reinterpret_cast<uchar4*>(args.q + row * args.n + column) = q;
    if (lane == 0) args.q_scale[row * args.q_scale_row_stride + block * args.q_scale_block_stride] = q_scale;
  }
}

}  // namespace

int32_t RmsNormPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  rms_norm<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(args);
  return launched("rms_norm");
}

}  // namespace hadal::cuda
