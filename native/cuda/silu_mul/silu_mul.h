// silu(gate) * up.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct SiluMulPortable : Kernel<hd_silu_mul_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
