// Recording calls on a CUDA device, and launching them again over other content of the same memory.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "cuda/cuda_device.h"
#include "support/cpu_stream.h"
#include "support/numbers.h"

namespace hadal::tests {
namespace {

constexpr int kRows = 3;
constexpr int kColumns = 128;
constexpr int kWidth = 64;

class Memory {
 public:
  Memory(hd_device* device, uint64_t bytes) {
    if (hd_buffer_create(device, bytes, &buffer_) != HD_STATUS_OK ||
        hd_buffer_get_data(buffer_, &data_, nullptr) != HD_STATUS_OK) {
      ADD_FAILURE() << last_error();
    }
  }
  ~Memory() { hd_buffer_release(buffer_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  void* data() const { return data_; }

 private:
  hd_buffer* buffer_ = nullptr;
  void* data_ = nullptr;
};

// d = (x + x) * b^T on a device's own memory, in two calls and a copy of the sum.
struct Step {
  explicit Step(hd_device* device)
      : gate(device, kRows * kColumns * 4),
        up(device, kRows * kColumns * 4),
        between(device, kRows * kColumns * 4),
        copied(device, kRows * kColumns * 4),
        b(device, kWidth * kColumns * 4),
        d(device, kRows * kWidth * 4) {}

  int32_t call(hd_stream* stream) const {
    hd_silu_mul_args silu{};
    silu.struct_size = sizeof silu;
    silu.x_dtype = HD_DTYPE_F32;
    silu.m = kRows;
    silu.n = kColumns;
    silu.gate = gate.data();
    silu.gate_stride = kColumns;
    silu.up = up.data();
    silu.up_stride = kColumns;
    silu.y = between.data();
    if (const int32_t status = hd_silu_mul(stream, &silu, nullptr, 0)) return status;
    if (const int32_t status = hd_copy(stream, copied.data(), between.data(), kRows * kColumns * 4)) return status;
    hd_gemm_args gemm{};
    gemm.struct_size = sizeof gemm;
    gemm.a_dtype = gemm.b_dtype = gemm.d_dtype = HD_DTYPE_F32;
    gemm.batch = 1;
    gemm.m = kRows;
    gemm.n = kWidth;
    gemm.k = kColumns;
    gemm.a = copied.data();
    gemm.a_stride = gemm.b_stride = kColumns;
    gemm.b = b.data();
    gemm.d = d.data();
    gemm.d_stride = kWidth;
    return hd_gemm(stream, &gemm, nullptr, 0);
  }

  Memory gate, up, between, copied, b, d;
};

std::vector<float> numbers(int count, int seed) {
  std::vector<float> result;
  for (int i = 0; i < count; ++i) result.push_back(static_cast<float>((i * 37 + seed * 101) % 29 - 14) * 0.125f);
  return result;
}

void upload(hd_stream* stream, const Step& step, int seed) {
  const auto copy = [&](const Memory& memory, const std::vector<float>& content) {
    ASSERT_EQ(hd_copy_to_device(stream, memory.data(), content.data(), content.size() * 4), HD_STATUS_OK)
        << last_error();
  };
  copy(step.gate, numbers(kRows * kColumns, seed));
  copy(step.up, numbers(kRows * kColumns, seed + 1));
  copy(step.b, numbers(kWidth * kColumns, seed + 2));
}

std::vector<float> result(hd_stream* stream, const Step& step) {
  std::vector<float> d(kRows * kWidth);
  EXPECT_EQ(hd_copy_to_host(stream, d.data(), step.d.data(), d.size() * 4), HD_STATUS_OK) << last_error();
  return d;
}

void expect_close(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-4f * (1.0f + std::abs(expected[i]))) << "element " << i;
  }
}

class CudaGraph : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  }
};

TEST_F(CudaGraph, LaunchesRecordedCallsOverNewContent) {
  const CpuStream cpu;
  const Step expected(cpu.device());
  const Step step(cuda().device);
  ASSERT_EQ(hd_graph_begin(cuda().stream), HD_STATUS_OK) << last_error();
  ASSERT_EQ(step.call(cuda().stream), HD_STATUS_OK) << last_error();
  hd_graph* graph = nullptr;
  ASSERT_EQ(hd_graph_end(cuda().stream, &graph), HD_STATUS_OK) << last_error();
  for (const float x : result(cuda().stream, step)) ASSERT_EQ(x, 0.0f) << "a recorded call has run";
  for (int seed = 1; seed <= 3; ++seed) {
    upload(cuda().stream, step, seed);
    ASSERT_EQ(hd_graph_launch(graph, cuda().stream), HD_STATUS_OK) << last_error();
    upload(cpu.stream(), expected, seed);
    ASSERT_EQ(expected.call(cpu.stream()), HD_STATUS_OK) << last_error();
    expect_close(result(cuda().stream, step), result(cpu.stream(), expected));
  }
  EXPECT_EQ(hd_graph_release(graph), HD_STATUS_OK);
}

TEST_F(CudaGraph, EndsARecordThatARefusedCallIsIn) {
  const Step step(cuda().device);
  ASSERT_EQ(hd_graph_begin(cuda().stream), HD_STATUS_OK) << last_error();
  hd_silu_mul_args refused{};
  refused.struct_size = sizeof refused;
  refused.m = -1;
  EXPECT_EQ(hd_silu_mul(cuda().stream, &refused, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  hd_graph* graph = nullptr;
  hd_graph_end(cuda().stream, &graph);
  hd_graph_release(graph);
  upload(cuda().stream, step, 4);
  EXPECT_EQ(step.call(cuda().stream), HD_STATUS_OK) << "the stream doesn't serve after the record: " << last_error();
  EXPECT_EQ(hd_stream_synchronize(cuda().stream), HD_STATUS_OK) << last_error();
}

}  // namespace
}  // namespace hadal::tests
