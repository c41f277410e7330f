// Indexer scores of [m] queries against contiguous or paged keys.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct IndexerLogitsScalar : Kernel<hd_indexer_logits_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsPagedScalar : Kernel<hd_indexer_logits_paged_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

// Pairs of bf16, exact products summed in f32.
struct IndexerLogitsAvx512 : Kernel<hd_indexer_logits_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsPagedAvx512 : Kernel<hd_indexer_logits_paged_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsAvx512f : Kernel<hd_indexer_logits_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsPagedAvx512f : Kernel<hd_indexer_logits_paged_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsAvx2 : Kernel<hd_indexer_logits_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexerLogitsPagedAvx2 : Kernel<hd_indexer_logits_paged_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
