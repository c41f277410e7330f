// The indexer's scores, over contiguous keys and over pages.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct IndexerLogitsPortable : Kernel<hd_indexer_logits_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct IndexerLogitsPagedPortable : Kernel<hd_indexer_logits_paged_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
