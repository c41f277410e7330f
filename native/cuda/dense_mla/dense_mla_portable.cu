#include "attention/attend.cuh"
#include "dense_mla/dense_mla.h"

namespace hadal::cuda {
namespace {

// A block takes 16 heads of one query.
__global__ void __launch_bounds__(kAttendThreads) dense_mla(hd_dense_mla_args args) {
  extern __shared__ __align__(16) unsigned char shared[];
  const int64_t row = blockIdx.x;
  const int head = static_cast<int>(blockIdx.y) * kAttendHeads;
  const int64_t first = row * args.heads + head;
  const int32_t* table = args.block_table + args.row_sequence[row] * static_cast<int64_t>(args.max_pages);
  attend(
      *reinterpret_cast<AttendTiles*>(shared), static_cast<const std::byte*>(args.cache), args.format,
      static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS, args.visible[row],
      [&](int32_t i) -> int64_t {
        return static_cast<int64_t>(table[i / HD_PAGE_TOKENS]) * HD_PAGE_TOKENS + i % HD_PAGE_TOKENS;
      },
      args.heads - head < kAttendHeads ? args.heads - head : kAttendHeads,
      static_cast<const bf16*>(args.q) + first * HD_MLA_DIM, args.softmax_scale,
      static_cast<bf16*>(args.out) + first * HD_LATENT_DIM, args.lse == nullptr ? nullptr : args.lse + first);
}

}  // namespace

int32_t DenseMlaPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  if (const int32_t status = allow_tiles(dense_mla, "dense_mla")) return status;
  const dim3 grid(static_cast<unsigned>(args.m), static_cast<unsigned>(ceil_div(args.heads, kAttendHeads)));
  dense_mla<<<grid, kAttendThreads, sizeof(AttendTiles), stream>>>(args);
  return launched("dense_mla");
}

}  // namespace hadal::cuda
