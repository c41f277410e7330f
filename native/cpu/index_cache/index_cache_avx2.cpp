#include "cpu/index_cache/index_cache.h"
#include "cpu/index_cache/index_cache_simd.h"

namespace hadal::cpu {

int32_t IndexCacheAppendAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return index_cache_append(args, pool);
}

}  // namespace hadal::cpu
