// Every operation of the CUDA backend against the scalar CPU kernels, on whichever CUDA device is there: a card, or the
// emulated one where tests/emulator/runtime's libcudart lies first on the library path.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "core/thread_pool.h"
#include "support/builder.h"
#include "support/compare.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

// The device that all tests share; nothing where there is none, with the library's reason.
struct Shared {
  hd_device* device = nullptr;
  hd_stream* stream = nullptr;
  std::string why;

  Shared() {
    const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CUDA, 0, 0};
    if (hd_device_create(&options, &device) != HD_STATUS_OK || hd_stream_create(device, &stream) != HD_STATUS_OK) {
      why = last_error();
      return;
    }
    hd_device_info info{};
    info.struct_size = sizeof info;
    hd_device_get_info(device, &info);
    std::printf("running on %s, %s\n", info.name, info.isa);
  }
  ~Shared() {
    hd_stream_release(stream);
    hd_device_release(device);
  }
};

const Shared& shared() {
  static const Shared only;
  return only;
}

class Cuda : public testing::TestWithParam<int32_t> {
 protected:
  void SetUp() override {
    if (shared().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << shared().why;
  }
};

// f32 activations and their cache formats are for the CPU; so is an expert or weight placed as only the CPU takes it.
bool is_for_the_cpu(const Outcome& outcome) {
  return outcome.status == HD_STATUS_UNSUPPORTED ||
         (outcome.status == HD_STATUS_INVALID_ARGUMENT && outcome.text.find("on CUDA") != std::string::npos);
}

TEST_P(Cuda, AgreesWithTheScalar) {
  ThreadPool pool(2);
  int served = 0;
  int refused = 0;
  for (const CaseMaker& maker : cases_of(GetParam())) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    const Outcome actual = run_on_device(shared().device, shared().stream, source);
    if (is_for_the_cpu(actual)) {
      ++refused;
      continue;
    }
    ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
    EXPECT_TRUE(actual.damage.empty()) << "wrote to " << actual.damage;
    const Outcome expected = run_variant(scalar_variant(GetParam()), source, pool);
    ASSERT_EQ(expected.status, HD_STATUS_OK) << expected.text;
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role == Role::input) continue;
      EXPECT_TRUE(agrees(source.tensors[i], actual.tensors[i], expected.tensors[i]));
    }
    ++served;
  }
  char name[64] = {};
  hd_kernel_name(shared().device, GetParam(), name, sizeof name);
  std::printf("%s: %d cases agree, %d are for the CPU alone\n", name, served, refused);
  EXPECT_GT(served, 0) << "no case is served, so nothing was tested";
}

std::string name_of(const testing::TestParamInfo<int32_t>& info) {
  std::string name = scalar_variant(info.param).name;
  name.resize(name.find('/'));
  return name;
}

INSTANTIATE_TEST_SUITE_P(Device, Cuda, testing::Range<int32_t>(0, HD_OP_COUNT), name_of);

}  // namespace
}  // namespace hadal::tests
