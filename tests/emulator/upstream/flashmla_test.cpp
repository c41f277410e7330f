// FlashMLA's own kernels on the emulated device against attention in double precision.

#include "flashmla.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "control.h"
#include "reference.h"

namespace upstream {
namespace {

constexpr int kHeadDim = 576, kLatent = 512, kPage = 64, kTokenBytes = 656, kSms = 132;
constexpr float kScale = 0.1352337788608801f;  // 192^-0.5 times YaRN's m² of a factor of 40

// The tolerances of upstream's own tests.
constexpr Tolerance kOut{8e-4, 2.01 / 128, 5e-6}, kPrefillOut{8e-4, 2.01 / 128, 7e-6};
constexpr Tolerance kLse{1e-6, 8.01 / 65536, 1e-6}, kPrefillLse{1e-6, 2.01 / 65536, 1e-6};

// Keys as rows of 576 doubles; a value is a key's first 512.
using Rows = std::vector<double>;

struct Attention {
  std::vector<double> out;  // 512 a query
  std::vector<double> lse;  // natural; −INF without a key
  std::vector<double> max;
};

// One query of 576 over the rows of `keys` that `rows` names.
void Attend(const double* q, const Rows& keys, const std::vector<int>& rows, double scale, Attention& result) {
  std::vector<double> logits;
  for (const int row : rows) {
    logits.push_back(scale * std::inner_product(q, q + kHeadDim, &keys[size_t(row) * kHeadDim], 0.0));
  }
  const double max = logits.empty() ? -INFINITY : *std::ranges::max_element(logits);
  double sum = 0;
  std::vector<double> out(kLatent);
  for (size_t i = 0; i < rows.size(); ++i) {
    const double p = std::exp(logits[i] - max);
    sum += p;
    for (int d = 0; d < kLatent; ++d) out[d] += p * keys[size_t(rows[i]) * kHeadDim + d];
  }
  for (double& value : out) value = sum > 0 ? value / sum : 0;
  result.out.insert(result.out.end(), out.begin(), out.end());
  result.lse.push_back(sum > 0 ? max + std::log(sum) : -INFINITY);
  result.max.push_back(max);
}

// FP8 pages and what they stand for, a row a slot.
struct Fp8Pages {
  std::vector<uint8_t> bytes;
  Rows rows;
};

Fp8Pages MakeFp8Pages(int page_count, Random& random) {
  Fp8Pages pages;
  pages.bytes.resize(size_t(page_count) * kPage * kTokenBytes);
  pages.rows.resize(size_t(page_count) * kPage * kHeadDim);
  for (int token = 0; token < page_count * kPage; ++token) {
    uint8_t* bytes = &pages.bytes[size_t(token) * kTokenBytes];
    double* row = &pages.rows[size_t(token) * kHeadDim];
    // The kernel rounds scales to bf16: powers of two are exact.
    for (int block = 0; block < 4; ++block) {
      const float scale = random.PowerOfTwo(-6, -4);
      std::memcpy(bytes + kLatent + 4 * block, &scale, 4);
      for (int d = 128 * block; d < 128 * (block + 1); ++d) {
        bytes[d] = random.E4m3() & 0xbf;  // below 2: logits of upstream's own tests
        row[d] = FromE4m3(bytes[d]) * scale;
      }
    }
    for (int d = kLatent; d < kHeadDim; ++d) {
      const uint16_t rope = ToBf16(random.Normal() * 0.1f);
      std::memcpy(bytes + kLatent + 16 + 2 * (d - kLatent), &rope, 2);
      row[d] = FromBf16(rope);
    }
  }
  return pages;
}

struct Workspace {
  Workspace(int b, int part_count, int queries)
      : schedule(part_count * 8),
        splits(b + 1),
        lse(size_t(b + part_count) * queries),
        out(size_t(b + part_count) * queries * kLatent),
        parts(part_count) {}
  DecodeWorkspace view() const { return {parts, schedule.get(), splits.get(), lse.get(), out.get()}; }
  Buffer<int> schedule, splits;
  Buffer<float> lse, out;
  int parts;
};

class FlashMla : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
    hadalEmulatorSetSeed(GetParam());
  }
};

struct SparseDecodeCase {
  int b, s_q, h_q, topk;
  double invalid;      // the share of −1
  bool splits, empty;  // more than one split a query; the last query has no key
};

void TestSparseDecode(uint64_t seed, SparseDecodeCase test) {
  Random random(seed * 977 + test.topk);
  const int page_count = 5, queries = test.b * test.s_q;
  const auto pages = MakeFp8Pages(page_count, random);
  const auto q = random.Bf16s(size_t(queries) * test.h_q * kHeadDim, 0.1f);
  std::vector<int> indices(size_t(queries) * test.topk);
  Attention expected;
  for (int query = 0; query < queries; ++query) {
    std::vector<int> rows;
    for (int i = 0; i < test.topk; ++i) {
      int& index = indices[size_t(query) * test.topk + i];
      const bool none = random.Chance(test.invalid) || (test.empty && query == queries - 1);
      index = none ? -1 : random.Below(page_count * kPage);
      if (!none) rows.push_back(index);
    }
    for (int head = 0; head < test.h_q; ++head) {
      double vector[kHeadDim];
      for (int d = 0; d < kHeadDim; ++d) vector[d] = FromBf16(q[(size_t(query) * test.h_q + head) * kHeadDim + d]);
      Attend(vector, pages.rows, rows, kScale, expected);
    }
  }
  // Decode tells an empty query by +INF.
  for (double& lse : expected.lse) lse = lse == -INFINITY ? INFINITY : lse;

  const Buffer<uint16_t> dq(q), out(size_t(queries) * test.h_q * kLatent);
  const Buffer<uint8_t> dpages(pages.bytes);
  const Buffer<int> dindices(indices), seqlens(std::vector<int>(test.b, page_count * kPage));
  const Buffer<float> lse(size_t(queries) * test.h_q);
  const Workspace workspace(test.b, SparseDecodeParts(kSms, test.s_q, test.h_q), test.s_q * test.h_q);
  ASSERT_EQ(RunSparseDecode({test.b, test.s_q, test.h_q, test.topk, page_count, kScale, dq.get(), dpages.get(),
                             dindices.get(), seqlens.get(), out.get(), lse.get()},
                            workspace.view(), nullptr),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  const auto splits = workspace.splits.Download();
  EXPECT_EQ(splits[0], 0);
  EXPECT_EQ(splits[1] > 1, test.splits) << splits[1];
  ExpectClose(Bf16ToDouble(out.Download()), expected.out, kOut, "out");
  const auto actual = lse.Download();
  ExpectClose(std::vector<double>(actual.begin(), actual.end()), expected.lse, kLse, "lse");
}

TEST_P(FlashMla, SparseDecodeOf64Heads) {
  TestSparseDecode(GetParam(), {2, 1, 64, 128, 0.2, true, false});
}
TEST_P(FlashMla, SparseDecodeOf128HeadsWithSplits) {
  TestSparseDecode(GetParam(), {1, 1, 128, 1024, 0, true, false});
}
TEST_P(FlashMla, SparseDecodeOfTwoQueries) {
  TestSparseDecode(GetParam(), {1, 2, 64, 192, 0.5, true, false});
}
TEST_P(FlashMla, SparseDecodeOfFewHeads) {
  TestSparseDecode(GetParam(), {1, 1, 16, 64, 0.1, false, false});
}
TEST_P(FlashMla, SparseDecodeOfAnEmptyQuery) {
  TestSparseDecode(GetParam(), {2, 1, 64, 64, 0, false, true});
}

TEST_P(FlashMla, SparsePrefill) {
  Random random(GetParam());
  const int s_q = 3, s_kv = 150, h_q = 64, topk = 256;
  const auto q = random.Bf16s(size_t(s_q) * h_q * kHeadDim, 0.1f), kv = random.Bf16s(size_t(s_kv) * kHeadDim, 0.1f);
  const Rows keys = Bf16ToDouble(kv), queries = Bf16ToDouble(q);
  std::vector<int> indices(size_t(s_q) * topk, -1);
  Attention expected;
  for (int query = 0; query < s_q; ++query) {
    std::vector<int> rows;
    // The last query has no key at all, and indices of s_kv and more are no keys either.
    for (int i = 0; i < topk && query + 1 < s_q; ++i) {
      const int index = random.Chance(0.2) ? (random.Chance(0.5) ? -1 : s_kv + random.Below(3)) : random.Below(s_kv);
      indices[size_t(query) * topk + i] = index;
      if (index >= 0 && index < s_kv) rows.push_back(index);
    }
    for (int head = 0; head < h_q; ++head)
      Attend(&queries[(size_t(query) * h_q + head) * kHeadDim], keys, rows, kScale, expected);
  }
  const Buffer<uint16_t> dq(q), dkv(kv), out(size_t(s_q) * h_q * kLatent);
  const Buffer<int> dindices(indices);
  const Buffer<float> max_logits(s_q * h_q), lse(s_q * h_q);
  ASSERT_EQ(RunSparsePrefill({s_q, s_kv, h_q, topk, kScale, dq.get(), dkv.get(), dindices.get(), out.get(),
                              max_logits.get(), lse.get()},
                             nullptr),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  ExpectClose(Bf16ToDouble(out.Download()), expected.out, kPrefillOut, "out");
  const auto base2 = [](std::vector<float> values) {
    std::vector<double> natural;
    for (const float value : values) natural.push_back(value * std::log(2.0));
    return natural;
  };
  ExpectClose(base2(lse.Download()), expected.lse, kPrefillLse, "lse");
  ExpectClose(base2(max_logits.Download()), expected.max, kPrefillLse, "max logits");
}

void TestDenseDecode(uint64_t seed, bool half, int s_q, bool causal, int h_q, std::vector<int> lengths) {
  Random random(seed * 31 + h_q);
  const int b = static_cast<int>(lengths.size()),
            table_stride = (*std::ranges::max_element(lengths) + kPage - 1) / kPage + 1;
  const int page_count = b * table_stride;
  const auto make = [&](size_t count) {
    std::vector<uint16_t> values(count);
    for (auto& value : values) {
      value = half ? ToHalf(static_cast<float>(random.Below(1023) - 511) / 1024) : ToBf16(random.Normal() * 0.2f);
    }
    return values;
  };
  const auto widen = [&](const std::vector<uint16_t>& values) {
    std::vector<double> wide;
    for (const auto value : values) wide.push_back(half ? FromHalf(value) : FromBf16(value));
    return wide;
  };
  const auto q = make(size_t(b) * s_q * h_q * kHeadDim), pages = make(size_t(page_count) * kPage * kHeadDim);
  const Rows queries = widen(q), keys = widen(pages);
  std::vector<int> table(page_count);
  std::iota(table.begin(), table.end(), 0);
  for (int i = page_count - 1; i > 0; --i) std::swap(table[i], table[random.Below(i + 1)]);
  Attention expected;
  for (int sequence = 0; sequence < b; ++sequence) {
    for (int query = 0; query < s_q; ++query) {
      const int visible = causal ? std::max(lengths[sequence] - (s_q - 1 - query), 0) : lengths[sequence];
      std::vector<int> rows;
      for (int i = 0; i < visible; ++i) rows.push_back(table[sequence * table_stride + i / kPage] * kPage + i % kPage);
      for (int head = 0; head < h_q; ++head) {
        Attend(&queries[((size_t(sequence) * s_q + query) * h_q + head) * kHeadDim], keys, rows, kScale, expected);
      }
    }
  }
  for (double& lse : expected.lse) lse = lse == -INFINITY ? INFINITY : lse;
  const Buffer<uint16_t> dq(q), dpages(pages), out(size_t(b) * s_q * h_q * kLatent);
  const Buffer<int> dtable(table), dlengths(lengths);
  const Buffer<float> lse(size_t(b) * s_q * h_q);
  const Workspace workspace(b, DenseDecodeParts(kSms, s_q, h_q), s_q * h_q);
  ASSERT_EQ(RunDenseDecode({b, s_q, h_q, page_count, table_stride, causal, half, kScale, dq.get(), dpages.get(),
                            dtable.get(), dlengths.get(), out.get(), lse.get()},
                           workspace.view(), nullptr),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  ExpectClose(widen(out.Download()), expected.out, kOut, "out");
  const auto actual = lse.Download();
  ExpectClose(std::vector<double>(actual.begin(), actual.end()), expected.lse, kLse, "lse");
}

TEST_P(FlashMla, DenseDecodeOfRaggedLengths) {
  TestDenseDecode(GetParam(), false, 1, false, 64, {1, 64, 65, 200});
}
TEST_P(FlashMla, DenseDecodeWithSplits) {
  TestDenseDecode(GetParam(), false, 1, false, 128, {700});
}
TEST_P(FlashMla, CausalDenseDecodeOfTwoQueries) {
  TestDenseDecode(GetParam(), false, 2, true, 16, {130, 3});
}
TEST_P(FlashMla, DenseDecodeInHalfPrecision) {
  TestDenseDecode(GetParam(), true, 1, false, 64, {100});
}

INSTANTIATE_TEST_SUITE_P(Seeds, FlashMla, Seeds(), testing::PrintToStringParamName());

class FlashMlaFaults : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }
};

// An index beyond the last page reads past the cache's allocation.
TEST_F(FlashMlaFaults, AnOverlongIndexIsReported) {
  Random random(1);
  const auto pages = MakeFp8Pages(1, random);
  std::vector<int> indices(64, 0);
  indices[40] = 100 * kPage + 3;
  const Buffer<uint16_t> q(random.Bf16s(64 * kHeadDim, 0.1f)), out(64 * kLatent);
  const Buffer<uint8_t> dpages(pages.bytes);
  const Buffer<int> dindices(indices), seqlens(std::vector<int>{64});
  const Buffer<float> lse(64);
  const Workspace workspace(1, SparseDecodeParts(kSms, 1, 64), 64);
  EXPECT_EQ(RunSparseDecode(
                {1, 1, 64, 64, 1, kScale, q.get(), dpages.get(), dindices.get(), seqlens.get(), out.get(), lse.get()},
                workspace.view(), nullptr),
            cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_NE(std::string(hadalEmulatorReport()).find("flash_fwd_splitkv_mla_fp8_sparse_kernel"), std::string::npos)
      << hadalEmulatorReport();
}

}  // namespace
}  // namespace upstream
