// The exponential function, on vectors of floats.
#pragma once

#include "cpu/simd/floats.h"

namespace hadal::cpu {
namespace {

// Within 2 ulp; exact infinities and zeros at the ends, NaN stays one.
[[gnu::always_inline]] inline Floats exp_f32(Floats x) {
  x = clamp(x, -105.0f, 89.0f);
  const Floats n = nearest(x * floats_of(1.44269504f));
  // ln 2 in two parts: n times the first is exact.
  Floats r = fused(-n, floats_of(0x1.62e400p-1f), x);
  r = fused(-n, floats_of(0x1.7f7d1cp-20f), r);
  constexpr float kTaylor[] = {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f};
  Floats p = floats_of(1.0f / 5040);
#pragma GCC unroll 8
  for (const float coefficient : kTaylor) p = fused(p, r, floats_of(coefficient));
  return times_power(p, n);
}

}  // namespace
}  // namespace hadal::cpu
