// What the variants of hd_moe_combine refuse: a row that x lacks.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_rows(const hd_moe_combine_args& args) {
  for (int64_t slot = 0; slot < static_cast<int64_t>(args.m) * args.top_experts; ++slot) {
    if (args.row_of[slot] < 0 || args.row_of[slot] >= args.rows) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_combine: row_of[%lld] is %d; x has rows 0 to %d",
                  static_cast<long long>(slot), args.row_of[slot], args.rows - 1);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
