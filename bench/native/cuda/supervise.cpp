#include "supervise.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>

namespace hadal::bench {
namespace {

using Clock = std::chrono::steady_clock;

// What child and parent share. Pieces up to `begun` were begun; the last of them is under way, unless it is `done`.
struct Progress {
  std::atomic<int> begun{0};
  std::atomic<int> done{0};
};

[[noreturn]] void run_child(const Supervised& work, Progress& progress, Clock::time_point deadline) {
  while (progress.done < work.count && Clock::now() < deadline) {
    const int i = progress.done;
    progress.begun = i + 1;
    const bool can_go_on = work.body(i);
    std::fflush(nullptr);
    progress.done = i + 1;
    if (!can_go_on) break;
  }
  // Without destructors: a lost device would make trouble in them.
  _exit(0);
}

// Waits for the child, and ends it where a piece takes too long. Returns why it failed; empty where it ended by itself.
std::string wait_for(pid_t child, const Supervised& work, const Progress& progress) {
  int watched = -1;
  auto since = Clock::now();
  int status = 0;
  for (;;) {
    if (waitpid(child, &status, WNOHANG) == child) break;
    if (progress.done != watched) {
      watched = progress.done;
      since = Clock::now();
    }
    if (Clock::now() - since > work.for_one) {
      kill(child, SIGKILL);
      // A process that a driver holds can't be waited for.
      const auto killed = Clock::now();
      while (waitpid(child, &status, WNOHANG) == 0 && Clock::now() - killed < std::chrono::seconds(5)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
      return "ended after " + std::to_string(work.for_one.count()) + " s";
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (WIFSIGNALED(status)) return std::string("killed by a signal: ") + strsignal(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "the process ended with status " + std::to_string(WEXITSTATUS(status));
  return "";
}

}  // namespace

void* shared_memory(size_t bytes) {
  void* shared = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    std::perror("mmap");
    std::exit(1);
  }
  return shared;
}

int supervise(const Supervised& work) {
  auto& progress = *new (shared_memory(sizeof(Progress))) Progress;
  const auto deadline = Clock::now() + work.for_all;
  while (progress.done < work.count && Clock::now() < deadline) {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child < 0) {
      std::perror("fork");
      std::exit(1);
    }
    if (child == 0) run_child(work, progress, deadline);
    const std::string why = wait_for(child, work, progress);
    if (why.empty()) continue;
    // Before its first piece, or within one.
    const int failed = progress.done;
    progress.begun = progress.done = failed + 1;
    work.failed(failed, why);
  }
  return progress.begun;
}

}  // namespace hadal::bench
