// Calls that do the work of several, on the device.
#include "support/fused.h"

#include "cuda/cuda_device.h"

namespace hadal::tests {
namespace {

class CudaFused : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  }

  static Case at_even_addresses(const CaseMaker& maker) {
    Case source = maker.whole();
    for (Tensor& tensor : source.tensors) tensor.offset = 0;
    return source;
  }

  static Outcome run(const Case& source) { return run_on_device(cuda().device, cuda().stream, source); }
};

TEST_F(CudaFused, SwiGluIsTwoProductsAndSiluMul) {
  expect_swiglu_is_its_parts(at_even_addresses, run);
}

TEST_F(CudaFused, SeveralProductsAreEachAsAlone) {
  expect_several_products_as_alone(at_even_addresses, run);
}

TEST_F(CudaFused, TheNormQuantisesAsTheQuantisationOfItsResult) {
  expect_norm_quantises_its_result(at_even_addresses, run);
}

}  // namespace
}  // namespace hadal::tests
