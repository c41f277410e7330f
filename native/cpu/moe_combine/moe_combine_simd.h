// hd_moe_combine on vectors of floats: the same bits as the scalar.
#pragma once

#include "cpu/moe_combine/rows_in_range.h"
#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t moe_combine(const hd_moe_combine_args& args, ThreadPool& pool) {
  if (const int32_t status = check_rows(args)) return status;
  for_rows(pool, args.m, static_cast<int64_t>(args.n) * args.top_experts, [&](int64_t token) {
    for (int64_t i = 0; i < args.n; i += kFloats) {
      const int64_t left = args.n - i;
      Floats total = {};
      for (int64_t slot = token * args.top_experts; slot < (token + 1) * args.top_experts; ++slot) {
        const int64_t row = args.row_of[slot];
        total += floats_of(args.weights[slot]) * load_floats(args.x, args.x_dtype, row * args.n + i, left);
      }
      if (args.shared != nullptr) total += load_floats(args.shared, args.x_dtype, token * args.n + i, left);
      store_floats(args.y, args.x_dtype, token * args.n + i, total, left);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
