// hd_silu_mul on vectors of floats.
#pragma once

#include "cpu/simd/rows.h"
#include "cpu/simd/silu.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t silu_mul(const hd_silu_mul_args& args, ThreadPool& pool) {
  for_rows(pool, args.m, args.n, [&](int64_t row) {
    for (int64_t i = 0; i < args.n; i += kFloats) {
      const int64_t left = args.n - i;
      const Floats gate = load_floats(args.gate, args.x_dtype, row * args.gate_stride + i, left);
      const Floats up = load_floats(args.up, args.x_dtype, row * args.up_stride + i, left);
      store_floats(args.y, args.x_dtype, row * args.n + i, silu_times(gate, up), left);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
