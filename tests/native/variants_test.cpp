// Every variant of the inventory: against double precision, against the scalar one, and against itself with other
// threads and other batches.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "cpu/features.h"
#include "reference/reference.h"
#include "support/builder.h"
#include "support/compare.h"
#include "support/fake_nodes.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

std::string test_name(const testing::TestParamInfo<size_t>& info) {
  std::string name = variants()[info.param].name;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

bool serves(const cpu::Variant& variant, const Case& source) {
  return variant.serves(Placed(source).args());
}

void expect_clean(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, HD_STATUS_OK) << outcome.text;
  EXPECT_TRUE(outcome.damage.empty()) << "wrote to " << outcome.damage;
}

class Variants : public testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    if (!cpu::supports(variant().isa)) {
      GTEST_SKIP() << "this processor lacks " << cpu::name_of(variant().isa) << ", so " << variant().name
                   << " was not run";
    }
  }

  const cpu::Variant& variant() const { return variants()[GetParam()]; }
};

// A tensor's tolerance is for two roundings to bf16, one on each side. Here there is one: half an ulp, and what f32 may
// differ before it. This tells a second rounding in the kernel; attention has one, of its weights.
Tensor rounded_once(Tensor tensor) {
  if (tensor.type == Type::bf16 && !tensor.tolerance.exact() && tensor.tolerance.of_rms < 1e-3) {
    tensor.tolerance.relative = 0x1.01p-8;
  }
  return tensor;
}

TEST_P(Variants, AgreesWithDoublePrecision) {
  ThreadPool pool(1);
  for (const CaseMaker& maker : cases_of(variant().op)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    Placed placed(source);
    if (!variant().serves(placed.args())) continue;
    Results expected = reference(variant().op, placed.args());
    const Outcome actual = run_variant(variant(), source, pool);
    expect_clean(actual);
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

TEST_P(Variants, AgreesWithTheScalar) {
  ThreadPool pool(1);
  int served = 0;
  for (const CaseMaker& maker : cases_of(variant().op)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    if (!serves(variant(), source)) continue;
    ++served;
    const Outcome expected = run_variant(scalar_variant(variant().op), source, pool);
    const Outcome actual = run_variant(variant(), source, pool);
    expect_clean(expected);
    expect_clean(actual);
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role == Role::input) continue;
      EXPECT_TRUE(agrees(source.tensors[i], actual.tensors[i], expected.tensors[i]));
    }
  }
  EXPECT_GT(served, 0) << "no case is served by " << variant().name << ", so nothing was tested";
}

TEST_P(Variants, GivesTheSameBitsWithAnyNumberOfThreadsAndNodes) {
  ThreadPool one(1);
  ThreadPool two(2);
  ThreadPool five(5);
  ThreadPool on_two_nodes(3, fake_nodes({1, 2}));
  ThreadPool on_three_nodes(4, fake_nodes({1, 2, 1}));
  for (const CaseMaker& maker : cases_of(variant().op)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    if (!serves(variant(), source)) continue;
    const Outcome alone = run_variant(variant(), source, one);
    expect_clean(alone);
    for (ThreadPool* pool : {&one, &two, &five, &on_two_nodes, &on_three_nodes}) {
      const Outcome other = run_variant(variant(), source, *pool);
      expect_clean(other);
      for (size_t i = 0; i < source.tensors.size(); ++i) {
        EXPECT_TRUE(same_bits(source.tensors[i].type, alone.tensors[i].data(), other.tensors[i].data(),
                              alone.tensors[i].size()))
            << source.tensors[i].name << " has other bits with " << pool->threads() << " threads on "
            << pool->node_bounds().size() - 1 << " nodes";
      }
    }
  }
}

// Runs the rows named and compares each with the same row of the whole case.
void expect_same_rows(const cpu::Variant& variant, const CaseMaker& maker, const Case& whole, const Outcome& expected,
                      const std::vector<int>& rows, ThreadPool& pool) {
  const Case part = maker.make(rows);
  if (!serves(variant, part)) return;
  const Outcome actual = run_variant(variant, part, pool);
  expect_clean(actual);
  for (size_t t = 0; t < part.tensors.size(); ++t) {
    const Tensor& tensor = part.tensors[t];
    if (tensor.role == Role::input) continue;
    ASSERT_EQ(tensor.rows.size(), rows.size()) << tensor.name;
    for (size_t row = 0; row < rows.size(); ++row) {
      const auto& here = tensor.rows[row];
      const auto& there = whole.tensors[t].rows[static_cast<size_t>(rows[row])];
      ASSERT_EQ(here.size(), there.size());
      for (size_t slice = 0; slice < here.size(); ++slice) {
        ASSERT_EQ(here[slice].bytes, there[slice].bytes);
        EXPECT_TRUE(same_bits(tensor.type, actual.tensors[t].data() + here[slice].offset,
                              expected.tensors[t].data() + there[slice].offset, here[slice].bytes))
            << tensor.name << ": row " << rows[row] << " of " << maker.rows << " has other bits among " << rows.size()
            << " rows";
      }
    }
  }
}

TEST_P(Variants, GivesARowTheSameBitsInAnyBatch) {
  ThreadPool pool(1);
  for (const CaseMaker& maker : cases_of(variant().op)) {
    if (!maker.independent_rows || maker.rows < 2) continue;
    SCOPED_TRACE(maker.name);
    const Case whole = maker.whole();
    if (!serves(variant(), whole)) continue;
    const Outcome expected = run_variant(variant(), whole, pool);
    for (int row = 0; row < std::min(maker.rows, 17); ++row) {
      expect_same_rows(variant(), maker, whole, expected, {row}, pool);
    }
    // Splits of the batch, and rows elsewhere in it. Rows stay in ascending order, as some operations want them.
    const std::vector<int> all = iota(maker.rows);
    for (const int first : {1, 2, 3, 7, 16}) {
      if (first >= maker.rows) break;
      expect_same_rows(variant(), maker, whole, expected, {all.begin(), all.begin() + first}, pool);
      expect_same_rows(variant(), maker, whole, expected, {all.begin() + first, all.end()}, pool);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Variants, testing::Range(size_t{0}, variants().size()), test_name);

TEST(Inventory, HasOneScalarVariantOfEveryOperation) {
  for (int32_t op = 0; op < HD_OP_COUNT; ++op) {
    int scalars = 0;
    for (const cpu::Variant& variant : variants()) scalars += variant.op == op && variant.isa == cpu::Isa::scalar;
    EXPECT_EQ(scalars, 1) << "operation " << op;
    EXPECT_FALSE(cases_of(op).empty()) << "operation " << op;
  }
}

}  // namespace
}  // namespace hadal::tests
