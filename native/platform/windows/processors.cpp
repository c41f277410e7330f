#include "platform/processors.h"

#include <windows.h>

#include <algorithm>
#include <numeric>

namespace hadal {

std::vector<int> allowed_processors() {
  // The masks are of one group of at most 64 processors; a process of several groups has none.
  DWORD_PTR process = 0;
  DWORD_PTR system = 0;
  std::vector<int> processors;
  if (GetProcessAffinityMask(GetCurrentProcess(), &process, &system) != 0) {
    for (int i = 0; i < static_cast<int>(8 * sizeof process); ++i) {
      if ((process >> i & 1) != 0) processors.push_back(i);
    }
  }
  if (!processors.empty()) return processors;
  processors.resize(std::max<DWORD>(GetActiveProcessorCount(ALL_PROCESSOR_GROUPS), 1));
  std::iota(processors.begin(), processors.end(), 0);
  return processors;
}

// Nodes are known on Linux alone, so that nothing asks for it.
bool keep_on(std::thread&, const std::vector<int>&) {
  return false;
}

}  // namespace hadal
