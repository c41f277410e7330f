// Attention over the first tokens of a sequence.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct DenseMlaPortable : Kernel<hd_dense_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

#ifdef HADAL_CUDA_UPSTREAM
// FlashMLA's dense decode over bf16 pages, each query as a sequence of its own.
struct DenseMlaFlashMla : Kernel<hd_dense_mla_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

}  // namespace hadal::cuda
