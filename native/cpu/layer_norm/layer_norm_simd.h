// hd_layer_norm on vectors of floats, a row summed in one order.
#pragma once

#include <cmath>

#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// x, with zeros from the end of the row on.
inline Floats within(Floats x, int64_t left) {
  if (left >= kFloats) return x;
  alignas(64) float lanes[kFloats];
  store_floats(lanes, HD_DTYPE_F32, 0, x);
  return load_floats(lanes, HD_DTYPE_F32, 0, left);
}

inline int32_t layer_norm(const hd_layer_norm_args& args, ThreadPool& pool) {
  for_rows(pool, args.m, args.n, [&](int64_t row) {
    const auto x_at = [&](int64_t i) { return load_floats(args.x, args.x_dtype, row * args.x_stride + i, args.n - i); };
    Floats total = {};
    for (int64_t i = 0; i < args.n; i += kFloats) total += x_at(i);
    const Floats mean = floats_of(sum(total) / static_cast<float>(args.n));
    Floats squares = {};
    for (int64_t i = 0; i < args.n; i += kFloats) {
      const Floats distance = within(x_at(i) - mean, args.n - i);
      squares = fused(distance, distance, squares);
    }
    const Floats scale = floats_of(1.0f / std::sqrt(sum(squares) / static_cast<float>(args.n) + args.epsilon));
    for (int64_t i = 0; i < args.n; i += kFloats) {
      const int64_t left = args.n - i;
      const Floats weight = load_floats(args.weight, args.weight_dtype, i, left);
      const Floats bias = load_floats(args.bias, args.weight_dtype, i, left);
      store_floats(args.y, args.x_dtype, row * args.y_stride + i, (x_at(i) - mean) * scale * weight + bias, left);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
