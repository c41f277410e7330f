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

#ifdef HADAL_CUDA_UPSTREAM
// DeepGEMM's MQA logits, up to 64 heads. Its kernels write whole tiles, so the scores go by way of the workspace.
struct IndexerLogitsDeepGemm : Kernel<hd_indexer_logits_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

struct IndexerLogitsPagedDeepGemm : Kernel<hd_indexer_logits_paged_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, const Card& card);
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};
#endif

}  // namespace hadal::cuda
