// Hadamard transform of rows, natural order.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct HadamardPortable : Kernel<hd_hadamard_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
