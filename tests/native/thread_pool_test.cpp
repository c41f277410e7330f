// The pool of threads: every item once, from any number of callers, at any number of threads.
#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "support/builder.h"
#include "support/cpu_stream.h"
#include "support/fake_nodes.h"

namespace hadal::tests {
namespace {

TEST(Pool, DoesEachItemOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t items : {0, 1, 2, 7, 8, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<size_t>(items));
      std::atomic<bool> outside{false};
      pool.parallel_for(items, [&](int64_t item, int worker) {
        done[static_cast<size_t>(item)].fetch_add(1);
        if (worker < 0 || worker >= threads) outside = true;
      });
      for (const auto& count : done) ASSERT_EQ(count.load(), 1);
      EXPECT_FALSE(outside.load());
    }
  }
}

TEST(Pool, DoesEachItemOnceOnAnyNodes) {
  for (const auto& nodes : {fake_nodes({2, 2}), fake_nodes({1, 3}), fake_nodes({1, 1, 1})}) {
    for (const int threads : {1, 2, 3, 6}) {
      ThreadPool pool(threads, nodes);
      for (const int64_t items : {1, 2, 7, 200}) {
        std::vector<std::atomic<int>> done(static_cast<size_t>(items));
        pool.parallel_for(items, [&](int64_t item, int) { done[static_cast<size_t>(item)].fetch_add(1); });
        for (const auto& count : done) ASSERT_EQ(count.load(), 1);
      }
    }
  }
}

TEST(Pool, WorkersHelpTheirOwnNodeFirst) {
  ThreadPool pool(4, fake_nodes({2, 2}));
  // All but the last worker stay in the first item of their share until it has done the rest.
  std::atomic<int> arrived{0};
  std::atomic<bool> ended{false};
  std::vector<int64_t> done;
  bool come[4] = {};
  pool.parallel_for(40, [&](int64_t item, int worker) {
    if (!come[worker]) {
      come[worker] = true;
      ++arrived;
      while (arrived.load() < 4) std::this_thread::yield();
    }
    if (worker == 3) {
      done.push_back(item);
      ended = done.size() == 37;
    }
    while (worker != 3 && !ended.load()) std::this_thread::yield();
  });
  std::vector<int64_t> expected;
  const std::pair<int64_t, int64_t> parts[] = {{30, 40}, {21, 30}, {1, 10}, {11, 20}};
  for (const auto& [first, last] : parts) {
    for (int64_t item = first; item < last; ++item) expected.push_back(item);
  }
  EXPECT_EQ(done, expected);
}

TEST(Pool, DoesNothingForNegativeCounts) {
  ThreadPool pool(2);
  pool.parallel_for(-1, [](int64_t, int) { FAIL(); });
}

TEST(Pool, GivesAWorkerToOneItemAtATime) {
  // Scratch is by worker: two items in it at once would spoil it.
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> shared{false};
  for (int round = 0; round < 200; ++round) {
    pool.parallel_for(64, [&](int64_t, int worker) {
      if (inside[static_cast<size_t>(worker)].fetch_add(1) != 0) shared = true;
      inside[static_cast<size_t>(worker)].fetch_sub(1);
    });
  }
  EXPECT_FALSE(shared.load());
}

TEST(Pool, WritesOfAllWorkersAreSeenAfterTheLoop) {
  ThreadPool pool(3);
  std::vector<int64_t> values(512);
  for (int64_t round = 0; round < 2000; ++round) {
    pool.parallel_for(512, [&](int64_t item, int) { values[static_cast<size_t>(item)] = round; });
    for (const int64_t value : values) ASSERT_EQ(value, round);
  }
}

TEST(Pool, WakesFromSleepEveryTime) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 60; ++round) {
    pool.parallel_for(10, [&](int64_t item, int) { sum += item; });
    // Long enough for the workers to stop spinning.
    if (round % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(sum.load(), 60 * 45);
}

TEST(Pool, ServesManyCallersAtOnce) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> sum{0};
  for (int caller = 0; caller < 6; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 150; ++round) {
        int64_t own[3] = {};
        pool.parallel_for(50, [&](int64_t item, int worker) { own[worker] += item; });
        sum += own[0] + own[1] + own[2];
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), int64_t{6} * 150 * 1225);
}

TEST(Pool, NestsWithAnother) {
  ThreadPool outer(2);
  ThreadPool inner(3);
  std::atomic<int64_t> sum{0};
  outer.parallel_for(20, [&](int64_t, int) { inner.parallel_for(20, [&](int64_t item, int) { sum += item; }); });
  EXPECT_EQ(sum.load(), 20 * 190);
}

TEST(Pool, IsMadeAndEndedAtOnce) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(1 + round % 5);
    if (round % 2 == 0) pool.parallel_for(3, [](int64_t, int) {});
  }
}

TEST(Streams, OfManyThreadsAndDevicesGiveWhatOneGives) {
  const Case source = cases_of(HD_OP_SPARSE_MLA)[1].whole();
  const Case gemm = cases_of(HD_OP_FP8_GEMM)[3].whole();
  const CpuStream one(1);
  const Outcome expected = run_on_device(one.device(), one.stream(), source);
  const Outcome expected_gemm = run_on_device(one.device(), one.stream(), gemm);
  const CpuStream shared(3);
  const CpuStream other(2);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 5; ++caller) {
    callers.emplace_back([&, caller] {
      // Three threads with a stream each on one device, two on another device's one stream.
      const CpuStream& cpu = caller < 3 ? shared : other;
      hd_stream* stream = nullptr;
      if (caller < 3 && hd_stream_create(cpu.device(), &stream) != HD_STATUS_OK) ++wrong;
      for (int round = 0; round < 3; ++round) {
        hd_stream* used = caller < 3 ? stream : cpu.stream();
        if (run_on_device(cpu.device(), used, source).tensors != expected.tensors) ++wrong;
        if (run_on_device(cpu.device(), used, gemm).tensors != expected_gemm.tensors) ++wrong;
        // A refusal in one thread leaves the others alone.
        if (hd_fp8_gemm(used, nullptr, nullptr, 0) != HD_STATUS_INVALID_ARGUMENT) ++wrong;
      }
      hd_stream_release(stream);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace hadal::tests
