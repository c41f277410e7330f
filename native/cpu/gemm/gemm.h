// d[batch][m, n] = a[batch][m, k] * b, bf16, f32 or, of b, e4m3; products and sums in f32. The SIMD variants take b in
// bf16 (AVX-512, where b is [k, n], a too), and AVX-512 e4m3 whose scales are powers of two; f32 by f32 belongs to the
// verification mode, which the scalar serves. Grouped, b is [n, k], bf16 or f32, and a row has the bits of the plain
// product by the variant of the same instruction set.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct GemmScalar : Kernel<hd_gemm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmAvx512 : Kernel<hd_gemm_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmAvx512f : Kernel<hd_gemm_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmAvx2 : Kernel<hd_gemm_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmContiguousScalar : Kernel<hd_gemm_contiguous_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmContiguousAvx512 : Kernel<hd_gemm_contiguous_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmContiguousAvx512f : Kernel<hd_gemm_contiguous_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct GemmContiguousAvx2 : Kernel<hd_gemm_contiguous_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
