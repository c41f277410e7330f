// The indexer's head weights.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct IndexerWeightsPortable : Kernel<hd_indexer_weights_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
