// SiLU times a factor, on vectors of floats.
#pragma once

#include "cpu/simd/exp.h"

namespace hadal::cpu {
namespace {

[[gnu::always_inline]] inline Floats silu_times(Floats gate, Floats up) {
  return gate / (floats_of(1.0f) + exp_f32(-gate)) * up;
}

}  // namespace
}  // namespace hadal::cpu
