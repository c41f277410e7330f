#include "moe_permute/moe_permute.h"

namespace hadal::cuda {
namespace {

constexpr int kMaxExperts = 1024;

// One block; a thread serves the experts e = its index, + blockDim, ... and reads every slot, so that the rows of an
// expert keep the order of tokens.
__global__ void __launch_bounds__(kMaxExperts) place(hd_moe_permute_args args) {
  __shared__ int32_t first[kMaxExperts + 1];
  const int64_t slots = static_cast<int64_t>(args.m) * args.top_experts;
  for (int e = static_cast<int>(threadIdx.x); e < args.experts; e += static_cast<int>(blockDim.x)) {
    int32_t count = 0;
    for (int64_t slot = 0; slot < slots; ++slot) count += args.ids[slot] == e ? 1 : 0;
    first[e + 1] = count;
  }
  for (int64_t row = threadIdx.x; row < args.rows; row += blockDim.x) args.grouped_layout[row] = -1;
  __syncthreads();
  if (threadIdx.x == 0) {
    first[0] = 0;
    for (int e = 0; e < args.experts; ++e) {
      first[e + 1] = first[e] + (first[e + 1] + args.alignment - 1) / args.alignment * args.alignment;
    }
  }
  __syncthreads();
  for (int e = static_cast<int>(threadIdx.x); e < args.experts; e += static_cast<int>(blockDim.x)) {
    int32_t row = first[e];
    for (int64_t slot = 0; slot < slots; ++slot) {
      if (args.ids[slot] != e) continue;
      args.row_of[slot] = row;
      if (row < args.rows) args.grouped_layout[row] = e;
      ++row;
    }
  }
}

// One block a slot.
__global__ void copy_rows(hd_moe_permute_args args) {
  const int64_t slot = blockIdx.x;
  const int64_t token = slot / args.top_experts;
  if (args.ids[slot] < 0 || args.ids[slot] >= args.experts) return;
  const int64_t row = args.row_of[slot];
  if (row >= args.rows) return;
  const bool plain = args.x_dtype == HD_DTYPE_BF16 || args.x_dtype == HD_DTYPE_F32;
  const int64_t bytes = static_cast<int64_t>(args.k) * (!plain ? 1 : args.x_dtype == HD_DTYPE_BF16 ? 2 : 4);
  const auto* x = reinterpret_cast<const uint4*>(args.x + token * bytes);
  auto* y = reinterpret_cast<uint4*>(args.y + row * bytes);
  for (int64_t i = threadIdx.x; i < bytes / 16; i += blockDim.x) y[i] = x[i];
  if (plain) return;
  for (int64_t block = threadIdx.x; block < args.k / HD_SCALE_BLOCK; block += blockDim.x) {
    args.y_scale[row * args.y_scale_row_stride + block * args.y_scale_block_stride] =
        args.x_scale[token * args.x_scale_row_stride + block * args.x_scale_block_stride];
  }
}

}  // namespace

int32_t MoePermutePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t threads = ceil_div(args.experts, 32) * 32;
  place<<<1, static_cast<unsigned>(threads < 256 ? 256 : threads), 0, stream>>>(args);
  if (const int32_t status = launched("moe_permute")) return status;
  if (args.m == 0) return HD_STATUS_OK;  // The layout of no rows has been written.
  copy_rows<<<static_cast<unsigned>(static_cast<int64_t>(args.m) * args.top_experts), 128, 0, stream>>>(args);
  return launched("moe_permute");
}

}  // namespace hadal::cuda
