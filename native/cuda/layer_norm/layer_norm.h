// LayerNorm with weight and bias.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct LayerNormPortable : Kernel<hd_layer_norm_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
