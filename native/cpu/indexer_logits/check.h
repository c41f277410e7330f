// What only a look at the rows' ranges can find wrong.
#pragma once

#include "cpu/paging.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_rows(const hd_indexer_logits_args& args) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.start[i] < 0 || args.start[i] > args.end[i] || args.end[i] > args.keys) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_indexer_logits: row %d sees keys %d to %d; they must lie in 0 to %d",
                  i, args.start[i], args.end[i], args.keys);
    }
  }
  return HD_STATUS_OK;
}

[[maybe_unused]] inline int32_t check_rows(const hd_indexer_logits_paged_args& args) {
  if (const int32_t status = check_paging("hd_indexer_logits_paged", args.m, args.sequences, args.max_pages, args.pages,
                                          args.block_table, args.row_sequence, args.visible)) {
    return status;
  }
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.visible[i] > args.logits_stride) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_indexer_logits_paged: visible[%d] is %d; logits_stride is %lld", i,
                  args.visible[i], static_cast<long long>(args.logits_stride));
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
