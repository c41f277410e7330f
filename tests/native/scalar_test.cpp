// The scalar variants, which are the oracle of the others, against double precision.
#include <gtest/gtest.h>

#include "reference/reference.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

class Scalar : public testing::TestWithParam<int32_t> {};

std::string test_name(const testing::TestParamInfo<int32_t>& info) {
  const std::string name = scalar_variant(info.param).name;
  return name.substr(0, name.find('/'));
}

// A tensor's tolerance is for two roundings to bf16, one on each side. Here there is one: half an ulp, and what f32 may
// differ before it. This tells a second rounding in the kernel; attention has one, of its weights.
Tensor rounded_once(Tensor tensor) {
  if (tensor.type == Type::bf16 && !tensor.tolerance.exact() && tensor.tolerance.of_rms < 1e-3) {
    tensor.tolerance.relative = 0x1.01p-8;
  }
  return tensor;
}

TEST_P(Scalar, AgreesWithDoublePrecision) {
  ThreadPool pool(1);
  for (const CaseMaker& maker : cases_of(GetParam())) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    Placed placed(source);
    Results expected = reference(GetParam(), placed.args());
    const Outcome actual = run_variant(scalar_variant(GetParam()), source, pool);
    ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
    EXPECT_TRUE(actual.damage.empty()) << "wrote to " << actual.damage;
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      const Tensor& tensor = source.tensors[i];
      if (tensor.role == Role::input) continue;
      ASSERT_TRUE(expected.contains(tensor.name)) << tensor.name;
      Expected& of_tensor = expected[tensor.name];
      of_tensor.values.resize(actual.tensors[i].size() / size_of(tensor.type));
      of_tensor.written.resize(of_tensor.values.size());
      EXPECT_TRUE(agrees(rounded_once(tensor), actual.tensors[i], of_tensor));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Scalar, testing::Range(int32_t{0}, int32_t{HD_OP_COUNT}), test_name);

}  // namespace
}  // namespace hadal::tests
