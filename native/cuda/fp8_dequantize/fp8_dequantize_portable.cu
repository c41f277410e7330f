#include "device/number.cuh"
#include "fp8_dequantize/fp8_dequantize.h"

namespace hadal::cuda {
namespace {

__global__ void dequantize(hd_fp8_dequantize_args args) {
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= static_cast<int64_t>(args.n) * args.k) return;
  const int64_t row = index / args.k;
  const int64_t column = index % args.k;
  const int64_t blocks = (args.k + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
  const float scale = args.scale_inv[row / HD_SCALE_BLOCK * blocks + column / HD_SCALE_BLOCK];
  store(args.y, args.y_dtype, index, from_e4m3(args.q[index]) * scale);
}

}  // namespace

int32_t Fp8DequantizePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.n) * args.k;
  dequantize<<<static_cast<unsigned>(ceil_div(items, 256)), 256, 0, stream>>>(args);
  return launched("fp8_dequantize");
}

}  // namespace hadal::cuda
