#include "platform/host.h"

#include <windows.h>

#include <algorithm>

namespace hadal {

HostMemory host_memory(const std::string&) {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  GlobalMemoryStatusEx(&status);
  return {status.ullTotalPhys, status.ullAvailPhys};
}

int usable_processors(int affinity, const std::string&) {
  return std::max(affinity, 1);
}

}  // namespace hadal
