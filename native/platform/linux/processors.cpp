#include "platform/processors.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <numeric>

namespace hadal {

std::vector<int> allowed_processors() {
  // The kernel refuses a mask that is too small for it.
  for (int most = 1024; most <= 1 << 16; most *= 2) {
    cpu_set_t* mask = CPU_ALLOC(most);
    if (mask == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(most);
    const bool known = sched_getaffinity(0, size, mask) == 0;
    std::vector<int> processors;
    try {
      processors.reserve(static_cast<size_t>(known ? CPU_COUNT_S(size, mask) : 0));
    } catch (...) {
      CPU_FREE(mask);
      throw;
    }
    for (int i = 0; known && i < most; ++i) {
      if (CPU_ISSET_S(i, size, mask)) processors.push_back(i);
    }
    CPU_FREE(mask);
    if (!processors.empty()) return processors;
  }
  std::vector<int> all(std::max(1u, std::thread::hardware_concurrency()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

bool keep_on(std::thread& thread, const std::vector<int>& processors) {
  if (processors.empty()) return false;
  const int most = *std::max_element(processors.begin(), processors.end()) + 1;
  cpu_set_t* mask = CPU_ALLOC(most);
  if (mask == nullptr) return false;
  const size_t size = CPU_ALLOC_SIZE(most);
  CPU_ZERO_S(size, mask);
  for (const int processor : processors) CPU_SET_S(processor, size, mask);
  const bool kept = pthread_setaffinity_np(thread.native_handle(), size, mask) == 0;
  CPU_FREE(mask);
  return kept;
}

}  // namespace hadal
