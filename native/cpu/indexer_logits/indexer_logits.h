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

}  // namespace hadal::cpu
