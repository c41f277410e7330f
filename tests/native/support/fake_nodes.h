// NUMA nodes that the machine need not have.
#pragma once

#include <initializer_list>
#include <vector>

#include "core/numa.h"

namespace hadal::tests {

// Nodes of so many processors each. No system has these, so that no thread can be kept on them.
inline std::vector<NumaNode> fake_nodes(std::initializer_list<int> processors) {
  std::vector<NumaNode> nodes;
  int next = 100000;
  for (const int count : processors) {
    nodes.push_back({static_cast<int>(nodes.size()), {}});
    for (int i = 0; i < count; ++i) nodes.back().processors.push_back(next++);
  }
  return nodes;
}

}  // namespace hadal::tests
