// What the variants of the MLA cache's operations refuse: a slot that the cache lacks.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_slots(const char* function, const int32_t* slots, int32_t m, int32_t pages) {
  for (int32_t i = 0; i < m; ++i) {
    if (slots[i] < -1 || slots[i] >= static_cast<int64_t>(pages) * HD_PAGE_TOKENS) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: slots[%d] is %d; the cache has slots 0 to %lld, and -1 is none",
                  function, i, slots[i], static_cast<long long>(pages) * HD_PAGE_TOKENS - 1);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
