// Attention over chosen tokens of an FP8 MLA cache.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct SparseMlaPortable : Kernel<hd_sparse_mla_args> {
  static bool serves(const Args& args) { return args.q_dtype == HD_DTYPE_BF16; }
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
