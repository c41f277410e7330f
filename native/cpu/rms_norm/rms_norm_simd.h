// hd_rms_norm on vectors of floats. The squares of a row are summed in four vectors, in one order.
#pragma once

#include <cmath>

#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t rms_norm(const hd_rms_norm_args& args, ThreadPool& pool) {
  for_rows(pool, args.m, args.n, [&](int64_t row) {
    const int64_t x = row * args.x_stride;
    const int64_t residual = row * args.n;
    // The sum is formed twice rather than kept, since it must stay unrounded where the residual is stored rounded.
    const auto sum_at = [&](int64_t i) {
      const Floats value = load_floats(args.x, args.x_dtype, x + i, args.n - i);
      if (args.residual == nullptr) return value;
      return value + load_floats(args.residual, args.x_dtype, residual + i, args.n - i);
    };
    Floats squares[4] = {};
    for (int64_t i = 0; i < args.n; i += 4 * kFloats) {
      for (int64_t j = 0; j < 4 && i + j * kFloats < args.n; ++j) {
        const Floats h = sum_at(i + j * kFloats);
        squares[j] = fused(h, h, squares[j]);
      }
    }
    const float square = sum((squares[0] + squares[1]) + (squares[2] + squares[3]));
    const Floats scale = floats_of(1.0f / std::sqrt(square / static_cast<float>(args.n) + args.epsilon));
    // Writes y to the element `to` of a matrix.
    const auto norm = [&](int64_t i, void* matrix, int64_t to) {
      const int64_t left = args.n - i;
      const Floats h = sum_at(i);
      if (args.residual != nullptr) store_floats(args.residual, args.x_dtype, residual + i, h, left);
      const Floats weight = load_floats(args.weight, args.weight_dtype, i, left);
      store_floats(matrix, args.x_dtype, to, h * scale * weight, left);
    };
    if (args.q == nullptr) {
      for (int64_t i = 0; i < args.n; i += kFloats) norm(i, args.y, row * args.y_stride + i);
      return;
    }
    float own[HD_SCALE_BLOCK];
    for (int64_t block = 0; block < args.n / HD_SCALE_BLOCK; ++block) {
      const int64_t column = block * HD_SCALE_BLOCK;
      void* y = args.y != nullptr ? args.y : own;
      const int64_t first = args.y != nullptr ? row * args.y_stride + column : 0;
      Floats rounded[HD_SCALE_BLOCK / kFloats];
      for (int64_t i = 0; i < HD_SCALE_BLOCK; i += kFloats) {
        norm(column + i, y, first + i);
        rounded[i / kFloats] = load_floats(y, args.x_dtype, first + i);
      }
      args.q_scale[row * args.q_scale_row_stride + block * args.q_scale_block_stride] =
          quantize_floats(rounded, args.q + row * args.n + column, args.q_scale_format);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
