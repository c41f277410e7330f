// Quantises activations to e4m3, one scale a row and 128 columns.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct Fp8QuantizePortable : Kernel<hd_fp8_quantize_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
