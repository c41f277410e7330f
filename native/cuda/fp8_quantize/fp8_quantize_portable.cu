#include "device/warp.cuh"
#include "fp8_quantize/fp8_quantize.h"

namespace hadal::cuda {
namespace {

constexpr int kWarps = 4;

// One warp a row and 128 columns.
__global__ void __launch_bounds__(kWarps * 32) quantize(hd_fp8_quantize_args args) {
  const int64_t blocks = args.k / HD_SCALE_BLOCK;
  const int64_t item = blockIdx.x * static_cast<int64_t>(kWarps) + threadIdx.x / 32;
  if (item >= args.m * blocks) return;
  const int64_t row = item / blocks;
  const int64_t block = item % blocks;
  const int64_t column = block * HD_SCALE_BLOCK + threadIdx.x % 32 * 4;
  float x[4];
  for (int i = 0; i < 4; ++i) x[i] = load(args.x, args.x_dtype, row * args.x_stride + column + i);
  uchar4 q;
  const float scale = warp_quantize(x, q, args.scale_format);
  *reinterpret_cast<uchar4*>(args.q + row * args.k + column) = q;
  if (threadIdx.x % 32 == 0) args.scale[row * args.scale_row_stride + block * args.scale_block_stride] = scale;
}

}  // namespace

int32_t Fp8QuantizePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = args.m * static_cast<int64_t>(args.k / HD_SCALE_BLOCK);
  quantize<<<static_cast<unsigned>(ceil_div(items, kWarps)), kWarps * 32, 0, stream>>>(args);
  return launched("fp8_quantize");
}

}  // namespace hadal::cuda
