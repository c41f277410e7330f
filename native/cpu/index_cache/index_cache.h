// Indexer keys [m, 128] into the paged index cache.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct IndexCacheAppendScalar : Kernel<hd_index_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexCacheAppendAvx512 : Kernel<hd_index_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct IndexCacheAppendAvx2 : Kernel<hd_index_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
