// Threads that take a share of every processor.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "platform/processors.h"

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
    state_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Neighbours(const Neighbours&) = delete;
  Neighbours& operator=(const Neighbours&) = delete;

  void be_busy(bool busy) {
    state_ = busy ? kBusy : kAsleep;
    state_.notify_all();
  }

 private:
  static constexpr int kAsleep = 0;
  static constexpr int kBusy = 1;
  static constexpr int kEnded = 2;

  void live() {
    uint64_t number = 1;
    for (int state; (state = state_.load()) != kEnded;) {
      if (state == kAsleep) state_.wait(kAsleep);
      for (int i = 0; i < 1000; ++i) number = number * 6364136223846793005u + 1442695040888963407u;
      number_ = number;
    }
  }

  std::atomic<int> state_{kAsleep};
  std::atomic<uint64_t> number_{0};  // Somebody might read it, so that it is computed.
  std::vector<std::thread> threads_;
};

}  // namespace hadal::bench
