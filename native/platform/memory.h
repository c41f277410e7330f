// Memory of devices' buffers.
#pragma once

#include <cstdint>

namespace hadal {

// Huge pages spare the TLB where a cache or workspace spans many; small blocks stay small.
constexpr uint64_t kHugePage = 2u << 20;

// `size` bytes, aligned to HD_ALIGNMENT, in huge pages from kHugePage on where the system has them to give. Null where
// it has none.
void* take_memory(uint64_t size);

// Gives back what take_memory gave; null is allowed.
void give_back_memory(void* data);

}  // namespace hadal
