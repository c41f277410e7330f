#include "cpu/mla_cache/mla_cache.h"
#include "cpu/mla_cache/mla_cache_simd.h"

namespace hadal::cpu {

int32_t MlaCacheAppendAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return mla_cache_append(args, pool);
}

int32_t MlaCacheGatherAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return mla_cache_gather(args, pool);
}

}  // namespace hadal::cpu
