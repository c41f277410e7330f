// hd_fp8_dequantize on vectors of floats: the same values as the scalar.
#pragma once

#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t dequantize(const hd_fp8_dequantize_args& args, ThreadPool& pool) {
  const int64_t blocks = (args.k + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
  for_rows(pool, args.n, args.k, [&](int64_t row) {
    const float* scale = args.scale_inv + row / HD_SCALE_BLOCK * blocks;
    for (int64_t column = 0; column < args.k; column += kFloats) {
      const int64_t index = row * args.k + column;
      const int64_t left = args.k - column;
      store_floats(args.y, args.y_dtype, index,
                   load_e4m3(args.q + index, left) * floats_of(scale[column / HD_SCALE_BLOCK]), left);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
