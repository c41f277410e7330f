// Conformance of a backend of a third party (native/backends.md): its memory, and every operation that it has against
// the scalar CPU kernels, at every shape of the tests. The environment variable HADAL_BACKEND names it.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "support/compare.h"
#include "support/padding.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

struct External {
  hd_device* device = nullptr;
  hd_stream* stream = nullptr;

  External() {
    const hd_device_options options{sizeof options, HD_DEVICE_EXTERNAL, 0, 0};
    if (hd_device_create(&options, &device) != HD_STATUS_OK || hd_stream_create(device, &stream) != HD_STATUS_OK) {
      std::fprintf(stderr, "conformance: %s\n", last_error().c_str());
      std::exit(2);
    }
  }
  ~External() {
    hd_stream_release(stream);
    hd_device_release(device);
  }
  External(const External&) = delete;
  External& operator=(const External&) = delete;
};

const External& external() {
  static const External only;
  return only;
}

TEST(Conformance, MemoryIsZeroedAlignedAndCopied) {
  constexpr uint64_t kBytes = 4099;
  hd_buffer* buffer = nullptr;
  ASSERT_EQ(hd_buffer_create(external().device, kBytes, &buffer), HD_STATUS_OK) << last_error();
  void* data = nullptr;
  uint64_t size = 0;
  ASSERT_EQ(hd_buffer_get_data(buffer, &data, &size), HD_STATUS_OK);
  EXPECT_EQ(size, kBytes);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % HD_ALIGNMENT, 0u);
  std::vector<unsigned char> bytes(kBytes, 1);
  ASSERT_EQ(hd_copy_to_host(external().stream, bytes.data(), data, kBytes), HD_STATUS_OK) << last_error();
  EXPECT_EQ(bytes, std::vector<unsigned char>(kBytes, 0));
  std::vector<unsigned char> pattern(kBytes);
  for (size_t i = 0; i < kBytes; ++i) pattern[i] = static_cast<unsigned char>(i * 31);
  ASSERT_EQ(hd_copy_to_device(external().stream, data, pattern.data(), kBytes), HD_STATUS_OK) << last_error();
  ASSERT_EQ(hd_copy_to_host(external().stream, bytes.data(), data, kBytes), HD_STATUS_OK) << last_error();
  EXPECT_EQ(bytes, pattern);
  EXPECT_EQ(hd_buffer_release(buffer), HD_STATUS_OK);
}

class ConformanceOf : public testing::TestWithParam<int32_t> {};

TEST_P(ConformanceOf, AgreesWithTheScalar) {
  char name[64] = {};
  if (hd_kernel_name(external().device, GetParam(), name, sizeof name) == HD_STATUS_UNSUPPORTED) {
    GTEST_SKIP() << "the backend lacks it: " << last_error();
  }
  ThreadPool pool(2);
  int served = 0;
  int refused = 0;
  for (const CaseMaker& maker : cases_of(GetParam())) {
    SCOPED_TRACE(maker.name);
    Case source = maker.whole();
    // Addresses that are not aligned to 64 bytes are for the CPU alone.
    for (Tensor& tensor : source.tensors) tensor.offset = 0;
    const Outcome actual = run_on_device(external().device, external().stream, source);
    if (actual.status == HD_STATUS_UNSUPPORTED) {
      std::printf("%s refuses %s: %s\n", name, maker.name.c_str(), actual.text.c_str());
      ++refused;
      continue;
    }
    ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
    EXPECT_TRUE(actual.damage.empty()) << "wrote to " << actual.damage;
    const Outcome expected = run_variant(scalar_variant(GetParam()), source, pool);
    ASSERT_EQ(expected.status, HD_STATUS_OK) << expected.text;
    Outcome counted = actual;
    forgive_padding(source, counted, expected);
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role == Role::input) continue;
      EXPECT_TRUE(agrees(source.tensors[i], counted.tensors[i], expected.tensors[i]));
    }
    ++served;
  }
  std::printf("%s: %d cases agree, %d are refused\n", name, served, refused);
  EXPECT_GT(served, 0) << name << " serves no case, so nothing was tested";
}

INSTANTIATE_TEST_SUITE_P(Backend, ConformanceOf, testing::Range<int32_t>(0, HD_OP_COUNT), [](const auto& operation) {
  std::string name = scalar_variant(operation.param).name;
  name.resize(name.find('/'));
  return name;
});

}  // namespace
}  // namespace hadal::tests
