// What the variants of the masked GEMM refuse: counts that lie in the data.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_groups(const hd_fp8_gemm_masked_args& args) {
  for (int32_t group = 0; group < args.groups; ++group) {
    if (args.masked_m[group] < 0 || args.masked_m[group] > args.m_max) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_fp8_gemm_masked: masked_m[%d] is %d; it must be 0 to m_max = %d",
                  group, args.masked_m[group], args.m_max);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
