// d[m, n] = a[m, k] * b[n, k]^T, e4m3 with block scales; plain, several of one a, grouped contiguous and grouped
// masked. The SIMD variants give bf16; f32 is the scalar's.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct Fp8GemmScalar : Kernel<hd_fp8_gemm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8GemmMultiScalar : Kernel<hd_fp8_gemm_multi_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8GemmContiguousScalar : Kernel<hd_fp8_gemm_contiguous_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8GemmMaskedScalar : Kernel<hd_fp8_gemm_masked_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

template <class ArgsType>
struct Fp8GemmSimd : Kernel<ArgsType> {
  static bool serves(const ArgsType& args) { return args.d_dtype == HD_DTYPE_BF16; }
};

template <class Args>
struct Fp8GemmAvx512 : Fp8GemmSimd<Args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

template <class Args>
struct Fp8GemmAvx512f : Fp8GemmSimd<Args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

template <class Args>
struct Fp8GemmAvx2 : Fp8GemmSimd<Args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
