// Attention over chosen tokens of an FP8 MLA cache.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct SparseMlaPortable : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

#ifdef HADAL_CUDA_UPSTREAM
// FlashMLA's sparse decode, each query as a sequence of its own: for calls that the prefill kernel doesn't suit.
struct SparseMlaFlashMla : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

// FlashMLA's sparse prefill, which takes bf16 rows: the whole cache is expanded first. For calls of many queries, which
// read each token of it at least twice.
struct SparseMlaFlashMlaPrefill : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

}  // namespace hadal::cuda
