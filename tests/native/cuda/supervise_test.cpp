// The benchmarks' workers: a piece of work that crashes, hangs or loses its device is told, and the rest is done.
#include "../../../bench/native/cuda/supervise.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <new>
#include <thread>

namespace hadal::bench {
namespace {

constexpr int kPieces = 6;

// For one piece: much more than a busy machine takes to do nothing.
constexpr std::chrono::seconds kForOne(5);

// How often each piece was done.
struct Done {
  int count[kPieces];
};

struct Result {
  int begun;
  Done done;
  std::map<int, std::string> failed;
};

Result supervise_pieces(std::chrono::seconds for_all, const std::function<bool(int)>& piece) {
  auto& done = *new (shared_memory(sizeof(Done))) Done{};
  Result result{};
  result.begun = supervise({kPieces, kForOne, for_all,
                            [&](int i) {
                              ++done.count[i];
                              return piece(i);
                            },
                            [&](int i, const std::string& why) { result.failed[i] = why; }});
  result.done = done;
  return result;
}

void expect_each_once(const Result& result) {
  EXPECT_EQ(result.begun, kPieces);
  for (const int count : result.done.count) EXPECT_EQ(count, 1);
}

TEST(Supervise, DoesEachPieceOnce) {
  const Result result = supervise_pieces(std::chrono::seconds(60), [](int) { return true; });
  expect_each_once(result);
  EXPECT_TRUE(result.failed.empty());
}

TEST(Supervise, TellsCrashesAndHangsAndGoesOn) {
  const Result result = supervise_pieces(std::chrono::seconds(60), [](int i) {
    if (i == 0) raise(SIGKILL);
    if (i == 2) _exit(3);
    if (i == 3) std::this_thread::sleep_for(std::chrono::minutes(5));
    return i != 4;  // It ends by itself: another process does what is left.
  });
  expect_each_once(result);
  EXPECT_EQ(result.failed.size(), 3u);
  EXPECT_EQ(result.failed.at(0), "killed by a signal: Killed");
  EXPECT_EQ(result.failed.at(2), "the process ended with status 3");
  EXPECT_EQ(result.failed.at(3), "ended after 5 s");
}

TEST(Supervise, BeginsNothingOnceTheTimeIsUp) {
  const Result result = supervise_pieces(std::chrono::seconds(0), [](int) { return true; });
  EXPECT_EQ(result.begun, 0);
  EXPECT_TRUE(result.failed.empty());
}

}  // namespace
}  // namespace hadal::bench
