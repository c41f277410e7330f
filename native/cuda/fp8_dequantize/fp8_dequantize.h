// Expands block-quantised weights.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct Fp8DequantizePortable : Kernel<hd_fp8_dequantize_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
