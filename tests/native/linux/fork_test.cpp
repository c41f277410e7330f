// Devices in a process that forks.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "support/builder.h"
#include "support/cpu_stream.h"

namespace hadal::tests {
namespace {

// Forks, and returns how the child ended; one that hangs is ended after a while.
template <class Body>
int status_of_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  for (int tenths = 0; tenths < 300; ++tenths) {
    if (waitpid(child, &status, WNOHANG) == child) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return status;
}

TEST(Devices, OfTheParentAreRefusedInAForkedChildWhichOpensItsOwn) {
  for (const int threads : {1, 3}) {
    const CpuStream cpu(threads);
    std::vector<float> x(size_t{64} * 128, 1.0f);
    const hd_hadamard_args args{sizeof args, HD_DTYPE_F32, 64, 128, x.data(), x.data()};
    ASSERT_EQ(hd_hadamard(cpu.stream(), &args, nullptr, 0), HD_STATUS_OK);
    const int status = status_of_child([&] {
      if (hd_hadamard(cpu.stream(), &args, nullptr, 0) != HD_STATUS_UNSUPPORTED) return 1;
      if (last_error().rfind("hd_hadamard: the stream's device was opened before this process was forked", 0) != 0) {
        return 2;
      }
      {
        const CpuStream own(threads);
        if (hd_hadamard(own.stream(), &args, nullptr, 0) != HD_STATUS_OK) return 3;
        // The parent's may go at any time, while the child's own is in use.
        if (hd_stream_release(cpu.stream()) != HD_STATUS_OK || hd_device_release(cpu.device()) != HD_STATUS_OK)
          return 4;
        if (hd_hadamard(own.stream(), &args, nullptr, 0) != HD_STATUS_OK) return 5;
      }
      return 0;
    });
    EXPECT_EQ(status, 0);
    EXPECT_EQ(hd_hadamard(cpu.stream(), &args, nullptr, 0), HD_STATUS_OK) << last_error();
  }
}

}  // namespace
}  // namespace hadal::tests
