// Exact top-k of [m] rows of scores, from memory or fused with the indexer's logits.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct TopkScalar : Kernel<hd_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerTopkScalar : Kernel<hd_indexer_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

struct TopkAvx512 : Kernel<hd_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerTopkAvx512 : Kernel<hd_indexer_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct TopkAvx2 : Kernel<hd_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerTopkAvx2 : Kernel<hd_indexer_topk_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
