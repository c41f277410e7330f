// d[m, n] = a[m, k] * b^T or a * b, batched, bf16 or f32; and its contiguous grouped form.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct GemmPortable : Kernel<hd_gemm_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct GemmContiguousPortable : Kernel<hd_gemm_contiguous_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

#ifdef HADAL_CUDA_UPSTREAM
// DeepGEMM's bf16 kernels: all of bf16, every stride a multiple of 8, up to 128 batches.
struct GemmDeepGemm : Kernel<hd_gemm_args> {
  static bool serves(const Args& args);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

}  // namespace hadal::cuda
