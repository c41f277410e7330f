// Devices, streams, buffers, copies, and what the library tells of itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <regex>
#include <thread>

#include "cpu/features.h"
#include "support/builder.h"
#include "support/cpu_stream.h"
#include "support/header.h"
#include "support/platform.h"

#if defined(__SANITIZE_ADDRESS__)
// An allocation that can't be had is a status here, not an abort. The sanitizer's library looks for this by name.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}
#endif

namespace hadal::tests {
namespace {

hd_device* open_cpu(int threads = 1) {
  const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, threads};
  hd_device* device = nullptr;
  EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_OK) << last_error();
  return device;
}

hd_device_info info_of(hd_device* device) {
  hd_device_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(hd_device_get_info(device, &info), HD_STATUS_OK) << last_error();
  return info;
}

void expect_refused(int32_t status, const std::string& text) {
  EXPECT_EQ(status, HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error().rfind(text, 0), 0u) << last_error() << "\nexpected: " << text;
}

// Sets an environment variable for a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { set_variable(name, value); }
  ~Variable() { unset_variable(name_); }

 private:
  const char* name_;
};

TEST(Handles, MayBeReleasedInAnyOrder) {
  std::vector<int> order{0, 1, 2, 3, 4};
  do {
    uint32_t imported_data[4] = {1, 2, 3, 4};
    hd_device* device = open_cpu(2);
    hd_stream* stream = nullptr;
    hd_stream* other = nullptr;
    hd_buffer* buffer = nullptr;
    hd_buffer* imported = nullptr;
    ASSERT_EQ(hd_stream_create(device, &stream), HD_STATUS_OK);
    ASSERT_EQ(hd_stream_create(device, &other), HD_STATUS_OK);
    ASSERT_EQ(hd_buffer_create(device, 256, &buffer), HD_STATUS_OK);
    ASSERT_EQ(hd_buffer_import(device, imported_data, sizeof imported_data, &imported), HD_STATUS_OK);
    bool alive[5] = {true, true, true, true, true};
    for (const int released : order) {
      alive[released] = false;
      switch (released) {
        case 0:
          EXPECT_EQ(hd_device_release(device), HD_STATUS_OK);
          break;
        case 1:
          EXPECT_EQ(hd_stream_release(stream), HD_STATUS_OK);
          break;
        case 2:
          EXPECT_EQ(hd_stream_release(other), HD_STATUS_OK);
          break;
        case 3:
          EXPECT_EQ(hd_buffer_release(buffer), HD_STATUS_OK);
          break;
        default:
          EXPECT_EQ(hd_buffer_release(imported), HD_STATUS_OK);
      }
      // What is left works without what is gone.
      void* data = nullptr;
      if (alive[3]) {
        EXPECT_EQ(hd_buffer_get_data(buffer, &data, nullptr), HD_STATUS_OK);
        std::memset(data, 7, 256);
      }
      if (alive[1] || alive[2]) {
        hd_stream* left = alive[1] ? stream : other;
        EXPECT_EQ(hd_stream_synchronize(left), HD_STATUS_OK);
        if (alive[3]) {
          EXPECT_EQ(hd_copy_to_device(left, data, imported_data, sizeof imported_data), HD_STATUS_OK);
        }
        std::vector<float> x(size_t{64} * 128, 1.0f);
        hd_hadamard_args args{sizeof args, HD_DTYPE_F32, 64, 128, x.data(), x.data()};
        EXPECT_EQ(hd_hadamard(left, &args, nullptr, 0), HD_STATUS_OK) << last_error();
      }
      if (alive[0]) {
        EXPECT_EQ(info_of(device).thread_count, 2);
      }
      if (alive[4]) {
        EXPECT_EQ(hd_buffer_get_data(imported, &data, nullptr), HD_STATUS_OK);
        EXPECT_EQ(data, imported_data);
      }
    }
    EXPECT_EQ(imported_data[3], 4u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Handles, NullIsReleasedWithoutEffect) {
  EXPECT_EQ(hd_device_release(nullptr), HD_STATUS_OK);
  EXPECT_EQ(hd_stream_release(nullptr), HD_STATUS_OK);
  EXPECT_EQ(hd_buffer_release(nullptr), HD_STATUS_OK);
}

TEST(Handles, NullArgumentsAreNamed) {
  hd_device* device = open_cpu();
  hd_stream* stream = nullptr;
  hd_buffer* buffer = nullptr;
  int32_t count = 0;
  uint64_t size = 0;
  void* data = nullptr;
  char text[8];
  hd_device_info info{};
  const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 1};
  expect_refused(hd_get_build_info(nullptr), "hd_get_build_info: info is null");
  expect_refused(hd_layout_count(nullptr), "hd_layout_count: count is null");
  expect_refused(hd_layout_get(0, nullptr), "hd_layout_get: entry is null");
  expect_refused(hd_device_count(HD_DEVICE_CPU, nullptr), "hd_device_count: count is null");
  expect_refused(hd_device_create(nullptr, &device), "hd_device_create: options is null");
  expect_refused(hd_device_create(&options, nullptr), "hd_device_create: device is null");
  expect_refused(hd_device_get_info(nullptr, &info), "hd_device_get_info: device is null");
  expect_refused(hd_device_get_info(device, nullptr), "hd_device_get_info: info is null");
  expect_refused(hd_device_free_memory(nullptr, &size), "hd_device_free_memory: device is null");
  expect_refused(hd_device_free_memory(device, nullptr), "hd_device_free_memory: free_bytes is null");
  expect_refused(hd_kernel_name(nullptr, 0, text, 8), "hd_kernel_name: device is null");
  expect_refused(hd_kernel_name(device, 0, nullptr, 8), "hd_kernel_name: buffer is null");
  expect_refused(hd_stream_create(nullptr, &stream), "hd_stream_create: device is null");
  expect_refused(hd_stream_create(device, nullptr), "hd_stream_create: stream is null");
  expect_refused(hd_stream_synchronize(nullptr), "hd_stream_synchronize: stream is null");
  expect_refused(hd_buffer_create(nullptr, 1, &buffer), "hd_buffer_create: device is null");
  expect_refused(hd_buffer_create(device, 1, nullptr), "hd_buffer_create: buffer is null");
  expect_refused(hd_buffer_create(device, 0, &buffer), "hd_buffer_create: size is 0; it must be at least 1");
  expect_refused(hd_buffer_import(nullptr, text, 1, &buffer), "hd_buffer_import: device is null");
  expect_refused(hd_buffer_import(device, nullptr, 1, &buffer), "hd_buffer_import: data is null");
  expect_refused(hd_buffer_import(device, text, 1, nullptr), "hd_buffer_import: buffer is null");
  expect_refused(hd_buffer_import(device, text, 0, &buffer), "hd_buffer_import: size is 0; it must be at least 1");
  expect_refused(hd_buffer_get_data(nullptr, &data, nullptr), "hd_buffer_get_data: buffer is null");
  EXPECT_EQ(hd_buffer_import(device, text, sizeof text, &buffer), HD_STATUS_OK);
  expect_refused(hd_buffer_get_data(buffer, nullptr, &size), "hd_buffer_get_data: data is null");
  EXPECT_EQ(hd_device_count(HD_DEVICE_CPU, &count), HD_STATUS_OK);
  EXPECT_EQ(count, 1);
  hd_buffer_release(buffer);
  hd_device_release(device);
}

TEST(Buffers, AreZeroedAndAligned) {
  const CpuStream cpu;
  for (const uint64_t size : {uint64_t{1}, uint64_t{63}, uint64_t{64}, uint64_t{4097}, (uint64_t{2} << 20) + 1}) {
    hd_buffer* buffer = nullptr;
    ASSERT_EQ(hd_buffer_create(cpu.device(), size, &buffer), HD_STATUS_OK) << last_error();
    void* data = nullptr;
    uint64_t told = 0;
    ASSERT_EQ(hd_buffer_get_data(buffer, &data, &told), HD_STATUS_OK);
    EXPECT_EQ(told, size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % HD_ALIGNMENT, 0u);
    const auto* bytes = static_cast<const char*>(data);
    EXPECT_EQ(std::count(bytes, bytes + size, 0), static_cast<int64_t>(size));
    std::memset(data, 0x5a, size);
    hd_buffer_release(buffer);
  }
}

TEST(Buffers, LargerThanMemoryAreRefusedAndTheNextIsFine) {
  const CpuStream cpu;
  // What a system that overcommits would promise.
  uint64_t free_bytes = 0;
  ASSERT_EQ(hd_device_free_memory(cpu.device(), &free_bytes), HD_STATUS_OK);
  for (const uint64_t size : {2 * free_bytes, uint64_t{1} << 60, UINT64_MAX - 100, UINT64_MAX}) {
    hd_buffer* buffer = nullptr;
    EXPECT_EQ(hd_buffer_create(cpu.device(), size, &buffer), HD_STATUS_OUT_OF_MEMORY);
    EXPECT_EQ(last_error().rfind(
                  "hd_buffer_create: size is " + std::to_string(size) + " bytes, which host memory refused", 0),
              0u)
        << last_error();
    EXPECT_EQ(buffer, nullptr);
    ASSERT_EQ(hd_buffer_create(cpu.device(), 64, &buffer), HD_STATUS_OK);
    hd_buffer_release(buffer);
  }
}

TEST(Copies, MoveBytesOfAnyNumberAndAlignment) {
  const CpuStream cpu;
  std::vector<char> from(1000);
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i * 7);
  for (const auto& function : {&hd_copy, &hd_copy_to_device, &hd_copy_to_host}) {
    std::vector<char> to(1000, 1);
    EXPECT_EQ(function(cpu.stream(), &to[3], &from[5], 900), HD_STATUS_OK);
    EXPECT_EQ(std::memcmp(&to[3], &from[5], 900), 0);
    EXPECT_EQ(to[2], 1);
    EXPECT_EQ(to[903], 1);
    EXPECT_EQ(function(cpu.stream(), nullptr, nullptr, 0), HD_STATUS_OK);
  }
}

TEST(Copies, RefuseWhatTheyCannotDo) {
  const CpuStream cpu;
  std::vector<char> memory(100);
  char* a = memory.data();
  using Function = int32_t (*)(hd_stream*, void*, const void*, uint64_t);
  for (const auto& [name, function] : {std::pair<std::string, Function>{"hd_copy", hd_copy},
                                       {"hd_copy_to_device", hd_copy_to_device},
                                       {"hd_copy_to_host", hd_copy_to_host}}) {
    expect_refused(function(nullptr, a, a + 50, 8), name + ": stream is null");
    expect_refused(function(cpu.stream(), nullptr, a, 8), name + ": destination is null");
    expect_refused(function(cpu.stream(), a, nullptr, 8), name + ": source is null");
    for (const int distance : {0, 1, 7, -7}) {
      expect_refused(function(cpu.stream(), a + 20, a + 20 + distance, 8), name + ": destination overlaps source");
    }
    EXPECT_EQ(function(cpu.stream(), a, a + 8, 8), HD_STATUS_OK);
    expect_refused(function(cpu.stream(), a, a + 50, UINT64_MAX), name + ": size is 18446744073709551615");
  }
}

TEST(Devices, RefuseOptionsThatAreWrong) {
  const auto create = [](hd_device_options options) {
    hd_device* device = nullptr;
    const int32_t status = hd_device_create(&options, &device);
    EXPECT_EQ(device, nullptr);
    return status;
  };
  expect_refused(create({sizeof(hd_device_options), HD_DEVICE_CPU, 1, 1}), "hd_device_create: ordinal is 1");
  expect_refused(create({sizeof(hd_device_options), HD_DEVICE_CPU, -1, 1}), "hd_device_create: ordinal is -1");
  expect_refused(create({sizeof(hd_device_options), HD_DEVICE_CPU, 0, -1}), "hd_device_create: thread_count is -1");
  expect_refused(create({sizeof(hd_device_options), HD_DEVICE_CPU, 0, 1025}), "hd_device_create: thread_count is 1025");
}

TEST(Devices, TellWhatTheyAre) {
  hd_device* device = open_cpu(3);
  const hd_device_info info = info_of(device);
  EXPECT_EQ(info.kind, HD_DEVICE_CPU);
  EXPECT_EQ(info.ordinal, 0);
  EXPECT_EQ(info.thread_count, 3);
  EXPECT_GT(info.memory_bytes, uint64_t{1} << 20);
  EXPECT_GT(std::strlen(info.name), 0u);
  EXPECT_EQ(info.host_memory, 1);
  EXPECT_EQ(info.graphs, 0);
  EXPECT_EQ(info.f32_activations, 1);
  EXPECT_EQ(info.group_alignment, 1);
  EXPECT_EQ(info.synchronous, 1);
  uint64_t free_bytes = 0;
  EXPECT_EQ(hd_device_free_memory(device, &free_bytes), HD_STATUS_OK);
  EXPECT_GT(free_bytes, 0u);
  EXPECT_LE(free_bytes, info.memory_bytes);
  hd_device_release(device);
}

TEST(Devices, TakeTheInstructionSetThatTheEnvironmentNames) {
  for (const cpu::Isa isa : cpu::kIsas) {
    const std::string name = cpu::name_of(isa);
    const Variable variable("HADAL_CPU_ISA", name.c_str());
    if (!cpu::supports(isa)) {
      const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 1};
      hd_device* device = nullptr;
      EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_UNSUPPORTED);
      EXPECT_EQ(last_error().rfind("HADAL_CPU_ISA is \"" + name + "\", which this processor lacks", 0), 0u)
          << last_error();
      continue;
    }
    hd_device* device = open_cpu();
    EXPECT_EQ(info_of(device).isa, name);
    EXPECT_EQ(info_of(device).per_head_fp8, isa == cpu::Isa::avx512 ? 1 : 0);
    for (int32_t op = 0; op < HD_OP_COUNT; ++op) {
      // The best variant that is not above the instruction set.
      cpu::Isa best = cpu::Isa::scalar;
      for (const cpu::Variant& variant : variants()) {
        if (variant.op == op && variant.isa <= isa) best = std::max(best, variant.isa);
      }
      char kernel[64];
      ASSERT_EQ(hd_kernel_name(device, op, kernel, sizeof kernel), HD_STATUS_OK);
      const std::string scalar = scalar_variant(op).name;
      EXPECT_EQ(kernel, scalar.substr(0, scalar.find('/') + 1) + cpu::name_of(best));
    }
    hd_device_release(device);
  }
}

TEST(Devices, RefuseAnInstructionSetThatIsNone) {
  const Variable variable("HADAL_CPU_ISA", "sse9");
  const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 1};
  hd_device* device = nullptr;
  expect_refused(hd_device_create(&options, &device),
                 "HADAL_CPU_ISA is \"sse9\"; it must be one of: scalar, avx2, avx512f, avx512");
  EXPECT_EQ(device, nullptr);
}

TEST(Devices, TakeHadalNumaOnOffAndNothingElse) {
  const hd_device_options options{sizeof options, HD_DEVICE_CPU, 0, 2};
  hd_device* device = nullptr;
  for (const char* text : {"", "on", "off"}) {
    const Variable variable("HADAL_NUMA", text);
    EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_OK) << last_error();
    hd_device_release(device);
  }
  device = nullptr;
  const Variable variable("HADAL_NUMA", "0");
  expect_refused(hd_device_create(&options, &device), "HADAL_NUMA is \"0\"; it must be one of: on, off");
  EXPECT_EQ(device, nullptr);
}

TEST(Devices, TakeTheBestInstructionSetWhereNoneIsNamed) {
  const Variable variable("HADAL_CPU_ISA", "");
  hd_device* device = open_cpu();
  cpu::Isa best = cpu::Isa::scalar;
  for (const cpu::Isa isa : cpu::kIsas) {
    if (cpu::supports(isa)) best = std::max(best, isa);
  }
  EXPECT_STREQ(info_of(device).isa, cpu::name_of(best));
  hd_device_release(device);
}

TEST(Devices, NameKernelsWithinTheCapacity) {
  const CpuStream cpu;
  char name[16];
  std::memset(name, 'x', sizeof name);
  EXPECT_EQ(hd_kernel_name(cpu.device(), HD_OP_FP8_QUANTIZE, name, 6), HD_STATUS_OK);
  EXPECT_STREQ(name, "fp8_q");
  EXPECT_EQ(name[6], 'x');
  EXPECT_EQ(hd_kernel_name(cpu.device(), HD_OP_FP8_QUANTIZE, name, 0), HD_STATUS_OK);
  EXPECT_STREQ(name, "fp8_q");
  expect_refused(hd_kernel_name(cpu.device(), -1, name, 6), "hd_kernel_name: op is -1");
  expect_refused(
      hd_kernel_name(cpu.device(), HD_OP_COUNT, name, 6),
      "hd_kernel_name: op is " + std::to_string(HD_OP_COUNT) + "; it must be 0 to " + std::to_string(HD_OP_COUNT - 1));
}

TEST(Log, HearsOfThreadsInstructionSetAndKernels) {
  std::vector<std::string> lines;
  const auto keep = [](void* context, const char* text) {
    static_cast<std::vector<std::string>*>(context)->push_back(text);
  };
  EXPECT_EQ(hd_set_log(keep, &lines), HD_STATUS_OK);
  hd_device_release(open_cpu(2));
  EXPECT_EQ(hd_set_log(nullptr, nullptr), HD_STATUS_OK);
  ASSERT_EQ(lines.size(), size_t{1} + HD_OP_COUNT);
  EXPECT_EQ(lines[0].rfind("cpu: 2 threads, ", 0), 0u) << lines[0];
  EXPECT_EQ(lines[1].rfind("cpu: fp8_quantize/", 0), 0u) << lines[1];
  hd_device_release(open_cpu(2));
  EXPECT_EQ(lines.size(), size_t{1} + HD_OP_COUNT);
}

TEST(BuildInfo, TellsVersionCommitCompilerAndInstructionSets) {
  hd_build_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(hd_get_build_info(&info), HD_STATUS_OK);
  EXPECT_EQ(info.struct_size, sizeof info);
  EXPECT_EQ(info.abi_version, static_cast<uint32_t>(HD_ABI_VERSION));
  EXPECT_TRUE(std::regex_match(info.version, std::regex(R"(\d+\.\d+\.\d+.*)"))) << info.version;
  EXPECT_TRUE(std::regex_match(info.commit, std::regex("unknown|[0-9a-f]{40}"))) << info.commit;
  EXPECT_TRUE(std::regex_match(info.header_sha256, std::regex("[0-9a-f]{64}"))) << info.header_sha256;
  EXPECT_TRUE(std::regex_search(info.compiler, std::regex("^(g\\+\\+|clang) \\d+"))) << info.compiler;
#if defined(__x86_64__)
  EXPECT_STREQ(info.isas, "avx512 avx2 scalar");
#else
  EXPECT_STREQ(info.isas, "scalar");
#endif
}

TEST(Layout, IsThatOfTheHeader) {
  const std::vector<HeaderRow> expected = layout_of(HADAL_HEADER);
  uint32_t count = 0;
  ASSERT_EQ(hd_layout_count(&count), HD_STATUS_OK);
  ASSERT_EQ(count, expected.size());
  ASSERT_GT(count, 300u);
  for (uint32_t i = 0; i < count; ++i) {
    hd_layout_entry entry{};
    entry.struct_size = sizeof entry;
    ASSERT_EQ(hd_layout_get(i, &entry), HD_STATUS_OK);
    EXPECT_EQ(entry.struct_name, expected[i].type);
    EXPECT_EQ(entry.field_name, expected[i].field) << entry.struct_name;
    EXPECT_EQ(entry.offset, expected[i].offset) << entry.struct_name << "." << entry.field_name;
    EXPECT_EQ(entry.size, expected[i].size) << entry.struct_name << "." << entry.field_name;
  }
  hd_layout_entry entry{};
  entry.struct_size = sizeof entry;
  expect_refused(hd_layout_get(count, &entry), "hd_layout_get: index is " + std::to_string(count));
}

TEST(LastError, IsCutToTheCapacity) {
  hd_layout_count(nullptr);
  const std::string whole = "hd_layout_count: count is null";
  uint64_t length = 0;
  EXPECT_EQ(hd_last_error(nullptr, 0, &length), HD_STATUS_OK);
  EXPECT_EQ(length, whole.size());
  char text[64];
  for (const size_t capacity : {size_t{1}, size_t{2}, whole.size(), whole.size() + 1}) {
    std::memset(text, 'x', sizeof text);
    length = 0;
    EXPECT_EQ(hd_last_error(text, capacity, &length), HD_STATUS_OK);
    EXPECT_EQ(length, whole.size());
    EXPECT_EQ(std::string(text), whole.substr(0, capacity - 1));
    EXPECT_EQ(text[capacity], 'x');
  }
  std::memset(text, 'x', sizeof text);
  EXPECT_EQ(hd_last_error(text, 0, nullptr), HD_STATUS_OK);
  EXPECT_EQ(text[0], 'x');
  // A wrong argument of this one leaves the text as it is.
  expect_refused(hd_last_error(nullptr, 5, &length), whole);
}

TEST(LastError, OfAnEndlessPathIsStillOneText) {
  const Variable path("HADAL_BACKEND_PATH", std::string(20000, 'p').c_str());
  EXPECT_EQ(hd_backend_load(HD_DEVICE_CUDA), HD_STATUS_UNSUPPORTED);
  const std::string text = last_error();
  EXPECT_GT(text.size(), 4000u);
  EXPECT_LT(text.size(), 20000u);
}

TEST(LastError, BelongsToAThread) {
  hd_layout_count(nullptr);
  std::string first = "unset";
  std::string second;
  std::thread([&] {
    first = last_error();
    hd_get_build_info(nullptr);
    second = last_error();
  }).join();
  EXPECT_EQ(first, "");
  EXPECT_EQ(second, "hd_get_build_info: info is null");
  EXPECT_EQ(last_error(), "hd_layout_count: count is null");
}

TEST(LastError, StaysWhileCallsSucceed) {
  hd_layout_count(nullptr);
  uint32_t count = 0;
  EXPECT_EQ(hd_layout_count(&count), HD_STATUS_OK);
  EXPECT_EQ(last_error(), "hd_layout_count: count is null");
}

}  // namespace
}  // namespace hadal::tests
