// Refuses the start of threads.
#pragma once

#include <atomic>

namespace hadal::tests {

extern std::atomic<int> startable;  // Threads that may still be started; below 0 for any number.

}  // namespace hadal::tests
