// Number formats as the tests understand them, written from their definitions and apart from the kernels' own.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace hadal::tests {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

inline double decode_e4m3(uint8_t code) {
  const int exponent = code >> 3 & 15;
  const int mantissa = code & 7;
  // 2^(exponent - 10) by its bits: std::ldexp takes a third of the time of filling the cases.
  double magnitude =
      exponent == 0 ? mantissa * 0x1p-9 : (8 + mantissa) * std::bit_cast<double>((1013ull + exponent) << 52);
  if (exponent == 15 && mantissa == 7) magnitude = kNan;
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

// The nearest code, the even one of two equally near, found by looking at all of them.
inline uint8_t encode_e4m3(double x) {
  const uint8_t sign = std::signbit(x) ? 0x80 : 0;
  if (std::isnan(x)) return sign | 0x7f;
  const double magnitude = std::fabs(x);
  uint8_t best = 0;
  for (uint8_t code = 1; code <= 0x7e; ++code) {
    const double near = std::fabs(decode_e4m3(code) - magnitude);
    const double nearest = std::fabs(decode_e4m3(best) - magnitude);
    if (near < nearest || (near == nearest && code % 2 == 0)) best = code;
  }
  return sign | (magnitude >= 448.0 ? 0x7e : best);
}

inline double decode_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

// Of an f32, to nearest even.
inline uint16_t encode_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const auto truncated = static_cast<uint16_t>(bits >> 16);
  if (std::isnan(x)) return truncated | 0x40;
  const uint32_t rest = bits & 0xffff;
  const bool up = rest > 0x8000 || (rest == 0x8000 && (truncated & 1) != 0);
  return static_cast<uint16_t>(truncated + (up ? 1 : 0));
}

}  // namespace hadal::tests
