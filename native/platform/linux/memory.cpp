#include "platform/memory.h"

#include <sys/mman.h>

#include <cstdlib>

#include "hadal.h"

namespace hadal {

void* take_memory(uint64_t size) {
  const uint64_t alignment = size >= kHugePage ? kHugePage : HD_ALIGNMENT;
  if (size > UINT64_MAX - alignment) return nullptr;
  const uint64_t rounded = (size + alignment - 1) / alignment * alignment;
  void* data = std::aligned_alloc(alignment, rounded);
  if (data != nullptr && alignment == kHugePage) madvise(data, rounded, MADV_HUGEPAGE);
  return data;
}

void give_back_memory(void* data) {
  std::free(data);
}

}  // namespace hadal
