// The largest scores of each row, exactly, and the same fused with the indexer's logits.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct TopkPortable : Kernel<hd_topk_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct IndexerTopkPortable : Kernel<hd_indexer_topk_args> {
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
