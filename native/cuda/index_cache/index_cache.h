// Quantises indexer keys into the index cache.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct IndexCacheAppendPortable : Kernel<hd_index_cache_append_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
