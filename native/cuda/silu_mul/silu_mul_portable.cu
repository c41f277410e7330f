#include "device/number.cuh"
#include "silu_mul/silu_mul.h"

namespace hadal::cuda {
namespace {

__global__ void silu_mul(SiluMulRows args) {
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= args.rows * args.n) return;
  const int64_t row = index / args.n;
  const int64_t i = index % args.n;
  if (args.grouped_layout != nullptr && args.grouped_layout[row] < 0) return;
  if (args.masked_m != nullptr && row % args.m_max >= args.masked_m[row / args.m_max]) return;
  const float gate = load(args.gate, args.x_dtype, row * args.gate_stride + i);
  const float up = load(args.up, args.x_dtype, row * args.up_stride + i);
  store(args.y, args.x_dtype, row * args.y_stride + i, __fdiv_rn(gate, 1.0f + expf(-gate)) * up);
}

}  // namespace

int32_t silu_mul_rows(const SiluMulRows& args, cudaStream_t stream) {
  silu_mul<<<static_cast<unsigned>(ceil_div(args.rows * args.n, 256)), 256, 0, stream>>>(args);
  return launched("silu_mul");
}

int32_t SiluMulPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  return silu_mul_rows(
      {args.x_dtype, args.m, args.n, args.gate, args.gate_stride, args.up, args.up_stride, args.y, args.n}, stream);
}

}  // namespace hadal::cuda
