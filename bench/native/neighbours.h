// Threads that take a share of every processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "platform/processors.h"
#include "platform/wait.h"

namespace hadal::bench {

// One thread on each processor that this process may use, outside of any pool: asleep, or computing without a pause.
class Neighbours {
 public:
  Neighbours() {
    for (const int processor : allowed_processors()) {
      threads_.emplace_back([this] { live(); });
      keep_on(threads_.back(), {processor});
    }
  }
  ~Neighbours() {
    state_ = kEnded;
    wake_all(state_);
    for (std::thread& thread : threads_) thread.join();
  }
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  void be_busy(bool busy) {
    state_ = busy ? kBusy : kAsleep;
    wake_all(state_);
  }

 private:
  static constexpr uint32_t kAsleep = 0;
  static constexpr uint32_t kBusy = 1;
  static constexpr uint32_t kEnded = 2;

  void live() {
    uint64_t number = 1;
    for (uint32_t state; (state = state_.load()) != kEnded;) {
      if (state == kAsleep) wait_while_equal(state_, kAsleep);
      for (int i = 0; i < 1000; ++i) number = number * 6364136223846793005u + 1442695040888963407u;
      number_ = number;
    }
  }

  std::atomic<uint32_t> state_{kAsleep};
  std::atomic<uint64_t> number_{0};  // Somebody might read it, so that it is computed.
  std::vector<std::thread> threads_;
};

}  // namespace hadal::bench
