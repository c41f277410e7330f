// What the variants of hd_moe_route refuse: values that have no order.
#pragma once

#include <cmath>

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_logits(const hd_moe_route_args& args) {
  for (int64_t i = 0; i < static_cast<int64_t>(args.m) * args.experts; ++i) {
    if (std::isnan(args.logits[i])) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_route: logits of token %lld, expert %lld is NaN",
                  static_cast<long long>(i / args.experts), static_cast<long long>(i % args.experts));
    }
  }
  for (int32_t e = 0; args.bias != nullptr && e < args.experts; ++e) {
    if (!std::isfinite(args.bias[e]))
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_route: bias[%d] is not finite", e);
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
