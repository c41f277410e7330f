#include "platform/process.h"

#include <pthread.h>

#include <atomic>
#include <cstdlib>

namespace hadal {
namespace {

// A handler counts them: to ask for the process's id would take a system call for each kernel call.
std::atomic<uint32_t> fork_count{0};

}  // namespace

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  return value;
}

uint32_t forks() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { fork_count.fetch_add(1, std::memory_order_relaxed); });
  return fork_count.load(std::memory_order_relaxed);
}

}  // namespace hadal
