// Writes and reads tokens of an MLA cache.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct MlaCacheAppendPortable : Kernel<hd_mla_cache_append_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct MlaCacheGatherPortable : Kernel<hd_mla_cache_gather_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
