#include "device/number.cuh"
#include "rope/rope.h"

namespace hadal::cuda {
namespace {

__global__ void rope_table(hd_rope_table_args args) {
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= static_cast<int64_t>(args.positions) * args.half) return;
  const int64_t position = index / args.half;
  const int64_t i = index % args.half;
  const double angle = __fmul_rn(static_cast<float>(position), args.inverse_frequency[i]);
  args.table[position * 2 * args.half + i] = static_cast<float>(cos(angle));
  args.table[position * 2 * args.half + args.half + i] = static_cast<float>(sin(angle));
}

// One thread a pair.
__global__ void rope(hd_rope_args args) {
  const int64_t half = args.dim / 2;
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= args.m * half * args.heads) return;
  const int64_t i = index % half;
  const int64_t head = index / half % args.heads;
  const int64_t token = index / half / args.heads;
  const int32_t position = args.positions[token];
  if (position < 0 || position >= args.table_positions) return;
  const int64_t step = args.layout == HD_ROPE_INTERLEAVED ? 2 : 1;
  const int64_t partner = args.layout == HD_ROPE_INTERLEAVED ? 1 : half;
  const float cosine = args.table[position * static_cast<int64_t>(args.dim) + i];
  const float sine = args.table[position * static_cast<int64_t>(args.dim) + half + i];
  const int64_t x = token * args.x_stride + head * args.x_head_stride + i * step;
  const int64_t y = token * args.y_stride + head * args.y_head_stride + i * step;
  const float a = load(args.x, args.x_dtype, x);
  const float b = load(args.x, args.x_dtype, x + partner);
  store(args.y, args.x_dtype, y, __fsub_rn(__fmul_rn(a, cosine), __fmul_rn(b, sine)));
  store(args.y, args.x_dtype, y + partner, __fadd_rn(__fmul_rn(a, sine), __fmul_rn(b, cosine)));
}

}  // namespace

int32_t RopeTablePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.positions) * args.half;
  rope_table<<<static_cast<unsigned>(ceil_div(items, 128)), 128, 0, stream>>>(args);
  return launched("rope_table");
}

int32_t RopePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.m) * args.heads * (args.dim / 2);
  rope<<<static_cast<unsigned>(ceil_div(items, 256)), 256, 0, stream>>>(args);
  return launched("rope");
}

}  // namespace hadal::cuda
