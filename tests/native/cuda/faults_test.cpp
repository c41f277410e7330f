// What goes wrong on a CUDA device comes back as a status with CUDA's own words, and the process lives. Each test wants
// a process and an emulated device of its own: CMakeLists.txt says which environment.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/cuda_device.h"
#include "support/cpu_stream.h"

namespace hadal::tests {
namespace {

std::string refusal(int32_t expected, int32_t status) {
  EXPECT_EQ(status, expected) << last_error();
  return last_error();
}

int32_t create(hd_device** device, int32_t ordinal = 0) {
  const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CUDA, ordinal, 0};
  return hd_device_create(&options, device);
}

// y[i] = table[ids[i]] over tables that are shorter than `rows` says, as far as the device can tell.
int32_t take_rows(hd_stream* stream, const void* table, const int32_t* ids, void* y, int32_t rows) {
  hd_embedding_args args{};
  args.struct_size = sizeof args;
  args.table_dtype = args.y_dtype = HD_DTYPE_F32;
  args.m = 1;
  args.n = 4;
  args.rows = rows;
  args.ids = ids;
  args.table = table;
  args.y = y;
  return hd_embedding(stream, &args, nullptr, 0);
}

void* memory(hd_device* device, uint64_t bytes, std::vector<hd_buffer*>& buffers) {
  hd_buffer* buffer = nullptr;
  EXPECT_EQ(hd_buffer_create(device, bytes, &buffer), HD_STATUS_OK) << last_error();
  buffers.push_back(buffer);
  void* data = nullptr;
  EXPECT_EQ(hd_buffer_get_data(buffer, &data, nullptr), HD_STATUS_OK) << last_error();
  return data;
}

void expect_cpu_serves() {
  const CpuStream cpu;
  const float table[4] = {1, 2, 3, 4};
  const int32_t id = 0;
  float y[4] = {};
  EXPECT_EQ(take_rows(cpu.stream(), table, &id, y, 1), HD_STATUS_OK) << last_error();
  EXPECT_EQ(y[3], 4.0f);
}

TEST(CudaFaults, NoDevice) {
  hd_device* device = nullptr;
  const std::string text = refusal(HD_STATUS_UNSUPPORTED, create(&device));
  EXPECT_NE(text.find("no CUDA device is present"), std::string::npos) << text;
  expect_cpu_serves();
}

// Calls on two devices take turns; each has streams and memory of its own, and a third there is none.
TEST(CudaFaults, SecondDevice) {
  int32_t count = 0;
  ASSERT_EQ(hd_device_count(HD_DEVICE_CUDA, &count), HD_STATUS_OK) << last_error();
  EXPECT_EQ(count, 2);
  hd_device* third = nullptr;
  const std::string text = refusal(HD_STATUS_INVALID_ARGUMENT, create(&third, 2));
  EXPECT_NE(text.find("ordinal is 2; 2 CUDA devices are present, counted from 0"), std::string::npos) << text;
  struct {
    hd_device* device = nullptr;
    hd_stream* stream = nullptr;
    void *ids = nullptr, *table = nullptr, *y = nullptr;
  } of[2];
  std::vector<hd_buffer*> buffers;
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(create(&of[i].device, i), HD_STATUS_OK) << last_error();
    hd_device_info info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(hd_device_get_info(of[i].device, &info), HD_STATUS_OK) << last_error();
    EXPECT_EQ(info.ordinal, i);
    ASSERT_EQ(hd_stream_create(of[i].device, &of[i].stream), HD_STATUS_OK) << last_error();
  }
  for (int i = 0; i < 2; ++i) {
    const float row[4] = {1, 2, 3, 4.0f + static_cast<float>(i)};
    of[i].ids = memory(of[i].device, 4, buffers);
    of[i].table = memory(of[i].device, sizeof row, buffers);
    of[i].y = memory(of[i].device, sizeof row, buffers);
    ASSERT_EQ(hd_copy_to_device(of[i].stream, of[i].table, row, sizeof row), HD_STATUS_OK) << last_error();
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(take_rows(of[i].stream, of[i].table, static_cast<int32_t*>(of[i].ids), of[i].y, 1), HD_STATUS_OK)
        << last_error();
  }
  for (int i = 0; i < 2; ++i) {
    float taken[4] = {};
    ASSERT_EQ(hd_copy_to_host(of[i].stream, taken, of[i].y, sizeof taken), HD_STATUS_OK) << last_error();
    EXPECT_EQ(taken[3], 4.0f + static_cast<float>(i));
  }
  uint64_t free[2] = {};
  const uint64_t size = 1 << 20;
  memory(of[1].device, size, buffers);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(hd_device_free_memory(of[i].device, &free[i]), HD_STATUS_OK) << last_error();
  }
  EXPECT_EQ(free[0] - free[1], size);
  for (hd_buffer* each : buffers) hd_buffer_release(each);
  for (auto& each : of) {
    hd_stream_release(each.stream);
    hd_device_release(each.device);
  }
}

TEST(CudaFaults, UnsupportedArchitecture) {
  hd_device* device = nullptr;
  const std::string text = refusal(HD_STATUS_UNSUPPORTED, create(&device));
  EXPECT_NE(text.find("is sm_75; the CUDA backend needs sm_80 or later"), std::string::npos) << text;
  expect_cpu_serves();
}

// HADAL_CUDA_KERNELS takes upstream's kernels away, or says what it takes.
TEST(CudaFaults, ChosenKernels) {
  hd_device* device = nullptr;
  setenv("HADAL_CUDA_KERNELS", "fastest", 1);
  const std::string text = refusal(HD_STATUS_INVALID_ARGUMENT, create(&device));
  EXPECT_NE(text.find("HADAL_CUDA_KERNELS is 'fastest'; it must be 'portable'"), std::string::npos) << text;
  setenv("HADAL_CUDA_KERNELS", "portable", 1);
  ASSERT_EQ(create(&device), HD_STATUS_OK) << last_error();
  hd_device_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(hd_device_get_info(device, &info), HD_STATUS_OK) << last_error();
  EXPECT_STREQ(info.isa, "sm_80");
  for (int32_t op = 0; op < HD_OP_COUNT; ++op) {
    char name[64] = {};
    ASSERT_EQ(hd_kernel_name(device, op, name, sizeof name), HD_STATUS_OK) << last_error();
    const std::string variant = std::strchr(name, '/');
    EXPECT_TRUE(variant == "/portable" || variant == "/composed") << name;
  }
  hd_device_release(device);
}

TEST(CudaFaults, OutOfDeviceMemory) {
  ASSERT_NE(cuda().stream, nullptr) << cuda().why;
  std::vector<hd_buffer*> buffers;
  hd_buffer* buffer = nullptr;
  const std::string text = refusal(HD_STATUS_OUT_OF_MEMORY, hd_buffer_create(cuda().device, 1u << 30, &buffer));
  EXPECT_NE(text.find("1073741824 bytes of device memory were refused"), std::string::npos) << text;
  EXPECT_EQ(buffer, nullptr);
  // What fits is still given, and works.
  const float row[4] = {1, 2, 3, 4};
  const int32_t id = 0;
  void* table = memory(cuda().device, sizeof row, buffers);
  void* ids = memory(cuda().device, 4, buffers);
  void* y = memory(cuda().device, 16, buffers);
  ASSERT_EQ(hd_copy_to_device(cuda().stream, table, row, sizeof row), HD_STATUS_OK) << last_error();
  ASSERT_EQ(hd_copy_to_device(cuda().stream, ids, &id, 4), HD_STATUS_OK) << last_error();
  ASSERT_EQ(take_rows(cuda().stream, table, static_cast<int32_t*>(ids), y, 1), HD_STATUS_OK) << last_error();
  float taken[4] = {};
  ASSERT_EQ(hd_copy_to_host(cuda().stream, taken, y, sizeof taken), HD_STATUS_OK) << last_error();
  EXPECT_EQ(taken[3], 4.0f);
  for (hd_buffer* each : buffers) hd_buffer_release(each);
}

// More rows than a grid has along y: the launch is refused, and nothing else.
TEST(CudaFaults, FailingLaunch) {
  ASSERT_NE(cuda().stream, nullptr) << cuda().why;
  constexpr int kRows = 64 * 65535 + 1;
  std::vector<hd_buffer*> buffers;
  hd_gemm_args args{};
  args.struct_size = sizeof args;
  args.a_dtype = args.b_dtype = args.d_dtype = HD_DTYPE_BF16;
  args.batch = args.n = args.k = 1;
  args.m = kRows;
  args.a = memory(cuda().device, 2 * kRows, buffers);
  args.b = memory(cuda().device, 2, buffers);
  args.d = memory(cuda().device, 2 * kRows, buffers);
  args.a_stride = args.b_stride = args.d_stride = 1;
  const std::string text = refusal(HD_STATUS_INTERNAL, hd_gemm(cuda().stream, &args, nullptr, 0));
  EXPECT_NE(text.find("CUDA: invalid configuration argument (cudaErrorInvalidConfiguration)"), std::string::npos)
      << text;
  args.m = 2;
  EXPECT_EQ(hd_gemm(cuda().stream, &args, nullptr, 0), HD_STATUS_OK) << last_error();
  EXPECT_EQ(hd_stream_synchronize(cuda().stream), HD_STATUS_OK) << last_error();
  for (hd_buffer* each : buffers) hd_buffer_release(each);
}

// A kernel reads out of bounds between good calls: every call from then on says that the device is lost, handles can
// still be released, and the CPU serves.
TEST(CudaFaults, StickyErrorLosesTheDevice) {
  {
    const CudaDevice lost;
    ASSERT_NE(lost.stream, nullptr) << lost.why;
    std::vector<hd_buffer*> buffers;
    // The table comes last: beyond it lies nothing.
    void* ids = memory(lost.device, 4, buffers);
    void* y = memory(lost.device, 16, buffers);
    void* table = memory(lost.device, 16, buffers);
    ASSERT_EQ(take_rows(lost.stream, table, static_cast<int32_t*>(ids), y, 1), HD_STATUS_OK) << last_error();
    const int32_t far = 1 << 26;
    ASSERT_EQ(hd_copy_to_device(lost.stream, ids, &far, 4), HD_STATUS_OK) << last_error();
    // Queued without complaint; found when somebody waits.
    ASSERT_EQ(take_rows(lost.stream, table, static_cast<int32_t*>(ids), y, far + 1), HD_STATUS_OK) << last_error();
    const std::string text = refusal(HD_STATUS_DEVICE_LOST, hd_stream_synchronize(lost.stream));
    EXPECT_NE(text.find("CUDA: an illegal memory access was encountered"), std::string::npos) << text;
    float taken[4] = {};
    refusal(HD_STATUS_DEVICE_LOST, take_rows(lost.stream, table, static_cast<int32_t*>(ids), y, 1));
    refusal(HD_STATUS_DEVICE_LOST, hd_copy_to_host(lost.stream, taken, y, sizeof taken));
    hd_buffer* buffer = nullptr;
    refusal(HD_STATUS_DEVICE_LOST, hd_buffer_create(lost.device, 16, &buffer));
    for (hd_buffer* each : buffers) EXPECT_EQ(hd_buffer_release(each), HD_STATUS_OK);
  }
  hd_device* device = nullptr;
  refusal(HD_STATUS_DEVICE_LOST, create(&device));
  expect_cpu_serves();
}

}  // namespace
}  // namespace hadal::tests
