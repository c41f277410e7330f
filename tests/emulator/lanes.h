#pragma once

// Functions of one lane applied to 32.

#include <cmath>
#include <cstdint>

#include "warp.h"

namespace emulator {

template <typename T>
inline void Blend(T* target, const T* values, uint32_t mask) {
  if (mask == kAllLanes) {
    for (int i = 0; i < 32; ++i) target[i] = values[i];
  } else {
    for (int i = 0; i < 32; ++i) target[i] = mask >> i & 1 ? values[i] : target[i];
  }
}

// D = f(A), f(A, B), f(A, B, C). Targets may be sources: values are stored when all are there.
template <typename D, typename A, auto F>
Next Map1(Warp& warp, const Op& op, uint32_t mask) {
  const A* a = warp.In<A>(op.a);
  alignas(64) D values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<D>(F(a[i]));
  Blend(warp.Out<D>(op.d), values, mask);
  return Next::kNext;
}

template <typename D, typename A, typename B, auto F>
Next Map2(Warp& warp, const Op& op, uint32_t mask) {
  const A* a = warp.In<A>(op.a);
  const B* b = warp.In<B>(op.b);
  alignas(64) D values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<D>(F(a[i], b[i]));
  Blend(warp.Out<D>(op.d), values, mask);
  return Next::kNext;
}

template <typename D, typename A, typename B, typename C, auto F>
Next Map3(Warp& warp, const Op& op, uint32_t mask) {
  const A* a = warp.In<A>(op.a);
  const B* b = warp.In<B>(op.b);
  const C* c = warp.In<C>(op.c);
  alignas(64) D values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<D>(F(a[i], b[i], c[i]));
  Blend(warp.Out<D>(op.d), values, mask);
  return Next::kNext;
}

// 32 bytes of 0 or 1 to a bit a lane.
inline uint32_t PackBits(const uint8_t (&bits)[32]) {
  uint32_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    uint64_t eight;
    __builtin_memcpy(&eight, bits + 8 * i, 8);
    mask |= static_cast<uint32_t>(eight * 0x0102040810204080u >> 56) << (8 * i);
  }
  return mask;
}

inline void SetPredicate(Warp& warp, Ref ref, uint32_t value, uint32_t mask) {
  if (ref == kNoRef) return;
  uint32_t& target = *warp.Out<uint32_t>(ref);
  target = (target & ~mask) | (value & mask);
}

// The lanes of a mask, in order.
template <typename F>
inline void ForLanes(uint32_t mask, F&& f) {
  for (; mask; mask &= mask - 1) f(__builtin_ctz(mask));
}

}  // namespace emulator
