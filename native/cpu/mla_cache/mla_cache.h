// Tokens into and out of the paged MLA cache.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MlaCacheAppendScalar : Kernel<hd_mla_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MlaCacheGatherScalar : Kernel<hd_mla_cache_gather_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MlaCacheAppendAvx512 : Kernel<hd_mla_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MlaCacheAppendAvx2 : Kernel<hd_mla_cache_append_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MlaCacheGatherAvx512 : Kernel<hd_mla_cache_gather_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MlaCacheGatherAvx2 : Kernel<hd_mla_cache_gather_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
