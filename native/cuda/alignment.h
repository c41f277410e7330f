// What CUDA asks of addresses beyond the element's own alignment.
#pragma once

#include <cstdint>

namespace hadal::cuda {

// Codes of e4m3 are read 16 bytes at a time, by tensor maps among others.
constexpr uint64_t kAlignment = 16;

inline bool is_aligned(const void* address) {
  return reinterpret_cast<uintptr_t>(address) % kAlignment == 0;
}

// Refuses arguments of an operation whose e4m3 codes lie at an address that is no multiple of kAlignment, and
// a weight or table, which the CPU takes at any address, that is no multiple of its element.
// The weights of grouped products are looked at by read_spaced.
int32_t check_alignment(int32_t op, const void* args);

}  // namespace hadal::cuda
