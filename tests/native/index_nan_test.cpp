// A NaN among a key's or a query's codes makes NaN of the logits that it is part of, and of no others. On every
// instruction set, since each turns codes into numbers in a way of its own.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cpu/features.h"
#include "support/builder.h"
#include "support/cpu_stream.h"
#include "support/platform.h"

namespace hadal::tests {
namespace {

constexpr int kHeads = 11;
constexpr int kKeys = 150;
constexpr int kRows = 3;

class IndexNan : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    if (!cpu::supports(GetParam())) GTEST_SKIP() << "this processor lacks " << cpu::name_of(GetParam());
    set_variable("HADAL_CPU_ISA", cpu::name_of(GetParam()));
    cpu_ = std::make_unique<CpuStream>();
    const std::vector<int> rows = iota(kRows);
    q_ = code_rows(91, "q", rows, kHeads * HD_INDEX_DIM, Codes::any);
    k_ = code_rows(91, "k", iota(kKeys), HD_INDEX_DIM, Codes::any);
  }
  void TearDown() override { unset_variable("HADAL_CPU_ISA"); }

  std::vector<float> logits() {
    const std::vector<float> weights(kRows * kHeads, 0.5f);
    const std::vector<float> scales(kKeys, 0.25f);
    const std::vector<int32_t> start(kRows, 0);
    const std::vector<int32_t> end(kRows, kKeys);
    std::vector<float> y(kRows * kKeys, -1.0f);
    hd_indexer_logits_args args{};
    args.m = kRows;
    args.heads = kHeads;
    args.keys = kKeys;
    args.q = q_.data();
    args.weights = weights.data();
    args.k = k_.data();
    args.k_scale = scales.data();
    args.start = start.data();
    args.end = end.data();
    args.logits = y.data();
    args.logits_stride = kKeys;
    EXPECT_EQ(cpu_->run(HD_OP_INDEXER_LOGITS, args), HD_STATUS_OK) << last_error();
    return y;
  }

  std::unique_ptr<CpuStream> cpu_;
  std::vector<uint8_t> q_;  // [rows, heads, 128]
  std::vector<uint8_t> k_;  // [keys, 128]
};

TEST_P(IndexNan, OfAKeyIsInItsLogits) {
  std::set<int> spoilt;
  for (int key = 0; key < kKeys; key += 7) {
    k_[static_cast<size_t>(key) * HD_INDEX_DIM + static_cast<size_t>(key * 5 % HD_INDEX_DIM)] =
        key % 2 == 0 ? 0x7f : 0xff;
    spoilt.insert(key);
  }
  const std::vector<float> y = logits();
  for (size_t i = 0; i < y.size(); ++i) {
    const auto key = static_cast<int>(i % kKeys);
    EXPECT_EQ(std::isnan(y[i]), spoilt.contains(key)) << "key " << key << " has " << y[i];
  }
}

TEST_P(IndexNan, OfAHeadIsInItsRow) {
  for (const size_t head : {size_t{0}, size_t{5}, size_t{kHeads - 1}}) {
    for (const uint8_t code : {uint8_t{0x7f}, uint8_t{0xff}}) {
      uint8_t& place = q_[(kHeads + head) * HD_INDEX_DIM + head * 11];
      const uint8_t before = std::exchange(place, code);
      const std::vector<float> y = logits();
      for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i / kKeys == 1) << "head " << head;
      place = before;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, IndexNan, testing::ValuesIn(cpu::kIsas),
                         [](const auto& isa) { return std::string(cpu::name_of(isa.param)); });

}  // namespace
}  // namespace hadal::tests
