// What only a look at the rows' ranges and positions can find wrong.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_rows(const hd_masked_mha_args& args) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.visible[i] < 0 || args.visible[i] > args.keys) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_masked_mha: visible[%d] is %d; it must be 0 to keys = %d", i,
                  args.visible[i], args.keys);
    }
    const int32_t* positions =
        args.positions == nullptr ? nullptr : args.positions + i * static_cast<int64_t>(args.topk);
    for (int64_t j = 0; positions != nullptr && j < args.topk; ++j) {
      const int32_t position = positions[j];
      if (position < -1 || position >= args.visible[i]) {
        return fail(HD_STATUS_INVALID_ARGUMENT,
                    "hd_masked_mha: positions[%d][%lld] is %d; it must be below visible = %d", i,
                    static_cast<long long>(j), position, args.visible[i]);
      }
      if (j > 0 && position >= 0 && position <= positions[j - 1]) {
        return fail(HD_STATUS_INVALID_ARGUMENT, "hd_masked_mha: positions[%d][%lld] is %d after %d; they must ascend",
                    i, static_cast<long long>(j), position, positions[j - 1]);
      }
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
