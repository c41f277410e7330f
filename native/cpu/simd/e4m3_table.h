// Byte tables that turn e4m3 codes into bfloat16.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace hadal::cpu {
namespace {

// The low and the high byte of the bf16 of every code without its sign. Exact for zero, subnormals and NaN.
struct alignas(64) E4m3Table {
  uint8_t low[128];
  uint8_t high[128];
};

// The table of value * 2^exponent, exact for exponents in [-100, 100]. Even the smallest subnormal, 2^-9, is a normal
// bf16, so that nothing is lost where an instruction takes denormals as zero.
constexpr E4m3Table make_e4m3_table(int exponent) {
  E4m3Table table{};
  for (uint32_t code = 0; code < 128; ++code) {
    const uint32_t mantissa = code & 7u;
    uint32_t bits = 0;
    if (code == 127u) {
      bits = 0x7fc0u;
    } else if (code >= 8u) {
      bits = (((code >> 3) + 120u + static_cast<uint32_t>(exponent)) << 7) | (mantissa << 4);
    } else if (mantissa != 0u) {
      const uint32_t top = static_cast<uint32_t>(std::bit_width(mantissa)) - 1u;
      bits = ((118u + top + static_cast<uint32_t>(exponent)) << 7) | (((mantissa << (7u - top)) & 0x7fu));
    }
    table.low[code] = static_cast<uint8_t>(bits & 0xffu);
    table.high[code] = static_cast<uint8_t>(bits >> 8);
  }
  return table;
}

constexpr E4m3Table kE4m3Table = make_e4m3_table(0);

// Exponents of scales that fold: wide enough for any real tensor, narrow enough that no product leaves f32.
constexpr int kLeastFold = -32;
constexpr int kMostFold = 31;

[[maybe_unused]] constexpr bool in_fold_range(float scale) {
  return (std::bit_cast<uint32_t>(scale) >> 23) - (127u + kLeastFold) <= static_cast<uint32_t>(kMostFold - kLeastFold);
}

// The same of a power of two.
[[maybe_unused]] constexpr bool folds(float scale) {
  return (std::bit_cast<uint32_t>(scale) & 0x7fffffu) == 0 && in_fold_range(scale);
}

// The exponent of a scale that folds, from kLeastFold.
[[maybe_unused]] constexpr uint32_t fold_index(float scale) {
  return (std::bit_cast<uint32_t>(scale) >> 23) - (127u + kLeastFold);
}

}  // namespace
}  // namespace hadal::cpu
