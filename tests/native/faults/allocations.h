// Counts what operator new and aligned_alloc are asked for, on any thread, and refuses one of it.
#pragma once

#include <atomic>
#include <cstdint>

namespace hadal::tests {

extern std::atomic<bool> counting;
extern std::atomic<int64_t> allocations;
extern std::atomic<int64_t> failing;  // Which allocation is refused, from 1; 0 for none.

}  // namespace hadal::tests
