// NUMA nodes, on topologies that the tests lay out, and the threads and memory that are spread over them.
#include "core/numa.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "core/first_touch.h"
#include "core/thread_pool.h"
#include "platform/processors.h"
#include "support/fake_nodes.h"

namespace hadal {

bool operator==(const NumaNode& a, const NumaNode& b) {
  return a.number == b.number && a.processors == b.processors;
}

void PrintTo(const NumaNode& node, std::ostream* to) {
  *to << "node " << node.number << ": " << testing::PrintToString(node.processors);
}

namespace tests {
namespace {

using Nodes = std::vector<NumaNode>;

class Topology : public testing::Test {
 protected:
  Topology() {
    std::string name = std::filesystem::temp_directory_path() / "hadal-numa-XXXXXX";
    root_ = mkdtemp(name.data());
  }
  ~Topology() override { std::filesystem::remove_all(root_); }

  void online(const std::string& list) { write("online", list); }
  void node(int number, const std::string& list) { write("node" + std::to_string(number) + "/cpulist", list); }

  Nodes nodes(const std::vector<int>& allowed) const { return numa_nodes(allowed, root_); }

  // Not a topology: whatever is allowed is one node's.
  void expect_one(const std::vector<int>& allowed) const { EXPECT_EQ(nodes(allowed), (Nodes{{0, allowed}})); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / "sys/devices/system/node" / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  std::filesystem::path root_;
};

TEST_F(Topology, OfOneNodeOrNoneIsOneNode) {
  expect_one({0, 1, 2});
  online("0\n");
  node(0, "0-2\n");
  expect_one({0, 1, 2});
  expect_one({1});
}

TEST_F(Topology, HasTheProcessorsThatAreAllowed) {
  online("0-1\n");
  node(0, "0-2\n");
  node(1, "3-5\n");
  EXPECT_EQ(nodes({0, 1, 2, 3, 4, 5}), (Nodes{{0, {0, 1, 2}}, {1, {3, 4, 5}}}));
  EXPECT_EQ(nodes({0, 2, 5}), (Nodes{{0, {0, 2}}, {1, {5}}}));
  // A container of one socket's.
  EXPECT_EQ(nodes({3, 4}), (Nodes{{1, {3, 4}}}));
}

TEST_F(Topology, ListsMayHaveHolesAndNodesAnyNumbers) {
  online("2,7-8\n");
  node(2, "0-3,8,10-11\n");
  node(7, "4-7,9");
  node(8, "12\n");
  EXPECT_EQ(nodes({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
            (Nodes{{2, {0, 1, 2, 3, 8, 10, 11}}, {7, {4, 5, 6, 7, 9}}, {8, {12}}}));
}

TEST_F(Topology, NodesOfMemoryAloneAreLeftOut) {
  online("0-3\n");
  node(0, "0-1\n");
  node(1, "\n");
  node(2, "2-3\n");
  // Node 3 has no list at all.
  EXPECT_EQ(nodes({0, 1, 2, 3}), (Nodes{{0, {0, 1}}, {2, {2, 3}}}));
}

TEST_F(Topology, ThatDoesNotGiveEachProcessorToOneNodeIsNotBelieved) {
  online("0-1\n");
  node(0, "0-2\n");
  node(1, "2-3\n");
  expect_one({0, 1, 2, 3});
  node(1, "3\n");
  expect_one({0, 1, 2, 3, 4});
  EXPECT_EQ(nodes({0, 3}).size(), 2u);
  // Unreadable: a folder in its place.
  std::filesystem::remove(root_ / "sys/devices/system/node/node1/cpulist");
  std::filesystem::create_directory(root_ / "sys/devices/system/node/node1/cpulist");
  expect_one({0, 3});
}

TEST_F(Topology, OfBrokenListsIsOneNode) {
  node(0, "0-1\n");
  node(1, "2-3\n");
  for (const char* list : {"", "\n", "nonsense", "0-", "-1", "1-0", "0,,1", "0,1,", ",0", "0 1", "0-1x", "0x0-1",
                           "0--1", "0-99999999999999999999", "0-2147483647", "4294967295", "0-1024", "0:1"}) {
    online(list);
    EXPECT_EQ(nodes({0, 1, 2, 3}).size(), 1u) << list;
  }
  online("0-1");
  EXPECT_EQ(nodes({0, 1, 2, 3}).size(), 2u);
  for (const char* list : {"", "2", "2-3,", "2-3,3", "2,3,x", "3-2", "2-3-4", "2-2147483648", "\n2-3"}) {
    node(1, list);
    EXPECT_EQ(nodes({0, 1, 2, 3}).size(), 1u) << list;
  }
  // As long as they like: what is not allowed costs nothing.
  node(1, "2-2147483647");
  EXPECT_EQ(nodes({0, 1, 2, 3}).size(), 2u);
}

TEST(Threads, AreInProportionToTheNodesProcessors) {
  const auto bounds = [](int threads, const Nodes& nodes) { return thread_bounds(threads, nodes); };
  EXPECT_EQ(bounds(6, fake_nodes({3, 3})), (std::vector<int>{0, 3, 6}));
  EXPECT_EQ(bounds(3, fake_nodes({4, 2})), (std::vector<int>{0, 2, 3}));
  EXPECT_EQ(bounds(12, fake_nodes({1, 2})), (std::vector<int>{0, 4, 12}));
  EXPECT_EQ(bounds(1, fake_nodes({1, 1, 1})).back(), 1);
  for (const Nodes& nodes : {fake_nodes({3, 3}), fake_nodes({1, 7, 2}), fake_nodes({5, 1, 1, 9})}) {
    size_t all = 0;
    for (const NumaNode& node : nodes) all += node.processors.size();
    for (int threads = 1; threads <= static_cast<int>(all); ++threads) {
      const std::vector<int> of = bounds(threads, nodes);
      ASSERT_EQ(of.size(), nodes.size() + 1);
      EXPECT_EQ(of.front(), 0);
      EXPECT_EQ(of.back(), threads);
      for (size_t i = 0; i < nodes.size(); ++i) {
        EXPECT_GE(of[i + 1], of[i]);
        EXPECT_LE(of[i + 1] - of[i], static_cast<int>(nodes[i].processors.size())) << threads << " threads, node " << i;
      }
    }
  }
}

TEST(Threads, ThatCantBeKeptOnTheirNodeWorkElsewhere) {
  ThreadPool pool(4, fake_nodes({2, 2}));
  EXPECT_EQ(pool.strays(), 3);  // All but the caller.
  std::atomic<int64_t> sum{0};
  for (int round = 0; round < 50; ++round) pool.parallel_for(100, [&](int64_t item, int) { sum += item; });
  EXPECT_EQ(sum.load(), 50 * 4950);
}

TEST(Threads, AreKeptOnTheirNodesProcessors) {
  const std::vector<int> allowed = allowed_processors();
  if (allowed.size() < 2) GTEST_SKIP() << "this process may use one processor alone";
  const Nodes nodes{{0, {allowed[0]}}, {1, {allowed.begin() + 1, allowed.end()}}};
  ThreadPool pool(2, nodes);
  EXPECT_EQ(pool.strays(), 0);
  std::vector<int> seen[2];
  std::atomic<int> arrived{0};
  pool.parallel_for(2, [&](int64_t, int worker) {
    seen[worker] = allowed_processors();
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(seen[0], allowed);  // The caller's thread is its own.
  EXPECT_EQ(seen[1], nodes[1].processors);
  // On one node nobody is kept anywhere.
  ThreadPool plain(2, {{0, {allowed[0]}}});
  EXPECT_EQ(plain.strays(), 0);
  arrived = 0;
  plain.parallel_for(2, [&](int64_t, int worker) {
    seen[worker] = allowed_processors();
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(seen[1], allowed);
}

TEST(Pages, OfABlockGoToTheNodesByTurns) {
  EXPECT_EQ(pages_of_workers({0, 3}), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(pages_of_workers({0, 2, 4}), (std::vector<int>{0, 2, 1, 3}));
  // A node of one thread, one of none, and one of three.
  EXPECT_EQ(pages_of_workers({0, 1, 1, 4}), (std::vector<int>{1, 0, 2, 3}));
}

TEST(Pages, AreAllCleared) {
  for (const auto& nodes : {Nodes{}, fake_nodes({2, 1}), fake_nodes({1, 1, 1})}) {
    ThreadPool pool(3, nodes);
    const std::vector<int> pages = pages_of_workers(pool.node_bounds());
    for (const uint64_t size : {uint64_t{1}, kHugePage - 1, kHugePage, 3 * kHugePage, 7 * kHugePage + 5}) {
      for (const uint64_t turn : {0, 1, 5}) {
        std::vector<std::byte> block(size + 1, std::byte{0xa5});
        clear(pool, pages, block.data(), size, turn);
        const auto end = block.begin() + static_cast<ptrdiff_t>(size);
        EXPECT_TRUE(std::all_of(block.begin(), end, [](std::byte b) { return b == std::byte{0}; })) << size;
        EXPECT_EQ(*end, std::byte{0xa5}) << size;
      }
    }
  }
}

}  // namespace
}  // namespace tests
}  // namespace hadal
