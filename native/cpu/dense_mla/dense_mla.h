// Attention of [m, heads, 576] queries over a sequence's tokens in the MLA cache.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct DenseMlaScalar : Kernel<hd_dense_mla_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

struct DenseMlaAvx512 : Kernel<hd_dense_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct DenseMlaAvx512f : Kernel<hd_dense_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct DenseMlaAvx2 : Kernel<hd_dense_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
