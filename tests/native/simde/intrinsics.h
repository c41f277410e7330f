// The AVX-512 intrinsics that the kernels use, as functions of bytes: compiled once for the instructions and once for
// the emulation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hadal::tests {

// 64 aligned bytes of any type.
struct Operand {
  alignas(64) std::byte bytes[64];

  template <class T>
  [[gnu::always_inline]] operator T() const {
    T x;
    __builtin_memcpy(&x, bytes, sizeof x);
    return x;
  }
};

struct Operands {
  Operand a, b, c;
  uint64_t mask;
};

struct Intrinsic {
  const char* name;
  // y holds what it held where the intrinsic writes less than 64 bytes.
  void (*call)(const Operands& x, Operand& y);
};

// In the same order.
std::span<const Intrinsic> hardware_intrinsics();
std::span<const Intrinsic> emulated_intrinsics();

}  // namespace hadal::tests
