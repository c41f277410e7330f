// Threads that sleep until a number changes.
#pragma once

#include <atomic>
#include <cstdint>

namespace hadal {

// Returns when `value` is not `old`; with acquire order. Who changes it wakes those that wait.
void wait_while_equal(const std::atomic<uint32_t>& value, uint32_t old);

void wake_one(std::atomic<uint32_t>& value);
void wake_all(std::atomic<uint32_t>& value);

}  // namespace hadal
