// hd_rope on vectors of floats: the same bits as the scalar.
#pragma once

#include "cpu/rope/positions.h"
#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Pairs side by side.
inline void turn_interleaved(const hd_rope_args& args, const float* cosine, const float* sine, int64_t x, int64_t y) {
  const int64_t half = args.dim / 2;
  for (int64_t i = 0; i < half; i += kFloats) {
    const Floats c = load_floats(cosine, HD_DTYPE_F32, i, half - i);
    const Floats s = load_floats(sine, HD_DTYPE_F32, i, half - i);
    const auto turn = [&](int64_t first, Floats cosines, Floats sines) {
      const int64_t left = args.dim - first;
      if (left <= 0) return;
      const Floats value = load_floats(args.x, args.x_dtype, x + first, left);
      // a cos - b sin in even lanes, b cos + a sin in odd ones.
      const Floats turned_value = value * cosines + turned<1, false>(across<1>(value) * sines);
      store_floats(args.y, args.x_dtype, y + first, turned_value, left);
    };
    turn(2 * i, twice<false>(c), twice<false>(s));
    turn(2 * i + kFloats, twice<true>(c), twice<true>(s));
  }
}

// Pairs half the width apart.
inline void turn_halves(const hd_rope_args& args, const float* cosine, const float* sine, int64_t x, int64_t y) {
  const int64_t half = args.dim / 2;
  for (int64_t i = 0; i < half; i += kFloats) {
    const int64_t left = half - i;
    const Floats c = load_floats(cosine, HD_DTYPE_F32, i, left);
    const Floats s = load_floats(sine, HD_DTYPE_F32, i, left);
    const Floats a = load_floats(args.x, args.x_dtype, x + i, left);
    const Floats b = load_floats(args.x, args.x_dtype, x + half + i, left);
    store_floats(args.y, args.x_dtype, y + i, a * c - b * s, left);
    store_floats(args.y, args.x_dtype, y + half + i, a * s + b * c, left);
  }
}

inline int32_t rope(const hd_rope_args& args, ThreadPool& pool) {
  if (const int32_t status = check_positions(args)) return status;
  for_rows(pool, args.m, static_cast<int64_t>(args.heads) * args.dim, [&](int64_t token) {
    const float* cosine = args.table + static_cast<int64_t>(args.positions[token]) * args.dim;
    const float* sine = cosine + args.dim / 2;
    for (int64_t head = 0; head < args.heads; ++head) {
      const int64_t x = token * args.x_stride + head * args.x_head_stride;
      const int64_t y = token * args.y_stride + head * args.y_head_stride;
      if (args.layout == HD_ROPE_INTERLEAVED) {
        turn_interleaved(args, cosine, sine, x, y);
      } else {
        turn_halves(args, cosine, sine, x, y);
      }
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
