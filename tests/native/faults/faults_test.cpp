// Memory that runs out, at each allocation in turn, and threads that do. A program of its own, since allocations.cpp
// replaces the allocators of everything in it, and threads.cpp what starts threads.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <thread>

#include "cpu/features.h"
#include "faults/allocations.h"
#include "faults/threads.h"
#include "support/builder.h"
#include "support/platform.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

// Runs a call with the nth allocation within it refused, or with none where nth is 0.
template <class Call>
int32_t with_failure(int64_t nth, const Call& call) {
  allocations = 0;
  failing = nth;
  counting = true;
  const int32_t status = call();
  counting = false;
  return status;
}

// Refuses each allocation of a call in turn, until there are no more: each time the call says so, and the same call
// right after it succeeds.
template <class Call>
void expect_survival(const char* name, int64_t least, const Call& call) {
  SCOPED_TRACE(name);
  int64_t nth = 1;
  for (; nth < 1000; ++nth) {
    const int32_t status = with_failure(nth, call);
    if (allocations < nth) {
      EXPECT_EQ(status, HD_STATUS_OK) << last_error();
      break;
    }
    EXPECT_EQ(status, HD_STATUS_OUT_OF_MEMORY) << "allocation " << nth << ": " << last_error();
    EXPECT_EQ(last_error().rfind(std::string(name) + ": ", 0), 0u) << last_error();
    EXPECT_EQ(with_failure(0, call), HD_STATUS_OK) << last_error();
  }
  EXPECT_GT(nth, least) << "fewer allocations than there must be: the hook does not see them";
}

hd_device* open(int threads = 2) {
  const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, threads};
  hd_device* device = nullptr;
  EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_OK) << last_error();
  return device;
}

TEST(Faults, DevicesAreRefusedAndLeaveNothing) {
  expect_survival("hd_device_create", 4, [] {
    const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 4};
    hd_device* device = nullptr;
    const int32_t status = hd_device_create(&options, &device);
    EXPECT_TRUE(status == HD_STATUS_OK || device == nullptr);
    hd_device_release(device);
    return status;
  });
}

int64_t threads_of_process() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), std::filesystem::directory_iterator());
}

TEST(Faults, ThreadsThatCannotBeStartedAreToldAndTheOthersEnd) {
  const int64_t before = threads_of_process();
  // Of 64 threads the caller is the first; the system starts 35 more.
  for (const int more : {0, 35}) {
    startable = more;
    const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 64};
    hd_device* device = nullptr;
    EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_OUT_OF_MEMORY);
    startable = -1;
    EXPECT_EQ(device, nullptr);
    const std::string expected =
        "hd_device_create: thread " + std::to_string(more + 2) + " of 64 could not be started; ";
    EXPECT_EQ(last_error().rfind(expected, 0), 0u) << last_error();
  }
  // A thread leaves /proc a moment after it was joined.
  for (int tries = 0; tries < 1000 && threads_of_process() > before; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(threads_of_process(), before);
  hd_device_release(open(64));
}

TEST(Faults, StreamsAndBuffersAreRefusedAndLeaveNothing) {
  hd_device* device = open();
  expect_survival("hd_stream_create", 1, [&] {
    hd_stream* stream = nullptr;
    const int32_t status = hd_stream_create(device, &stream);
    EXPECT_TRUE(status == HD_STATUS_OK || stream == nullptr);
    hd_stream_release(stream);
    return status;
  });
  for (const uint64_t size : {uint64_t{64}, uint64_t{5} << 20}) {
    expect_survival("hd_buffer_create", 2, [&] {
      hd_buffer* buffer = nullptr;
      const int32_t status = hd_buffer_create(device, size, &buffer);
      EXPECT_TRUE(status == HD_STATUS_OK || buffer == nullptr);
      hd_buffer_release(buffer);
      return status;
    });
  }
  int data = 0;
  expect_survival("hd_buffer_import", 1, [&] {
    hd_buffer* buffer = nullptr;
    const int32_t status = hd_buffer_import(device, &data, sizeof data, &buffer);
    EXPECT_TRUE(status == HD_STATUS_OK || buffer == nullptr);
    hd_buffer_release(buffer);
    return status;
  });
  hd_device_release(device);
}

TEST(Faults, BackendsAreRefusedAndLoadLater) {
  set_variable("HADAL_BACKEND_PATH", HADAL_MINIMAL_BACKEND);
  // A backend that is not there takes the longest way: each path tried is put into words.
  set_variable("HADAL_BACKEND", "absent");
  int64_t nth = 1;
  for (; nth < 1000; ++nth) {
    const int32_t status = with_failure(nth, [] { return hd_backend_load(HD_DEVICE_EXTERNAL); });
    if (allocations < nth) break;
    EXPECT_TRUE(status == HD_STATUS_OUT_OF_MEMORY || status == HD_STATUS_UNSUPPORTED) << last_error();
  }
  EXPECT_GT(nth, 5);
  // A backend that is there loads in the end, each failure before.
  set_variable("HADAL_BACKEND", "minimal");
  for (nth = 1; nth < 1000; ++nth) {
    const int32_t status = with_failure(nth, [] { return hd_backend_load(HD_DEVICE_EXTERNAL); });
    if (status == HD_STATUS_OK) break;
    EXPECT_EQ(status, HD_STATUS_OUT_OF_MEMORY) << "allocation " << nth << ": " << last_error();
  }
  EXPECT_GT(nth, 2);
  int32_t count = 0;
  EXPECT_EQ(hd_device_count(HD_DEVICE_EXTERNAL, &count), HD_STATUS_OK) << last_error();
  unset_variable("HADAL_BACKEND");
  unset_variable("HADAL_BACKEND_PATH");
}

TEST(Faults, KernelsAllocateNothing) {
  hd_device* device = open();
  hd_stream* stream = nullptr;
  ASSERT_EQ(hd_stream_create(device, &stream), HD_STATUS_OK);
  ThreadPool pool(2);
  for (const cpu::Variant& variant : variants()) {
    if (!cpu::supports(variant.isa)) continue;
    SCOPED_TRACE(variant.name);
    for (const CaseMaker& maker : cases_of(variant.op)) {
      const Case source = maker.whole();
      Placed placed(source);
      if (!variant.serves(placed.args())) continue;
      std::vector<std::byte> memory(variant.workspace(placed.args(), pool.threads()) + HD_ALIGNMENT);
      void* workspace = memory.data();
      size_t space = memory.size();
      std::align(HD_ALIGNMENT, space - HD_ALIGNMENT, workspace, space);
      EXPECT_EQ(with_failure(0, [&] { return variant.run(placed.args(), pool, static_cast<std::byte*>(workspace)); }),
                HD_STATUS_OK);
      EXPECT_EQ(allocations.load(), 0) << maker.name;
    }
  }
  // And the way through the ABI, refusals included.
  const Case source = cases_of(HD_OP_HADAMARD)[1].whole();
  Placed placed(source);
  uint64_t size = 0;
  EXPECT_EQ(with_failure(1,
                         [&] {
                           hd_workspace_size(device, HD_OP_HADAMARD, placed.args(), &size);
                           hd_hadamard(stream, nullptr, nullptr, 0);
                           hd_stream_synchronize(stream);
                           return call(HD_OP_HADAMARD, stream, placed.args(), nullptr, 0);
                         }),
            HD_STATUS_OK);
  EXPECT_EQ(allocations.load(), 0);
  hd_stream_release(stream);
  hd_device_release(device);
}

}  // namespace
}  // namespace hadal::tests
