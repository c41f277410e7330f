// What the host lets the process use, on hosts that the tests lay out: files of /proc and /sys below a folder.
#include "platform/host.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "platform/processors.h"
#include "support/cpu_stream.h"

namespace hadal::tests {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class Host : public testing::Test {
 protected:
  Host() {
    std::string name = std::filesystem::temp_directory_path() / "hadal-host-XXXXXX";
    root_ = mkdtemp(name.data());
    // 1000 MiB, of which 600 can be had.
    write("proc/meminfo", "MemTotal:        1024000 kB\nMemFree:          204800 kB\nMemAvailable:     614400 kB\n");
  }
  ~Host() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_ / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  void write_v2(const std::string& group) {
    write("proc/self/cgroup", "0::" + group + "\n");
    write("proc/self/mountinfo",
          "22 1 0:20 / /proc rw,nosuid - proc proc rw\n"
          "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  }

  // The hierarchies of version 1 in which a container's own groups are mounted from `mounted` on.
  void write_v1(const std::string& group, const std::string& mounted) {
    write("proc/self/cgroup", "9:name=systemd:/elsewhere\n4:memory:" + group + "\n3:cpu,cpuacct:" + group + "\n");
    write("proc/self/mountinfo", "40 22 0:30 " + mounted +
                                     " /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
                                     "41 22 0:31 " +
                                     mounted + " /sys/fs/cgroup/memory ro master:7 - cgroup cgroup rw,memory\n");
  }

  void expect_memory(uint64_t total_mib, uint64_t free_mib) {
    const HostMemory memory = host_memory(root_);
    EXPECT_EQ(memory.total, total_mib * kMiB);
    EXPECT_EQ(memory.free, free_mib * kMiB);
  }

  static std::string mib(uint64_t count) { return std::to_string(count * kMiB) + "\n"; }

  std::filesystem::path root_;
};

TEST_F(Host, WithoutCgroupsIsTheWholeHost) {
  expect_memory(1000, 600);
  EXPECT_EQ(usable_processors(6, root_), 6);
}

TEST_F(Host, GroupWithoutLimitsIsTheWholeHost) {
  write_v2("/user.slice");
  write("sys/fs/cgroup/user.slice/memory.max", "max\n");
  write("sys/fs/cgroup/user.slice/memory.current", mib(900));
  write("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  expect_memory(1000, 600);
  EXPECT_EQ(usable_processors(6, root_), 6);

  write_v1("/user.slice", "/");
  write("sys/fs/cgroup/memory/user.slice/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/user.slice/memory.usage_in_bytes", mib(300));
  write("sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu,cpuacct/user.slice/cpu.cfs_period_us", "100000\n");
  expect_memory(1000, 600);
  EXPECT_EQ(usable_processors(6, root_), 6);
}

TEST_F(Host, LimitOfVersion2CountsAndItsFilesAreFree) {
  write_v2("/a.slice");
  write("sys/fs/cgroup/a.slice/memory.max", mib(400));
  write("sys/fs/cgroup/a.slice/memory.current", mib(350));
  expect_memory(400, 50);
  // Of what is in use, 80 + 40 MiB are cached files; shared memory, which "file" counts too, is not free.
  write("sys/fs/cgroup/a.slice/memory.stat",
        "anon 1\nfile " + mib(200) + "active_file " + mib(80) + "shmem " + mib(80) + "inactive_file " + mib(40));
  expect_memory(400, 170);
  // No more than the host has.
  write("sys/fs/cgroup/a.slice/memory.max", mib(2000));
  expect_memory(1000, 600);
  // More in use than may be, after a limit was lowered.
  write("sys/fs/cgroup/a.slice/memory.max", mib(100));
  expect_memory(100, 0);
}

TEST_F(Host, LimitOfVersion1CountsAndItsFilesAreFree) {
  write_v1("/docker/c0ffee", "/docker/c0ffee");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", mib(500));
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", mib(300));
  write("sys/fs/cgroup/memory/memory.stat",
        "active_file " + mib(7) + "total_active_file " + mib(60) + "total_inactive_file " + mib(20));
  expect_memory(500, 280);
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_processors(6, root_), 3);
}

TEST_F(Host, SmallestLimitOnThePathCounts) {
  write_v2("/a.slice/b.slice/c.scope");
  write("sys/fs/cgroup/a.slice/memory.max", mib(300));
  write("sys/fs/cgroup/a.slice/memory.current", mib(290));
  write("sys/fs/cgroup/a.slice/b.slice/memory.max", mib(200));
  write("sys/fs/cgroup/a.slice/b.slice/memory.current", mib(20));
  write("sys/fs/cgroup/a.slice/b.slice/c.scope/memory.max", "max\n");
  expect_memory(200, 10);
  write("sys/fs/cgroup/a.slice/cpu.max", "200000 100000\n");
  write("sys/fs/cgroup/a.slice/b.slice/cpu.max", "400000 100000\n");
  EXPECT_EQ(usable_processors(6, root_), 2);
  // Of a group beside the path nothing counts.
  write("sys/fs/cgroup/a.slice/b.slice/d.scope/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable_processors(6, root_), 2);
}

TEST_F(Host, GroupOutsideOfWhatIsMountedFallsBackToTheMount) {
  for (const char* group : {"/", "/../..", "/kubepods/pod1"}) {
    write_v2(group);
    write("sys/fs/cgroup/cpu.max", "150000 100000\n");
    EXPECT_EQ(usable_processors(6, root_), 2) << group;
  }
  // The mount begins below another group, whose name is the beginning of ours.
  write_v1("/docker/c0ffee", "/docker/c0");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "400000\n");
  write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_processors(6, root_), 4);
}

TEST_F(Host, MountPointMayHoldSpaces) {
  write("proc/self/cgroup", "0::/\n");
  write("proc/self/mountinfo", "30 22 0:26 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
  write("my groups/cpu.max", "100000 100000\n");
  EXPECT_EQ(usable_processors(6, root_), 1);
}

TEST_F(Host, QuotaIsRoundedUpAndNeverBelowOne) {
  write_v2("/");
  for (const auto& [quota, processors] : std::map<std::string, int>{{"1000 100000", 1},
                                                                    {"100000 100000", 1},
                                                                    {"100001 100000", 2},
                                                                    {"350000 100000", 4},
                                                                    {"9000000 100000", 6},
                                                                    {"150000 0", 6},
                                                                    {"nonsense", 6},
                                                                    {"", 6}}) {
    write("sys/fs/cgroup/cpu.max", quota);
    EXPECT_EQ(usable_processors(6, root_), processors) << quota;
  }
}

TEST_F(Host, BrokenFilesLimitNothing) {
  write("proc/self/cgroup", "nonsense\n::\n0:\n:\n0::");
  write("proc/self/mountinfo", "1 2 3\n - \nx x x / /sys - cgroup2\n");
  expect_memory(1000, 600);
  EXPECT_EQ(usable_processors(6, root_), 6);
}

TEST_F(Host, OfThisProcessIsWhatADeviceTells) {
  const CpuStream cpu;
  hd_device_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(hd_device_get_info(cpu.device(), &info), HD_STATUS_OK);
  EXPECT_EQ(info.memory_bytes, host_memory().total);
  uint64_t free_bytes = 0;
  ASSERT_EQ(hd_device_free_memory(cpu.device(), &free_bytes), HD_STATUS_OK);
  EXPECT_GT(free_bytes, 0u);
  EXPECT_LE(free_bytes, info.memory_bytes);
}

TEST_F(Host, ThreadsFollowTheAffinityMask) {
  std::thread([] {
    const std::vector<int> all = allowed_processors();
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(static_cast<int>(all.size()), CPU_COUNT(&mask));
    int first = 0;
    while (!CPU_ISSET(first, &mask)) ++first;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(allowed_processors(), std::vector<int>{first});
    const CpuStream cpu(0);
    hd_device_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(hd_device_get_info(cpu.device(), &info), HD_STATUS_OK);
    EXPECT_EQ(info.thread_count, 1);
  }).join();
}

}  // namespace
}  // namespace hadal::tests
