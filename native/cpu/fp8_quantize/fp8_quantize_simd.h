// hd_fp8_quantize on vectors of floats: the same scales and codes as the scalar.
#pragma once

#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t quantize(const hd_fp8_quantize_args& args, ThreadPool& pool) {
  for_rows(pool, args.m, args.k, [&](int64_t row) {
    for (int64_t block = 0; block < args.k / HD_SCALE_BLOCK; ++block) {
      const int64_t column = block * HD_SCALE_BLOCK;
      Floats x[HD_SCALE_BLOCK / kFloats];
      for (int64_t i = 0; i < HD_SCALE_BLOCK / kFloats; ++i) {
        x[i] = load_floats(args.x, args.x_dtype, row * args.x_stride + column + i * kFloats);
      }
      args.scale[row * args.scale_row_stride + block * args.scale_block_stride] =
          quantize_floats(x, args.q + row * args.k + column, args.scale_format);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
