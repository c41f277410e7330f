// d[m, n] = a[m, k] * b[n, k]^T, e4m3 with block scales; plain, several of one a, grouped contiguous and grouped
// masked. Products of one weight have kernels; SwiGLUs and several products are composed of them.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct Fp8GemmPortable : Kernel<hd_fp8_gemm_args> {
  static bool serves(const Args& args) { return args.has_up == 0; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct Fp8GemmContiguousPortable : Kernel<hd_fp8_gemm_contiguous_args> {
  static bool serves(const Args& args) { return args.has_up == 0; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct Fp8GemmMaskedPortable : Kernel<hd_fp8_gemm_masked_args> {
  static bool serves(const Args& args) { return args.has_up == 0; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

#ifdef HADAL_CUDA_UPSTREAM
// DeepGEMM's 1d2d kernels. They take bf16 results, n a multiple of 8, the MN-major form of a's scales, and, grouped,
// weights and scales of the groups side by side without gaps.
struct Fp8GemmDeepGemm : Kernel<hd_fp8_gemm_args> {
  static bool serves(const Args& args);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

// m a multiple of 128; the caller has padded each group to 128 rows (hadal.h), which can't be seen here.
struct Fp8GemmContiguousDeepGemm : Kernel<hd_fp8_gemm_contiguous_args> {
  static bool serves(const Args& args);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct Fp8GemmMaskedDeepGemm : Kernel<hd_fp8_gemm_masked_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

// A SwiGLU in any form of the product: each of its two products by the kernel that would serve it alone, so that its
// bits are those of separate calls.
template <class ArgsType>
struct Fp8SwiGluComposed : Kernel<ArgsType> {
  using Args = ArgsType;
  static bool serves(const Args& args) { return args.has_up != 0; }
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

// Several products, likewise.
struct Fp8GemmMultiComposed : Kernel<hd_fp8_gemm_multi_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
