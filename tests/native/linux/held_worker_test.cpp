// The pool of threads, one of which does not run.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/thread_pool.h"
#include "support/fake_nodes.h"

namespace hadal::tests {
namespace {

// A worker whose processor another program has: it does not run until the pipe has a byte.
int held_pipe[2];

void hold(int) {
  char byte;
  while (read(held_pipe[0], &byte, 1) < 0) {
  }
}

// The worker is of the last node.
void expect_no_wait(const std::vector<NumaNode>& nodes) {
  ASSERT_EQ(pipe(held_pipe), 0);
  struct sigaction action = {}, before;
  action.sa_handler = hold;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  ThreadPool pool(2, nodes);
  // Both must be in this loop to end it, so that the worker tells who it is.
  std::atomic<int> arrived{0};
  pthread_t worker_thread{};
  pool.parallel_for(2, [&](int64_t, int worker) {
    if (worker == 1) worker_thread = pthread_self();
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  ASSERT_EQ(pthread_kill(worker_thread, SIGUSR1), 0);
  std::atomic<int64_t> by_caller{0};
  std::atomic<int64_t> by_all{0};
  for (int round = 0; round < 100; ++round) {
    pool.parallel_for(10, [&](int64_t item, int worker) {
      if (worker == 0) by_caller += item;
      by_all += item;
    });
  }
  EXPECT_EQ(by_all.load(), 100 * 45);
  // Until the signal comes to the worker it may help.
  EXPECT_GT(by_caller.load(), 0);
  ASSERT_EQ(write(held_pipe[1], "x", 1), 1);
  // It takes part again.
  arrived = 0;
  pool.parallel_for(2, [&](int64_t, int) {
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  sigaction(SIGUSR1, &before, nullptr);
  close(held_pipe[0]);
  close(held_pipe[1]);
}

TEST(Pool, DoesNotWaitForAWorkerThatHasNotBegun) {
  expect_no_wait({});
  expect_no_wait(fake_nodes({1, 1}));
}

}  // namespace
}  // namespace hadal::tests
