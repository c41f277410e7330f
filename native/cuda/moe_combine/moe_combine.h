// Weighted sum of experts' outputs.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct MoeCombinePortable : Kernel<hd_moe_combine_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
