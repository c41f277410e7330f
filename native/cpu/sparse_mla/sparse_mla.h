// Attention of [m, heads, 576] queries over chosen tokens of the MLA cache.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct SparseMlaScalar : Kernel<hd_sparse_mla_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

struct SparseMlaAvx512 : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct SparseMlaAvx512f : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct SparseMlaAvx2 : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
