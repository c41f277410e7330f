// Sharing out rows that are cheap each.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/thread_pool.h"

namespace hadal::cpu {
namespace {

// Calls body(row) for every row of `elements` elements, on several threads where that pays: handing out an item costs
// about as much as some thousand elements.
template <class Body>
void for_rows(ThreadPool& pool, int64_t rows, int64_t elements, const Body& body) {
  constexpr int64_t kItemElements = 8192;
  const int64_t step = std::max<int64_t>(kItemElements / std::max<int64_t>(elements, 1), 1);
  pool.parallel_for((rows + step - 1) / step, [&](int64_t item, int) {
    for (int64_t row = item * step; row < std::min(rows, (item + 1) * step); ++row) body(row);
  });
}

}  // namespace
}  // namespace hadal::cpu
