// Checks of block tables that only a look at their entries can make.
#pragma once

#include "core/error.h"

namespace hadal::cpu {
namespace {

// The pages that each row can see must be in the cache: block_table[row_sequence[i]][0 .. ceil(visible[i] / 64)).
[[maybe_unused]] inline int32_t check_paging(const char* function, int32_t m, int32_t sequences, int32_t max_pages,
                                             int32_t pages, const int32_t* block_table, const int32_t* row_sequence,
                                             const int32_t* visible) {
  for (int32_t i = 0; i < m; ++i) {
    if (row_sequence[i] < 0 || row_sequence[i] >= sequences) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: row_sequence[%d] is %d; it must be 0 to %d", function, i,
                  row_sequence[i], sequences - 1);
    }
    if (visible[i] < 0 || visible[i] > static_cast<int64_t>(max_pages) * HD_PAGE_TOKENS) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: visible[%d] is %d; the block table holds 0 to %lld tokens", function,
                  i, visible[i], static_cast<long long>(max_pages) * HD_PAGE_TOKENS);
    }
    // Rows of one sequence share their pages: only pages that the row before did not cover are looked at.
    const bool same = i > 0 && row_sequence[i - 1] == row_sequence[i];
    const int32_t first = same ? (visible[i - 1] + HD_PAGE_TOKENS - 1) / HD_PAGE_TOKENS : 0;
    for (int32_t p = first; p < (visible[i] + HD_PAGE_TOKENS - 1) / HD_PAGE_TOKENS; ++p) {
      const int32_t page = block_table[static_cast<int64_t>(row_sequence[i]) * max_pages + p];
      if (page < 0 || page >= pages) {
        return fail(HD_STATUS_INVALID_ARGUMENT, "%s: block_table[%d][%d] is %d; the cache has pages 0 to %d", function,
                    row_sequence[i], p, page, pages - 1);
      }
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
