#include "device/number.cuh"
#include "moe_combine/moe_combine.h"

namespace hadal::cuda {
namespace {

// Slots are added in their order, the shared experts last.
__global__ void combine(hd_moe_combine_args args) {
  const int64_t index = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (index >= static_cast<int64_t>(args.m) * args.n) return;
  const int64_t token = index / args.n;
  const int64_t i = index % args.n;
  float sum = 0.0f;
  for (int64_t slot = token * args.top_experts; slot < (token + 1) * args.top_experts; ++slot) {
    const int64_t row = args.row_of[slot];
    if (row < 0 || row >= args.rows) continue;
    sum = __fadd_rn(sum, __fmul_rn(args.weights[slot], load(args.x, args.x_dtype, row * args.n + i)));
  }
  if (args.shared != nullptr) sum += load(args.shared, args.x_dtype, index);
  store(args.y, args.x_dtype, index, sum);
}

}  // namespace

int32_t MoeCombinePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.m) * args.n;
  combine<<<static_cast<unsigned>(ceil_div(items, 256)), 256, 0, stream>>>(args);
  return launched("moe_combine");
}

}  // namespace hadal::cuda
