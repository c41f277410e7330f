// Work that may crash its process, lose its device or hang: done in a child process, which is replaced where it ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace hadal::bench {

// Zeroed memory that children share with their parent, for the life of both.
void* shared_memory(size_t bytes);

struct Supervised {
  int count;                     // Pieces of work, done in order.
  std::chrono::seconds for_one;  // Longest time of one.
  std::chrono::seconds for_all;  // No piece is begun after it.
  // Does piece i in the child; false where the process can do no more, and another is to go on with the next.
  std::function<bool(int i)> body;
  // Of piece i in the parent, whose child died or was ended.
  std::function<void(int i, const std::string& why)> failed;
};

// Returns how many pieces were begun. What they find goes by way of shared memory or output.
int supervise(const Supervised& work);

}  // namespace hadal::bench
