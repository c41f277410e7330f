// A 16x8 product of bf16 tiles with f32 sums on the tensor cores (mma.sync m16n8k16, from sm_80 on).
//
// With lane = 4 * g + t, a lane holds of A [16, 16] the pairs (row g or g + 8, columns 2t and 2t + 8), of B [16, 8] the
// pairs (rows 2t and 2t + 8, column g), of D [16, 8] columns 2t and 2t + 1 of rows g and g + 8. Source: PTX ISA,
// "Matrix Fragments for mma.m16n8k16 with floating point type".
#pragma once

#include <cstdint>

#include "device/number.cuh"

namespace hadal::cuda {

struct MmaSum {
  float x[4] = {0.0f, 0.0f, 0.0f, 0.0f};  // (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1)
};

__device__ inline void mma(MmaSum& d, const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d.x[0]), "+f"(d.x[1]), "+f"(d.x[2]), "+f"(d.x[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline uint32_t pair_at(const bf16* x) {
  return *reinterpret_cast<const uint32_t*>(x);
}

// A's fragment from rows of `stride` (even) elements, at the tile's first element.
__device__ inline void load_a(uint32_t (&a)[4], const bf16* tile, int stride) {
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  const bf16* x = tile + g * stride + 2 * t;
  a[0] = pair_at(x);
  a[1] = pair_at(x + 8 * stride);
  a[2] = pair_at(x + 8);
  a[3] = pair_at(x + 8 * stride + 8);
}

// B's fragment where B lies as [n, k]: row n of `stride` elements holds column n.
__device__ inline void load_b(uint32_t (&b)[2], const bf16* tile, int stride) {
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  const bf16* x = tile + g * stride + 2 * t;
  b[0] = pair_at(x);
  b[1] = pair_at(x + 8);
}

// B's fragment where B lies as [k, n].
__device__ inline void load_b_kn(uint32_t (&b)[2], const bf16* tile, int stride) {
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  const bf16* x = tile + 2 * t * stride + g;
  b[0] = x[0] | static_cast<uint32_t>(x[stride]) << 16;
  b[1] = x[8 * stride] | static_cast<uint32_t>(x[9 * stride]) << 16;
}

}  // namespace hadal::cuda
