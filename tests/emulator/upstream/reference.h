#pragma once

// Number formats, random tensors, device buffers and comparison for the tests of upstream kernels.

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <vector>

namespace upstream {

// Seeds of the device: 1 to HADAL_EMULATOR_TEST_SEEDS, or to 2.
inline auto Seeds() {
  const char* count = std::getenv("HADAL_EMULATOR_TEST_SEEDS");
  return testing::Range<uint64_t>(1, 1 + (count ? std::strtoull(count, nullptr, 10) : 2));
}

inline uint16_t ToBf16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline double FromBf16(uint16_t value) {
  return std::bit_cast<float>(uint32_t{value} << 16);
}

inline double FromHalf(uint16_t value) {
  const int exponent = (value >> 10) & 31, mantissa = value & 1023;
  const double sign = value & 0x8000 ? -1 : 1;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  return sign * (exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24));
}
// Exact for the multiples of 2^-10 below 1 that the tests make.
inline uint16_t ToHalf(float value) {
  const uint16_t sign = value < 0 ? 0x8000 : 0;
  const double magnitude = std::abs(value);
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), -14);
  const auto mantissa = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return static_cast<uint16_t>(sign + ((exponent + 14) << 10) + mantissa);
}

inline double FromE4m3(uint8_t value) {
  const int exponent = (value >> 3) & 15, mantissa = value & 7;
  if (exponent == 15 && mantissa == 7) return NAN;
  const double magnitude = exponent ? std::ldexp(8 + mantissa, exponent - 10) : std::ldexp(mantissa, -9);
  return value & 0x80 ? -magnitude : magnitude;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  float Normal() { return normal_(engine_); }
  int Below(int bound) { return static_cast<int>(engine_() % bound); }
  bool Chance(double probability) { return std::uniform_real_distribution<>()(engine_) < probability; }
  // A finite e4m3 of magnitude 2^-4 to 8, or now and then zero, a subnormal or the largest.
  uint8_t E4m3() {
    const uint8_t sign = Chance(0.5) ? 0x80 : 0;
    if (Chance(0.03)) return sign | (Chance(0.5) ? Below(8) : 0x7e);
    return sign | static_cast<uint8_t>((3 + Below(7)) << 3 | Below(8));
  }
  std::vector<uint8_t> E4m3s(size_t count) {
    std::vector<uint8_t> values(count);
    for (auto& value : values) value = E4m3();
    return values;
  }
  std::vector<uint16_t> Bf16s(size_t count, float scale = 1) {
    std::vector<uint16_t> values(count);
    for (auto& value : values) value = ToBf16(Normal() * scale);
    return values;
  }
  // 2^low to 2^high.
  float PowerOfTwo(int low, int high) { return std::ldexp(1.0f, low + Below(high - low + 1)); }

 private:
  std::mt19937_64 engine_;
  std::normal_distribution<float> normal_;
};

// Device memory with the lifetime of the object. What isn't uploaded is filled with NaN patterns: an unwritten result
// shows.
template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t count) : count_(count) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)), cudaSuccess);
    EXPECT_EQ(cudaMemset(data_, 0xff, count * sizeof(T)), cudaSuccess);
  }
  explicit Buffer(const std::vector<T>& host) : count_(host.size()) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), count_ * sizeof(T)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, host.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* get() const { return data_; }
  std::vector<T> Download() const {
    std::vector<T> host(count_);
    EXPECT_EQ(cudaMemcpy(host.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess) << "download";
    return host;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

// The same infinities and NaNs; each value within one of the two bounds; 1 − 2xy/(x² + y²) within the third.
struct Tolerance {
  double absolute, relative, cosine;
};

inline void ExpectClose(std::span<const double> actual, std::span<const double> expected, Tolerance tolerance,
                        const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  double dot = 0, squares = 0;
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i], e = expected[i];
    bool good;
    if (std::isfinite(a) && std::isfinite(e)) {
      const double error = std::abs(a - e);
      good = error <= tolerance.absolute || error <= tolerance.relative * std::max(std::abs(e), 1e-30);
      dot += a * e;
      squares += a * a + e * e;
    } else {
      good = a == e;  // NaN is never expected
    }
    if (!good && wrong++ == 0) first = i;
  }
  EXPECT_EQ(wrong, 0u) << what << ": of " << actual.size() << " values; the first at " << first << ": " << actual[first]
                       << ", and must be " << expected[first];
  if (squares > 0) {
    EXPECT_LE(1 - 2 * dot / squares, tolerance.cosine) << what;
  }
}

inline std::vector<double> Bf16ToDouble(const std::vector<uint16_t>& values) {
  std::vector<double> result;
  for (const auto value : values) result.push_back(FromBf16(value));
  return result;
}

}  // namespace upstream
