// Multi-head attention with expanded keys and values.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct MaskedMhaPortable : Kernel<hd_masked_mha_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
