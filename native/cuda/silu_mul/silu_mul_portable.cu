#include "device/number.cuh"
#include "silu_mul/silu_mul.h"

namespace hadal::cuda {
namespace {

__global__ void silu_mul(hd_silu_mul_args args) {
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= static_cast<int64_t>(args.m) * args.n) return;
  const int64_t row = index / args.n;
  const int64_t i = index % args.n;
  const float gate = load(args.gate, args.x_dtype, row * args.gate_stride + i);
  const float up = load(args.up, args.x_dtype, row * args.up_stride + i);
  store(args.y, args.x_dtype, index, __fdiv_rn(gate, 1.0f + expf(-gate)) * up);
}

}  // namespace

int32_t SiluMulPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.m) * args.n;
  silu_mul<<<static_cast<unsigned>(ceil_div(items, 256)), 256, 0, stream>>>(args);
  return launched("silu_mul");
}

}  // namespace hadal::cuda
