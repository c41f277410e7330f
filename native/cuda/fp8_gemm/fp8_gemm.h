// d[m, n] = a[m, k] * b[n, k]^T, e4m3 with block scales; plain, grouped contiguous and grouped masked.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct Fp8GemmPortable : Kernel<hd_fp8_gemm_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct Fp8GemmContiguousPortable : Kernel<hd_fp8_gemm_contiguous_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct Fp8GemmMaskedPortable : Kernel<hd_fp8_gemm_masked_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
