// What only a look at the indices can find wrong.
#pragma once

#include <algorithm>

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_indices(const hd_sparse_mla_args& args) {
  const int64_t slots = static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS;
  const int64_t count = static_cast<int64_t>(args.m) * args.topk;
  int32_t least = -1;
  int32_t most = -1;
  for (int64_t i = 0; i < count; ++i) {
    least = std::min(least, args.indices[i]);
    most = std::max(most, args.indices[i]);
  }
  if (least == -1 && most < slots) return HD_STATUS_OK;
  for (int64_t i = 0; i < count; ++i) {
    if (args.indices[i] < -1 || args.indices[i] >= slots) {
      return fail(HD_STATUS_INVALID_ARGUMENT,
                  "hd_sparse_mla: indices[%lld][%lld] is %d; the cache has slots 0 to %lld, and -1 is none",
                  static_cast<long long>(i / args.topk), static_cast<long long>(i % args.topk), args.indices[i],
                  static_cast<long long>(slots - 1));
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
