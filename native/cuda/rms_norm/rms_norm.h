// RMSNorm with the residual sum before it and the quantisation after it fused in.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct RmsNormPortable : Kernel<hd_rms_norm_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
