// Memory of a benchmark: on huge pages where the system gives them, as hd_buffer_create's is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#  include <sys/mman.h>
#endif

namespace hadal::bench {

struct Free {
  void operator()(void* data) const { std::free(data); }
};
using Block = std::unique_ptr<std::byte, Free>;

inline Block allocate(uint64_t bytes) {
  constexpr uint64_t kHuge = 2u << 20;
  const uint64_t rounded = (bytes + kHuge) / kHuge * kHuge;
  auto* data = static_cast<std::byte*>(std::aligned_alloc(kHuge, rounded));
  if (data == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  madvise(data, rounded, MADV_HUGEPAGE);
#endif
  std::memset(data, 0, rounded);
  return Block(data);
}

}  // namespace hadal::bench
