// NUMA nodes: processors that share a part of the memory, which they read faster than the rest.
#pragma once

#include <string>
#include <vector>

namespace hadal {

struct NumaNode {
  int number;                   // The system's.
  std::vector<int> processors;  // The system's numbers, ascending; at least one.
};

// The nodes that have processors of `allowed` (ascending), and which, by their numbers. Where the system tells of no
// nodes, or what it tells does not give each of the processors to exactly one node, all are one node's. /sys is looked
// for in `root`, so that tests can lay out a host; "" is the real one.
std::vector<NumaNode> numa_nodes(const std::vector<int>& allowed, const std::string& root = "");

// Shares out threads in proportion to the nodes' processors: those of node i are the ones from bounds[i] to
// bounds[i + 1]. No node has more threads than processors unless there are more threads than processors in all.
std::vector<int> thread_bounds(int threads, const std::vector<NumaNode>& nodes);

}  // namespace hadal
