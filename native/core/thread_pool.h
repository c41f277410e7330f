// Threads that share out the items of one loop at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "core/numa.h"

namespace hadal {

// A thread of a pool that the system did not start.
struct ThreadRefused {
  int thread;  // Which of `threads`, from 1; the caller is the first.
  int threads;
};

// A pool of `threads` workers, the caller among them. An item is done by exactly one worker; which one is not fixed, so
// an item's result may depend on its index alone. Workers spin briefly between loops and then sleep. A loop waits for
// the workers that take part in it, and for no others: one whose processor is busy with another program holds nobody
// up.
//
// Where there are several NUMA nodes, the workers are spread over them in proportion to their processors, and each is
// kept on its node's where the system lets it. The items are split among the nodes in order, the same way in every loop
// of as many: what item i reads is read by threads of one node, unless they are late. The caller's thread is not moved;
// it counts as the first node's, where it is left a processor.
class ThreadPool {
 public:
  // Throws ThreadRefused, with none left running.
  explicit ThreadPool(int threads, const std::vector<NumaNode>& nodes = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // The workers of node i are those from bounds[i] to bounds[i + 1].
  const std::vector<int>& node_bounds() const { return node_bounds_; }

  // Workers that the system did not let keep to their node's processors.
  int strays() const { return strays_; }

  // False in a child that was forked after the pool was made: its workers are in the parent alone.
  bool is_here() const;

  // Calls body(item, worker) for every item in [0, items), worker in [0, threads()). Returns when all are done. A body
  // may neither throw nor call this pool.
  template <class Body>
  void parallel_for(int64_t items, const Body& body) {
    if (items <= 0) return;
    if (items == 1 || workers_.empty()) {
      for (int64_t item = 0; item < items; ++item) body(item, 0);
      return;
    }
    run(
        items,
        [](const void* context, int64_t item, int worker) noexcept {
          (*static_cast<const Body*>(context))(item, worker);
        },
        &body);
  }

 private:
  using Call = void (*)(const void* context, int64_t item, int worker) noexcept;

  void run(int64_t items, Call call, const void* context);
  void work(int worker);
  void take_items(int worker);
  void take_items(int worker, int first, int last);
  void spread(const std::vector<NumaNode>& nodes);
  bool enter();
  void leave();
  void close();
  void end();

  // A worker's own share of the items, in which neighbours follow each other. Who is done helps the others: those of
  // its node, workers from `first` to `last`, and then the rest.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
    int first = 0;
    int last = 0;
  };

  const uint32_t forks_before_;
  std::vector<std::thread> workers_;
  std::vector<Share> shares_;
  std::vector<int> node_bounds_;
  int strays_ = 0;
  std::mutex one_loop_;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  // Counts loops. Workers wait for it to change.
  alignas(64) std::atomic<uint32_t> generation_{0};
  // How many workers other than the caller are in the loop, and kOpen while more may enter.
  static constexpr uint32_t kOpen = 1u << 31;
  alignas(64) std::atomic<uint32_t> inside_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace hadal
