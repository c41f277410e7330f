#include "core/first_touch.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

namespace hadal {

std::vector<int> pages_of_workers(const std::vector<int>& node_bounds) {
  // A node's workers are spread evenly from 0 to 1.
  std::vector<double> places;
  for (size_t node = 0; node + 1 < node_bounds.size(); ++node) {
    const int workers = node_bounds[node + 1] - node_bounds[node];
    for (int i = 0; i < workers; ++i) places.push_back((i + 0.5) / workers);
  }
  std::vector<int> order(places.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) {
    return std::pair(places[static_cast<size_t>(a)], a) < std::pair(places[static_cast<size_t>(b)], b);
  });
  std::vector<int> pages(order.size());
  for (size_t page = 0; page < order.size(); ++page) pages[static_cast<size_t>(order[page])] = static_cast<int>(page);
  return pages;
}

void clear(ThreadPool& pool, const std::vector<int>& pages, std::byte* data, uint64_t size, uint64_t turn) {
  // A child's caller alone, after a fork.
  if (size < kHugePage || !pool.is_here()) {
    std::memset(data, 0, size);
    return;
  }
  const auto threads = static_cast<uint64_t>(pool.threads());
  // Item i is worker i's own. Other callers' loops come between these.
  for (uint64_t begin = 0; begin < size; begin += threads * kHugePage) {
    pool.parallel_for(pool.threads(), [&](int64_t item, int) {
      const uint64_t page = (static_cast<uint64_t>(pages[static_cast<size_t>(item)]) + turn) % threads;
      const uint64_t first = begin + page * kHugePage;
      if (first < size) std::memset(data + first, 0, std::min(kHugePage, size - first));
    });
  }
}

}  // namespace hadal
