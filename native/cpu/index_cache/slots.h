// What the variants of hd_index_cache_append refuse: a slot that the cache lacks.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_slots(const hd_index_cache_append_args& args) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.slots[i] < -1 || args.slots[i] >= static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS) {
      return fail(HD_STATUS_INVALID_ARGUMENT,
                  "hd_index_cache_append: slots[%d] is %d; the cache has slots 0 to %lld, and -1 is none", i,
                  args.slots[i], static_cast<long long>(args.pages) * HD_PAGE_TOKENS - 1);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
