// The arguments that the benchmarks measure, of true shapes too: valid by the header, and each variant is among those
// that serve one. Nothing is run, and no memory is there.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "../../../bench/native/cuda/setting.h"
#include "cuda_backend.h"
#include "support/cpu_stream.h"

namespace hadal {

const hd_backend_host& cuda::host() {
  static const hd_backend_host none{sizeof(hd_backend_host), HD_BACKEND_VERSION, [](const char*) {},
                                    [](const char*) {}};
  return none;
}

namespace bench {

// In place of the device's: addresses that nobody reads.
Memory::Memory(size_t) {}
Memory::~Memory() = default;

void* Memory::zeros(int64_t bytes) {
  static uintptr_t next = 1 << 20;
  const uintptr_t data = next;
  next += (static_cast<uintptr_t>(bytes) + 255) / 256 * 256;
  return reinterpret_cast<void*>(data);
}

uint8_t* Memory::codes(int64_t count) {
  return static_cast<uint8_t*>(zeros(count));
}
uint16_t* Memory::bf16s(int64_t count) {
  return static_cast<uint16_t*>(zeros(count * 2));
}
float* Memory::floats(int64_t count) {
  return static_cast<float*>(zeros(count * 4));
}
float* Memory::ones(int64_t count) {
  return static_cast<float*>(zeros(count * 4));
}
int32_t* Memory::ints(int64_t count, const std::function<int64_t(int64_t)>&) {
  return static_cast<int32_t*>(zeros(count * 4));
}
void* Memory::repeated(const void*, size_t, int64_t bytes) {
  return zeros(bytes);
}

namespace {

class CudaBenchSettings : public testing::TestWithParam<bool> {};

TEST_P(CudaBenchSettings, AreValidArguments) {
  hd_device* device = nullptr;
  const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CPU, 0, 1};
  ASSERT_EQ(hd_device_create(&options, &device), HD_STATUS_OK) << tests::last_error();
  Memory memory(0);
  for (const Setting& setting : all_settings(GetParam())) {
    uint64_t size = 0;
    EXPECT_EQ(hd_workspace_size(device, setting.op, setting.make(memory).get(), &size), HD_STATUS_OK)
        << setting.shape << ": " << tests::last_error();
  }
  hd_device_release(device);
}

TEST_P(CudaBenchSettings, SuitEveryVariant) {
  Memory memory(0);
  std::set<std::string> unsuited;
  for (const cuda::Variant& variant : cuda::variants()) unsuited.insert(variant.name);
  EXPECT_GE(unsuited.size(), size_t{HD_OP_COUNT});
  for (const Setting& setting : all_settings(GetParam())) {
    const auto args = setting.make(memory);
    for (const cuda::Variant& variant : cuda::variants()) {
      if (variant.op == setting.op && variant.serves(args.get())) unsuited.erase(variant.name);
    }
  }
  for (const std::string& name : unsuited) ADD_FAILURE() << "no setting suits " << name;
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaBenchSettings, testing::Bool(),
                         [](const auto& tiny) { return tiny.param ? "tiny" : "true"; });

}  // namespace
}  // namespace bench
}  // namespace hadal
