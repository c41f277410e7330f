// hd_hadamard on vectors of floats: the same bits as the scalar.
#pragma once

#include <cmath>

#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Sums and differences of lanes kWidth apart.
template <int kWidth>
inline Floats butterfly(Floats x) {
  return across<kWidth>(x) + turned<kWidth, true>(x);
}

// n is a multiple of kFloats.
inline int32_t hadamard(const hd_hadamard_args& args, ThreadPool& pool) {
  const Floats scale = floats_of(1.0f / std::sqrt(static_cast<float>(args.n)));
  for_rows(pool, args.m, args.n, [&](int64_t row) {
    Floats x[1024 / kFloats];
    const int64_t count = args.n / kFloats;
    for (int64_t i = 0; i < count; ++i) {
      x[i] = load_floats(args.x, args.x_dtype, row * args.n + i * kFloats);
      x[i] = butterfly<4>(butterfly<2>(butterfly<1>(x[i])));
      if constexpr (kFloats == 16) x[i] = butterfly<8>(x[i]);
    }
    for (int64_t width = 1; width < count; width *= 2) {
      for (int64_t first = 0; first < count; first += 2 * width) {
        for (int64_t i = first; i < first + width; ++i) {
          const Floats a = x[i];
          const Floats b = x[i + width];
          x[i] = a + b;
          x[i + width] = a - b;
        }
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      store_floats(args.y, args.x_dtype, row * args.n + i * kFloats, x[i] * scale);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
