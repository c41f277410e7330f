// Processors that threads may run on, by the system's numbers.
#pragma once

#include <thread>
#include <vector>

namespace hadal {

// Those of the calling thread's affinity mask, which cpusets narrow, ascending; at least one. All of the machine where
// the system has no such masks.
std::vector<int> allowed_processors();

// Keeps a thread on these processors. False where the system refuses, or can't.
bool keep_on(std::thread& thread, const std::vector<int>& processors);

}  // namespace hadal
