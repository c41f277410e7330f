// Random numbers that are the same on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

namespace hadal::tests {

class Random {
 public:
  // One sequence for each (seed, name, row).
  explicit Random(uint64_t seed, std::string_view name = {}, int64_t row = 0) : state_(seed) {
    for (const char letter : name) state_ = next() ^ static_cast<unsigned char>(letter);
    state_ = next() ^ static_cast<uint64_t>(row);
    next();
  }

  // splitmix64.
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  int below(int64_t count) { return static_cast<int>(next() % static_cast<uint64_t>(count)); }
  bool one_in(int count) { return below(count) == 0; }
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  // About standard normal: a sum of twelve uniforms, so that it needs nothing of the C library's mathematics.
  float normal() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return static_cast<float>(sum);
  }

  float power_of_two(int least, int most) { return std::ldexp(1.0f, least + below(most - least + 1)); }

 private:
  uint64_t state_;
};

}  // namespace hadal::tests
