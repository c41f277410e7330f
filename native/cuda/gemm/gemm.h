// d[m, n] = a[m, k] * b^T or a * b, batched, bf16 or f32.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct GemmPortable : Kernel<hd_gemm_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
