// Rotary embedding, and its table.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct RopeTablePortable : Kernel<hd_rope_table_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct RopePortable : Kernel<hd_rope_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
