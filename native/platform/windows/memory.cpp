#include "platform/memory.h"

#include <windows.h>

namespace hadal {

void* take_memory(uint64_t size) {
  // Windows gives large pages to a process alone whose token has SeLockMemoryPrivilege, and it enabled.
  const uint64_t large = GetLargePageMinimum();
  if (size >= kHugePage && large != 0 && size <= UINT64_MAX - large) {
    const uint64_t rounded = (size + large - 1) / large * large;
    void* data = VirtualAlloc(nullptr, rounded, MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES, PAGE_READWRITE);
    if (data != nullptr) return data;
  }
  return VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
}

void give_back_memory(void* data) {
  if (data != nullptr) VirtualFree(data, 0, MEM_RELEASE);
}

}  // namespace hadal
