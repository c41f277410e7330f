#include "core/thread_pool.h"

#include <algorithm>
#include <cstddef>
#include <new>
#include <system_error>

#if defined(__x86_64__)
#  include <immintrin.h>
#endif

#include "platform/process.h"
#include "platform/processors.h"
#include "platform/wait.h"

namespace hadal {
namespace {

// About 20 microseconds: longer than the gap between the operations of a decode step, short beside a sleep.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads, const std::vector<NumaNode>& nodes)
    : forks_before_(forks()), shares_(static_cast<size_t>(std::max(threads, 1))) {
  spread(nodes);
  workers_.reserve(static_cast<size_t>(threads > 1 ? threads - 1 : 0));
  int worker = 1;
  try {
    for (; worker < threads; ++worker) {
      workers_.emplace_back([this, worker] { work(worker); });
      if (nodes.size() < 2) continue;
      const auto after = std::upper_bound(node_bounds_.begin(), node_bounds_.end(), worker);
      const NumaNode& node = nodes[static_cast<size_t>(after - node_bounds_.begin()) - 1];
      if (!keep_on(workers_.back(), node.processors)) ++strays_;
    }
  } catch (const std::system_error&) {
    end();
    throw ThreadRefused{worker + 1, threads};
  } catch (...) {
    end();
    throw;
  }
}

// Tells the workers of their nodes; without nodes all are of one.
void ThreadPool::spread(const std::vector<NumaNode>& nodes) {
  const auto all = static_cast<int>(shares_.size());
  node_bounds_ = nodes.empty() ? std::vector<int>{0, all} : thread_bounds(all, nodes);
  for (size_t node = 0; node + 1 < node_bounds_.size(); ++node) {
    for (int worker = node_bounds_[node]; worker < node_bounds_[node + 1]; ++worker) {
      shares_[static_cast<size_t>(worker)].first = node_bounds_[node];
      shares_[static_cast<size_t>(worker)].last = node_bounds_[node + 1];
    }
  }
}

ThreadPool::~ThreadPool() {
  end();
}

void ThreadPool::end() {
  if (!is_here()) {
    // To join would wait for ever, and to detach would write to a stack that may be another thread's by now.
    for (auto& worker : workers_) {
      alignas(std::thread) std::byte forgotten[sizeof(std::thread)];
      new (forgotten) std::thread(std::move(worker));
    }
    return;
  }
  stop_.store(true);
  generation_.fetch_add(1);
  wake_all(generation_);
  for (auto& worker : workers_) worker.join();
}

bool ThreadPool::is_here() const {
  return forks_before_ == forks();
}

void ThreadPool::run(int64_t items, Call call, const void* context) {
  std::lock_guard lock(one_loop_);
  call_ = call;
  context_ = context;
  for (int64_t worker = 0; worker < threads(); ++worker) {
    Share& share = shares_[static_cast<size_t>(worker)];
    share.next.store(items * worker / threads(), std::memory_order_relaxed);
    share.end = items * (worker + 1) / threads();
  }
  inside_.store(kOpen, std::memory_order_release);
  generation_.fetch_add(1, std::memory_order_release);
  wake_all(generation_);
  take_items(0);
  close();
}

// Enters the loop that is open, if one is.
bool ThreadPool::enter() {
  uint32_t inside = inside_.load(std::memory_order_relaxed);
  while ((inside & kOpen) != 0) {
    if (inside_.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void ThreadPool::leave() {
  // The last one to leave a loop that is closed.
  if (inside_.fetch_sub(1, std::memory_order_acq_rel) == 1) wake_one(inside_);
}

// Lets nobody enter any more, and waits until all have left.
void ThreadPool::close() {
  uint32_t inside = inside_.fetch_and(~kOpen, std::memory_order_acq_rel) & ~kOpen;
  for (int spin = 0; inside != 0 && spin < kSpins; ++spin) {
    pause();
    inside = inside_.load(std::memory_order_acquire);
  }
  while (inside != 0) {
    wait_while_equal(inside_, inside);
    inside = inside_.load(std::memory_order_acquire);
  }
}

void ThreadPool::take_items(int worker) {
  const Share& own = shares_[static_cast<size_t>(worker)];
  take_items(worker, worker, own.last);
  take_items(worker, own.first, worker);
  take_items(worker, own.last, threads());
  take_items(worker, 0, own.first);
}

// Those of the shares from `first` to `last`.
void ThreadPool::take_items(int worker, int first, int last) {
  for (int i = first; i < last; ++i) {
    Share& share = shares_[static_cast<size_t>(i)];
    // Read before it is written to: most find it done.
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const int64_t item = share.next.fetch_add(1, std::memory_order_relaxed);
      if (item < share.end) call_(context_, item, worker);
    }
  }
}

void ThreadPool::work(int worker) {
  uint32_t seen = 0;
  for (;;) {
    for (int spin = 0; generation_.load(std::memory_order_acquire) == seen && spin < kSpins; ++spin) pause();
    wait_while_equal(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load()) return;
    if (!enter()) continue;
    take_items(worker);
    leave();
  }
}

}  // namespace hadal
