// d[m, n] = a[m, k] * b[n, k]^T, e4m3 with block scales; plain, grouped contiguous and grouped masked.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct Fp8GemmScalar : Kernel<hd_fp8_gemm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8GemmContiguousScalar : Kernel<hd_fp8_gemm_contiguous_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8GemmMaskedScalar : Kernel<hd_fp8_gemm_masked_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
