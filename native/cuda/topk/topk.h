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

// The logits that the fused form takes the largest of; `logits` is left to the caller.
hd_indexer_logits_paged_args logits_of(const hd_indexer_topk_args& args);

// Whether no query can see more keys than are chosen: it takes them all, and scores are not read.
inline bool takes_all(const hd_indexer_topk_args& args) {
  return static_cast<int64_t>(args.max_pages) * HD_PAGE_TOKENS <= args.topk;
}

// Chooses for queries [first, first + count), whose scores lie at scores [count, stride].
int32_t choose(const hd_indexer_topk_args& args, const float* scores, int64_t stride, int64_t first, int64_t count,
               cudaStream_t stream);

#ifdef HADAL_CUDA_UPSTREAM
// DeepGEMM's scores, our choice.
struct IndexerTopkDeepGemm : Kernel<hd_indexer_topk_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

}  // namespace hadal::cuda
