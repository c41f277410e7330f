// Number formats on the device: the same bits as native/cpu/number.h.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "hadal.h"

namespace hadal::cuda {

using bf16 = uint16_t;  // The bits of a bfloat16.

__device__ inline float from_bf16(bf16 x) {
  return __uint_as_float(static_cast<uint32_t>(x) << 16);
}

// Round to nearest even; a NaN stays one.
__device__ inline bf16 to_bf16(float x) {
  const uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<bf16>((bits >> 16) | 0x40u);
  return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// e4m3fn: exponent bias 7, subnormals of 2^-9, NaN at 0x7f and 0xff.
__device__ inline float from_e4m3(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24;
  const uint32_t magnitude = code & 0x7fu;
  if (magnitude == 0x7fu) return __uint_as_float(sign | 0x7fc00000u);
  // Read as an f32 with a small exponent, then scaled by 2^120: subnormals come out right.
  return __uint_as_float(sign | __float_as_uint(__uint_as_float(magnitude << 20) * 0x1p120f));
}

// Round to nearest even after clamping to +-448; a NaN becomes 0x7f with its sign.
__device__ inline uint8_t to_e4m3(float x) {
  const uint32_t bits = __float_as_uint(x);
  const uint32_t sign = (bits >> 24) & 0x80u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return static_cast<uint8_t>(sign | 0x7fu);
  const float clamped = fminf(__uint_as_float(magnitude), 448.0f);
  if (clamped < 0x1p-6f) {
    // Adding 2^14 leaves steps of 2^-9 in the f32 mantissa, so the addition itself rounds to nearest even.
    return static_cast<uint8_t>(sign | (__float_as_uint(__fadd_rn(clamped, 0x1p14f)) - 0x46800000u));
  }
  const uint32_t value = __float_as_uint(clamped);
  return static_cast<uint8_t>(sign | (((value + 0x7ffffu + ((value >> 20) & 1u)) >> 20) - (120u << 3)));
}

// s = max(amax, 1e-4) * f32(1/448), rounded up to a power of two for ue8m0 by its bits.
__device__ inline float scale_of(float amax, int32_t scale_format) {
  const float scale = __fmul_rn(amax > 1e-4f ? amax : 1e-4f, 1.0f / 448.0f);
  if (scale_format == HD_SCALE_PLAIN) return scale;
  const uint32_t bits = __float_as_uint(scale);
  return __uint_as_float(((bits >> 23) + ((bits & 0x7fffffu) != 0u ? 1u : 0u)) << 23);
}

__device__ inline float load(const void* x, int32_t dtype, int64_t index) {
  return dtype == HD_DTYPE_F32 ? static_cast<const float*>(x)[index] : from_bf16(static_cast<const bf16*>(x)[index]);
}

// What is left of a value that is stored.
__device__ inline float rounded(float value, int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? value : from_bf16(to_bf16(value));
}

__device__ inline void store(void* y, int32_t dtype, int64_t index, float value) {
  if (dtype == HD_DTYPE_F32) {
    static_cast<float*>(y)[index] = value;
  } else {
    static_cast<bf16*>(y)[index] = to_bf16(value);
  }
}

}  // namespace hadal::cuda
