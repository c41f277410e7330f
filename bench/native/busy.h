// What a busy neighbour costs.
#pragma once

#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "cpu/kernel.h"
#include "setting.h"

namespace hadal::bench {

// Registers the family "busy": work that the pool's threads share, alone and beside one other thread on each processor,
// which computes without a pause, by turns in the same run.
//
// The bound: a scheduler that is fair gives either of two threads that want a processor half of it. A loop begins when
// the caller runs, which it does half of the time; the other workers have time for no more than that. So beside one
// neighbour on each processor at most 50 % of the throughput alone is left where processors bind, and more only where
// memory does, which a neighbour that computes leaves alone. What a loop loses below it is waiting: for a worker that
// loses its processor inside an item, up to a slice of the scheduler's (about 3 ms), and for workers that run while the
// caller does not.
void register_busy(ThreadPool& pool, std::span<const cpu::Variant> variants, const std::vector<Setting>& settings);

}  // namespace hadal::bench
