// What of the host this process may use: its affinity mask and its cgroup's limits count, of version 1 and 2.
#pragma once

#include <cstdint>
#include <string>

namespace hadal {

struct HostMemory {
  uint64_t total;  // Bytes.
  uint64_t free;   // Bytes that can still be taken; cached files count.
};

// On Linux /proc and /sys are looked for in `root`, so that tests can lay out a host; "" is the real one.
HostMemory host_memory(const std::string& root = "");

// `affinity` processors, or the cgroup's quota of them, rounded up, where that is less; at least 1.
int usable_processors(int affinity, const std::string& root = "");

}  // namespace hadal
