// Calls that do the work of several, on each instruction set.
#include "support/fused.h"

#include <gtest/gtest.h>

#include "cpu/features.h"

namespace hadal::tests {
namespace {

class Fused : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    if (!cpu::supports(GetParam())) GTEST_SKIP() << "this processor lacks " << cpu::name_of(GetParam());
  }

  static const cpu::Variant& variant(int32_t op) {
    const cpu::Variant* best = &scalar_variant(op);
    for (const cpu::Variant& one : variants()) {
      if (one.op == op && one.isa <= GetParam() && one.isa > best->isa) best = &one;
    }
    return *best;
  }

  static Case make(const CaseMaker& maker) {
    Case source = maker.whole();
    return variant(source.op).serves(source.args.data()) ? source : Case{};
  }

  Outcome run(const Case& source) { return run_variant(variant(source.op), source, pool_); }

  ThreadPool pool_{2};
};

TEST_P(Fused, SwiGluIsTwoProductsAndSiluMul) {
  expect_swiglu_is_its_parts(make, [this](const Case& source) { return run(source); });
}

TEST_P(Fused, SeveralProductsAreEachAsAlone) {
  expect_several_products_as_alone(make, [this](const Case& source) { return run(source); });
}

TEST_P(Fused, TheNormQuantisesAsTheQuantisationOfItsResult) {
  expect_norm_quantises_its_result(make, [this](const Case& source) { return run(source); });
}

INSTANTIATE_TEST_SUITE_P(Cpu, Fused, testing::ValuesIn(cpu::kIsas),
                         [](const auto& isa) { return std::string(cpu::name_of(isa.param)); });

}  // namespace
}  // namespace hadal::tests
