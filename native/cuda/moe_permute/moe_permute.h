// Sorts tokens by expert.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct MoePermutePortable : Kernel<hd_moe_permute_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
