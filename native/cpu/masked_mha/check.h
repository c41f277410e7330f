// What only a look at the rows' ranges and positions can find wrong.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_visible(const hd_masked_mha_args& args) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.visible[i] < 0 || args.visible[i] > args.keys) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_masked_mha: visible[%d] is %d; it must be 0 to keys = %d", i,
                  args.visible[i], args.keys);
    }
  }
  return HD_STATUS_OK;
}

// Whether a column of `positions` is in range and ascends.
[[maybe_unused]] inline bool is_position(const hd_masked_mha_args& args, int64_t row, int64_t column) {
  const int32_t* position = args.positions + row * args.topk + column;
  return *position >= -1 && *position < args.visible[row] && (column == 0 || *position < 0 || *position > position[-1]);
}

[[maybe_unused]] inline int32_t check_positions(const hd_masked_mha_args& args) {
  for (int64_t row = 0; args.positions != nullptr && row < args.m; ++row) {
    for (int64_t column = 0; column < args.topk; ++column) {
      if (is_position(args, row, column)) continue;
      const int32_t* position = args.positions + row * args.topk + column;
      if (*position < -1 || *position >= args.visible[row]) {
        return fail(HD_STATUS_INVALID_ARGUMENT,
                    "hd_masked_mha: positions[%lld][%lld] is %d; it must be below visible = %d",
                    static_cast<long long>(row), static_cast<long long>(column), *position, args.visible[row]);
      }
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_masked_mha: positions[%lld][%lld] is %d after %d; they must ascend",
                  static_cast<long long>(row), static_cast<long long>(column), *position, position[-1]);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
