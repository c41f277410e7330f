// Number formats. Everything is in an unnamed namespace, so that a file compiled for one instruction set never lends
// its code to another.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "hadal.h"

namespace hadal::cpu {
namespace {

using bf16 = uint16_t;  // The bits of a bfloat16.

[[maybe_unused]] inline float from_bf16(bf16 x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x) << 16);
}

// Round to nearest even; a NaN stays one.
[[maybe_unused]] inline bf16 to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<bf16>((bits >> 16) | 0x40u);
  return static_cast<bf16>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// e4m3fn: exponent bias 7, subnormals of 2^-9, NaN at 0x7f and 0xff.
[[maybe_unused]] inline float from_e4m3(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24;
  const uint32_t exponent = (code >> 3) & 15u;
  const uint32_t mantissa = code & 7u;
  if (exponent == 15u && mantissa == 7u) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent == 0u)
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(mantissa) * 0x1p-9f));
  return std::bit_cast<float>(sign | ((exponent + 120u) << 23) | (mantissa << 20));
}

// Round to nearest even after clamping to +-448. A NaN becomes 0x7f whatever its sign, which processors differ in.
[[maybe_unused]] inline uint8_t to_e4m3(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint8_t sign = static_cast<uint8_t>((bits >> 24) & 0x80u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fu;
  const float clamped = magnitude >= std::bit_cast<uint32_t>(448.0f) ? 448.0f : std::bit_cast<float>(magnitude);
  if (clamped < 0x1p-6f) {
    // Adding 2^14 leaves steps of 2^-9 in the f32 mantissa, so the addition itself rounds to nearest even.
    return sign | static_cast<uint8_t>(std::bit_cast<uint32_t>(clamped + 0x1p14f) - std::bit_cast<uint32_t>(0x1p14f));
  }
  const uint32_t value = std::bit_cast<uint32_t>(clamped);
  const uint32_t rounded = value + 0x7ffffu + ((value >> 20) & 1u);
  return sign | static_cast<uint8_t>((rounded >> 20) - (120u << 3));
}

// s = max(amax, 1e-4) * f32(1/448), rounded up to a power of two for ue8m0 by its bits.
[[maybe_unused]] inline float scale_of(float amax, int32_t scale_format) {
  const float scale = (amax > 1e-4f ? amax : 1e-4f) * (1.0f / 448.0f);
  if (scale_format == HD_SCALE_PLAIN) return scale;
  const uint32_t bits = std::bit_cast<uint32_t>(scale);
  const uint32_t exponent = (bits >> 23) + ((bits & 0x7fffffu) != 0u ? 1u : 0u);
  return std::bit_cast<float>(exponent << 23);
}

// Any alignment: weights are read where they lie in a mapped file.
[[maybe_unused]] inline float load(const void* x, int32_t dtype, int64_t index) {
  if (dtype == HD_DTYPE_F32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(x) + index * 4, 4);
    return value;
  }
  bf16 bits;
  std::memcpy(&bits, static_cast<const char*>(x) + index * 2, 2);
  return from_bf16(bits);
}

[[maybe_unused]] inline void store(void* y, int32_t dtype, int64_t index, float value) {
  if (dtype == HD_DTYPE_F32) {
    static_cast<float*>(y)[index] = value;
  } else {
    static_cast<bf16*>(y)[index] = to_bf16(value);
  }
}

// Quantises 128 values by the rule of hd_fp8_quantize and returns their scale.
[[maybe_unused]] inline float quantize_block(const float* x, uint8_t* q, int32_t scale_format) {
  float amax = 0.0f;
  for (int i = 0; i < HD_SCALE_BLOCK; ++i) amax = std::fabs(x[i]) > amax ? std::fabs(x[i]) : amax;
  const float scale = scale_of(amax, scale_format);
  for (int i = 0; i < HD_SCALE_BLOCK; ++i) q[i] = to_e4m3(x[i] / scale);
  return scale;
}

}  // namespace
}  // namespace hadal::cpu
