// Memory that the pool's threads share, cleared so that its pages lie on all NUMA nodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/thread_pool.h"
#include "platform/memory.h"

namespace hadal {

// Which of each threads() consecutive huge pages a worker touches, whose node each then lies on: the nodes take turns,
// each as often as it has workers, so that a part of a block is spread as the whole is. What a cache holds is read by
// any thread, and has no one owner.
std::vector<int> pages_of_workers(const std::vector<int>& node_bounds);

// Fills a block with zeros, and allocates nothing. `pages` is what pages_of_workers says of the pool. `turn` is another
// for each block: of many that are used from their beginning, as a layer's cache is, the first pages lie on different
// nodes.
void clear(ThreadPool& pool, const std::vector<int>& pages, std::byte* data, uint64_t size, uint64_t turn);

}  // namespace hadal
