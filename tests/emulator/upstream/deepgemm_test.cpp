// DeepGEMM's own kernels on the emulated device against products in double precision.

#include "deepgemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "control.h"
#include "reference.h"

namespace upstream {
namespace {

// Sums of exact products in f32, rounded once to bf16: half an ulp, and where terms cancel a share of the terms' size.
// (A card keeps about 14 bits of an FP8 tensor core's running sum; upstream allows a cosine of 1e-3.)
constexpr double kBf16 = 1.01 / 256, kCosine = 1e-5;

constexpr int kHeadDim = 128, kPage = 64, kPageBytes = kPage * (kHeadDim + 4);

int CeilDiv(int a, int b) {
  return (a + b - 1) / b;
}
int Align(int a, int b) {
  return CeilDiv(a, b) * b;
}

class DeepGemm : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
    hadalEmulatorSetSeed(GetParam());
  }
};

// An FP8 operand: [rows, k] e4m3 with scales, and the values that it stands for.
struct Operand {
  std::vector<uint8_t> bytes;
  std::vector<float> scales;
  std::vector<double> values;
};

// Scales [⌈k/128⌉, align(rows, 4)], MN-major, for each of the groups.
Operand MakeActivation(int groups, int rows, int k, Random& random) {
  const int blocks = CeilDiv(k, 128), aligned = Align(rows, 4);
  Operand a{random.E4m3s(size_t(groups) * rows * k), std::vector<float>(size_t(groups) * blocks * aligned, NAN), {}};
  for (int group = 0; group < groups; ++group) {
    for (int row = 0; row < rows; ++row) {
      for (int block = 0; block < blocks; ++block) {
        a.scales[(size_t(group) * blocks + block) * aligned + row] =
            random.PowerOfTwo(-3, 0) * (1 + 0.1f * random.Below(9));
      }
      for (int i = 0; i < k; ++i) {
        a.values.push_back(FromE4m3(a.bytes[(size_t(group) * rows + row) * k + i]) *
                           a.scales[(size_t(group) * blocks + i / 128) * aligned + row]);
      }
    }
  }
  return a;
}

// Scales [groups, ⌈n/128⌉, ⌈k/128⌉].
Operand MakeWeight(int groups, int n, int k, Random& random) {
  const int blocks_n = CeilDiv(n, 128), blocks_k = CeilDiv(k, 128);
  Operand b{random.E4m3s(size_t(groups) * n * k), {}, {}};
  for (int i = 0; i < groups * blocks_n * blocks_k; ++i)
    b.scales.push_back(random.PowerOfTwo(-4, 0) * (1 + 0.1f * random.Below(9)));
  for (int group = 0; group < groups; ++group) {
    for (int row = 0; row < n; ++row) {
      for (int i = 0; i < k; ++i) {
        b.values.push_back(FromE4m3(b.bytes[(size_t(group) * n + row) * k + i]) *
                           b.scales[(size_t(group) * blocks_n + row / 128) * blocks_k + i / 128]);
      }
    }
  }
  return b;
}

// A dot product, and what rounding may make of it: half a bf16 ulp of the result, 2^-20 of the terms.
struct Dot {
  double value = 0, terms = 0;
  void Add(double a, double b) { value += a * b, terms += std::abs(a * b); }
};
Dot DotOf(const double* a, const double* b, int k, int stride_b = 1) {
  Dot dot;
  for (int i = 0; i < k; ++i) dot.Add(a[i], b[size_t(i) * stride_b]);
  return dot;
}

class Comparison {
 public:
  void Add(uint16_t actual, Dot expected) {
    actual_.push_back(FromBf16(actual));
    expected_.push_back(expected.value);
    absolute_ = std::max(absolute_, expected.terms * 0x1p-20);
  }
  void Check() const { ExpectClose(actual_, expected_, {absolute_, kBf16, kCosine}, "d"); }

 private:
  std::vector<double> actual_, expected_;
  double absolute_ = 0;
};

// Runs a product with each block shape of its table. run(shape) gives d, and −1 is the cheapest shape.
template <size_t kCount, class Run>
void ExpectTheSameBits(const BlockShape (&shapes)[kCount], const Run& run) {
  const std::vector<uint16_t> expected = run(-1);
  for (size_t i = 0; i < kCount; ++i) {
    SCOPED_TRACE(std::to_string(shapes[i].m) + "x" + std::to_string(shapes[i].n) + " by " +
                 std::to_string(shapes[i].multicast));
    EXPECT_EQ(run(static_cast<int>(i)), expected);
  }
  EXPECT_THROW(run(static_cast<int>(kCount)), cudaError_t);
}

// What a launch left in d.
std::vector<uint16_t> Left(cudaError_t launched, const Buffer<uint16_t>& d) {
  if (launched != cudaSuccess) throw launched;
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  return d.Download();
}

void TestFp8Gemm(uint64_t seed, int m, int n, int k) {
  Random random(seed);
  const auto a = MakeActivation(1, m, k, random), b = MakeWeight(1, n, k, random);
  const Buffer<uint8_t> da(a.bytes), db(b.bytes);
  const Buffer<float> sfa(a.scales), sfb(b.scales);
  const Buffer<uint16_t> d(size_t(m) * n);
  ASSERT_EQ(Fp8Gemm(da.get(), sfa.get(), db.get(), sfb.get(), d.get(), m, n, k, nullptr), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  const auto actual = d.Download();
  Comparison comparison;
  for (int row = 0; row < m; ++row) {
    for (int column = 0; column < n; ++column) {
      comparison.Add(actual[size_t(row) * n + column],
                     DotOf(&a.values[size_t(row) * k], &b.values[size_t(column) * k], k));
    }
  }
  comparison.Check();
}

TEST_P(DeepGemm, Fp8OfWholeTiles) {
  TestFp8Gemm(GetParam(), 64, 256, 512);
}
TEST_P(DeepGemm, Fp8OfRaggedTiles) {
  TestFp8Gemm(GetParam(), 75, 136, 272);
}
TEST_P(DeepGemm, Fp8OfOneRow) {
  TestFp8Gemm(GetParam(), 1, 576, 128);
}
TEST_P(DeepGemm, Fp8OfManyStages) {
  TestFp8Gemm(GetParam(), 9, 64, 2048);
}
TEST_P(DeepGemm, Fp8OfManyTiles) {
  TestFp8Gemm(GetParam(), 300, 4104, 128);
}

// Three rows of tiles, of which a pair shares two, and more steps of K than stages.
TEST_P(DeepGemm, Fp8OfEveryBlockShape) {
  Random random(GetParam());
  const int m = 300, n = 200, k = 3200;
  const auto a = MakeActivation(1, m, k, random), b = MakeWeight(1, n, k, random);
  const Buffer<uint8_t> da(a.bytes), db(b.bytes);
  const Buffer<float> sfa(a.scales), sfb(b.scales);
  ExpectTheSameBits(kFp8Shapes, [&](int shape) {
    const Buffer<uint16_t> d(size_t(m) * n);
    return Left(Fp8Gemm(da.get(), sfa.get(), db.get(), sfb.get(), d.get(), m, n, k, nullptr, 0, {.shape = shape}), d);
  });
}

TEST_P(DeepGemm, Fp8GroupedContiguous) {
  Random random(GetParam());
  const int groups = 4, n = 192, k = 384;
  const std::vector<int> rows_of{100, 0, 128, 3};  // the second is empty
  std::vector<int> group_of_row;
  for (int group = 0; group < groups; ++group) {
    for (int row = 0; row < Align(rows_of[group], 128); ++row)
      group_of_row.push_back(row < rows_of[group] ? group : -1);
  }
  const int m = static_cast<int>(group_of_row.size());
  const auto a = MakeActivation(1, m, k, random), b = MakeWeight(groups, n, k, random);
  const Buffer<uint8_t> da(a.bytes), db(b.bytes);
  const Buffer<float> sfa(a.scales), sfb(b.scales);
  const Buffer<int> layout(group_of_row);
  const auto run = [&](int shape) {
    const Buffer<uint16_t> d(size_t(m) * n);
    return Left(Fp8GemmContiguous(da.get(), sfa.get(), db.get(), sfb.get(), d.get(), layout.get(), groups, m, n, k,
                                  nullptr, {.shape = shape}),
                d);
  };
  const auto actual = run(-1);
  Comparison comparison;
  for (int row = 0; row < m; ++row) {
    if (group_of_row[row] < 0) continue;
    for (int column = 0; column < n; ++column) {
      comparison.Add(actual[size_t(row) * n + column],
                     DotOf(&a.values[size_t(row) * k], &b.values[(size_t(group_of_row[row]) * n + column) * k], k));
    }
  }
  comparison.Check();
  ExpectTheSameBits(kFp8ContiguousShapes, run);
}

TEST_P(DeepGemm, Fp8GroupedMasked) {
  Random random(GetParam());
  const int max_m = 128, n = 128, k = 256;
  constexpr int kGroups = 4;
  std::vector<int> rows_of{5, 0, 128, 70};
  rows_of.resize(kMaskedGroups);
  const auto a = MakeActivation(kGroups, max_m, k, random), b = MakeWeight(kGroups, n, k, random);
  const Buffer<uint8_t> da(a.bytes), db(b.bytes);
  const Buffer<float> sfa(a.scales), sfb(b.scales);
  const Buffer<int> rows(rows_of);
  const auto run = [&](int shape) {
    const Buffer<uint16_t> d(size_t(kGroups) * max_m * n);
    return Left(Fp8GemmMasked(da.get(), sfa.get(), db.get(), sfb.get(), d.get(), rows.get(), kGroups, max_m, n, k,
                              nullptr, {.shape = shape}),
                d);
  };
  const auto actual = run(-1);
  Comparison comparison;
  for (int group = 0; group < kGroups; ++group) {
    for (int row = 0; row < rows_of[group]; ++row) {
      for (int column = 0; column < n; ++column) {
        comparison.Add(
            actual[(size_t(group) * max_m + row) * n + column],
            DotOf(&a.values[(size_t(group) * max_m + row) * k], &b.values[(size_t(group) * n + column) * k], k));
      }
    }
  }
  comparison.Check();
  // An empty group's tiles aren't touched.
  for (int i = 0; i < max_m * n; ++i) ASSERT_EQ(actual[size_t(max_m) * n + i], 0xffff) << i;
  ExpectTheSameBits(kFp8MaskedShapes, run);
}

TEST_P(DeepGemm, Bf16OfRaggedTiles) {
  Random random(GetParam());
  const int m = 270, n = 200, k = 1608;
  const auto a = random.Bf16s(m * k), b = random.Bf16s(n * k);
  const auto wide_a = Bf16ToDouble(a), wide_b = Bf16ToDouble(b);
  const Buffer<uint16_t> da(a), db(b);
  const auto run = [&](int shape) {
    const Buffer<uint16_t> d(m * n);
    return Left(Bf16Gemm(da.get(), db.get(), d.get(), m, n, k, nullptr, {.shape = shape}), d);
  };
  const auto actual = run(-1);
  Comparison comparison;
  for (int row = 0; row < m; ++row) {
    for (int column = 0; column < n; ++column)
      comparison.Add(actual[row * n + column], DotOf(&wide_a[row * k], &wide_b[column * k], k));
  }
  comparison.Check();
  ExpectTheSameBits(kBf16Shapes, run);
}

// The absorbed projections: one product a head.
void TestBatched(uint64_t seed, bool mn_major, int b, int h, int n, int k) {
  Random random(seed);
  const auto a = random.Bf16s(size_t(b) * h * k), w = random.Bf16s(size_t(h) * n * k);
  const auto wide_a = Bf16ToDouble(a), wide_w = Bf16ToDouble(w);
  const Buffer<uint16_t> da(a), dw(w);
  const auto run = [&](int shape) {
    const Buffer<uint16_t> d(size_t(b) * h * n);
    return Left((mn_major ? Bf16GemmBatchedMnMajor : Bf16GemmBatched)(da.get(), dw.get(), d.get(), b, h, n, k, nullptr,
                                                                      {.shape = shape}),
                d);
  };
  const auto actual = run(-1);
  Comparison comparison;
  for (int row = 0; row < b; ++row) {
    for (int head = 0; head < h; ++head) {
      for (int column = 0; column < n; ++column) {
        const double* weight = &wide_w[size_t(head) * n * k + (mn_major ? column : size_t(column) * k)];
        comparison.Add(actual[(size_t(row) * h + head) * n + column],
                       DotOf(&wide_a[(size_t(row) * h + head) * k], weight, k, mn_major ? n : 1));
      }
    }
  }
  comparison.Check();
  ExpectTheSameBits(kBf16BatchedShapes, run);
}

TEST_P(DeepGemm, Bf16Batched) {
  TestBatched(GetParam(), false, 5, 3, 128, 512);
}
TEST_P(DeepGemm, Bf16BatchedMnMajor) {
  TestBatched(GetParam(), true, 67, 2, 512, 128);
}
TEST_P(DeepGemm, Bf16OfOneMnMajor) {
  TestBatched(GetParam(), true, 140, 1, 136, 200);
}
TEST_P(DeepGemm, Bf16BatchedOfManyHeads) {
  TestBatched(GetParam(), false, 3, 17, 128, 64);
}

// k_scale·Σ_h weight·relu(q·k), to f32's rounding of that many terms.
struct Logit {
  double value, bound;
};
Logit LogitOf(const uint8_t* q, const uint8_t* k, float k_scale, const float* weights, int h) {
  double sum = 0, terms = 0;
  for (int head = 0; head < h; ++head) {
    double dot = 0;
    for (int i = 0; i < kHeadDim; ++i) dot += FromE4m3(q[head * kHeadDim + i]) * FromE4m3(k[i]);
    sum += weights[head] * std::max(dot, 0.0);
    terms += std::abs(weights[head] * dot);
  }
  return {k_scale * sum, k_scale * terms * 0x1p-18};
}

void ExpectLogit(float actual, Logit expected, const std::string& where) {
  ASSERT_NEAR(actual, expected.value, expected.bound) << where;
}

void TestMqaLogits(uint64_t seed, int h) {
  Random random(seed);
  const int s_q = 5, s_kv = 300, stride = Align(s_kv + 256, 4);
  const auto q = random.E4m3s(size_t(s_q) * h * kHeadDim), k = random.E4m3s(size_t(s_kv) * kHeadDim);
  std::vector<float> scales(s_kv), weights(size_t(s_q) * h);
  for (auto& scale : scales) scale = random.PowerOfTwo(-5, 0);
  for (auto& weight : weights) weight = random.Normal();
  const std::vector<int> start{0, 0, 17, 100, 0}, end{1, 290, 290, 100, 300};  // the fourth sees nothing
  const Buffer<uint8_t> dq(q), dk(k);
  const Buffer<float> dscales(scales), dweights(weights), logits(size_t(Align(s_q, 4)) * stride);
  const Buffer<int> dstart(start), dend(end);
  ASSERT_EQ(MqaLogits(dq.get(), dk.get(), dscales.get(), dweights.get(), dstart.get(), dend.get(), logits.get(), s_q,
                      s_kv, h, stride, nullptr),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  const auto actual = logits.Download();
  for (int row = 0; row < s_q; ++row) {
    for (int s = start[row]; s < end[row]; ++s) {
      ExpectLogit(
          actual[size_t(row) * stride + s],
          LogitOf(&q[size_t(row) * h * kHeadDim], &k[size_t(s) * kHeadDim], scales[s], &weights[size_t(row) * h], h),
          "query " + std::to_string(row) + ", key " + std::to_string(s));
    }
  }
}

TEST_P(DeepGemm, MqaLogitsOf64Heads) {
  TestMqaLogits(GetParam(), 64);
}
TEST_P(DeepGemm, MqaLogitsOf32Heads) {
  TestMqaLogits(GetParam(), 32);
}

void TestPagedMqaLogits(uint64_t seed, int next_n, const std::vector<int>& lengths) {
  Random random(seed);
  const int b = static_cast<int>(lengths.size()), h = 64,
            table_stride = CeilDiv(*std::ranges::max_element(lengths), kPage) + 1;
  const int page_count = b * table_stride, stride = Align(*std::ranges::max_element(lengths), 256);
  const auto q = random.E4m3s(size_t(b) * next_n * h * kHeadDim);
  auto pages = random.E4m3s(size_t(page_count) * kPageBytes);
  std::vector<float> weights(size_t(b) * next_n * h);
  for (auto& weight : weights) weight = random.Normal();
  for (int page = 0; page < page_count; ++page) {
    for (int slot = 0; slot < kPage; ++slot) {
      const float scale = random.PowerOfTwo(-5, 0);
      std::memcpy(&pages[size_t(page) * kPageBytes + kPage * kHeadDim + 4 * slot], &scale, 4);
    }
  }
  std::vector<int> table(page_count);
  for (int i = 0; i < page_count; ++i) table[i] = i;
  for (int i = page_count - 1; i > 0; --i) std::swap(table[i], table[random.Below(i + 1)]);
  const Buffer<uint8_t> dq(q), dpages(pages);
  const Buffer<float> dweights(weights), logits(size_t(b) * next_n * stride);
  const Buffer<int> dlengths(lengths), dtable(table), schedule(2 * (kDeepGemmSms + 1));
  ASSERT_EQ(PagedMqaMetadata(dlengths.get(), schedule.get(), b, nullptr), cudaSuccess);
  ASSERT_EQ(PagedMqaLogits(dq.get(), dpages.get(), dweights.get(), dlengths.get(), dtable.get(), schedule.get(),
                           logits.get(), b, next_n, page_count, table_stride, stride, nullptr),
            cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess) << hadalEmulatorReport();
  const auto actual = logits.Download();
  for (int row = 0; row < b * next_n; ++row) {
    const int sequence = row / next_n;
    for (int s = 0; s < lengths[sequence]; ++s) {
      const uint8_t* page = &pages[size_t(table[sequence * table_stride + s / kPage]) * kPageBytes];
      float scale;
      std::memcpy(&scale, page + kPage * kHeadDim + 4 * (s % kPage), 4);
      ExpectLogit(
          actual[size_t(row) * stride + s],
          LogitOf(&q[size_t(row) * h * kHeadDim], page + s % kPage * kHeadDim, scale, &weights[size_t(row) * h], h),
          "row " + std::to_string(row) + ", token " + std::to_string(s));
    }
  }
}

TEST_P(DeepGemm, PagedMqaLogits) {
  TestPagedMqaLogits(GetParam(), 1, {1, 64, 300, 513});
}
TEST_P(DeepGemm, PagedMqaLogitsOfTwoTokens) {
  TestPagedMqaLogits(GetParam(), 2, {70, 256});
}

INSTANTIATE_TEST_SUITE_P(Seeds, DeepGemm, Seeds(), testing::PrintToStringParamName());

std::string Chosen(std::span<const BlockShape> shapes, const ProductShape& product) {
  const BlockShape shape = shapes[ChooseShape(shapes, product)];
  return std::to_string(shape.m) + "x" + std::to_string(shape.n) + (shape.multicast > 1 ? " in pairs" : "");
}

// Of V3.2's layers.
TEST(BlockShapes, FillTheCardWithFewRowsAndTheTensorCoresWithMany) {
  EXPECT_EQ(Chosen(kFp8Shapes, {1, 576}), "64x16");
  EXPECT_EQ(Chosen(kFp8Shapes, {1, 4096}), "64x32");
  EXPECT_EQ(Chosen(kFp8Shapes, {1, 7168}), "64x64");
  EXPECT_EQ(Chosen(kFp8Shapes, {16, 24576}), "64x64");
  EXPECT_EQ(Chosen(kFp8Shapes, {128, 7168}), "64x128");
  EXPECT_EQ(Chosen(kFp8Shapes, {256, 7168}), "128x128");
  EXPECT_EQ(Chosen(kFp8Shapes, {4096, 7168}), "128x128 in pairs");
  EXPECT_EQ(Chosen(kFp8ContiguousShapes, {128, 4096}), "128x64 in pairs");
  EXPECT_EQ(Chosen(kFp8ContiguousShapes, {32768, 4096}), "128x128 in pairs");
  EXPECT_EQ(Chosen(kFp8MaskedShapes, {64, 4096, 2}), "64x64");
  EXPECT_EQ(Chosen(kFp8MaskedShapes, {64, 4096, 256}), "64x128");
  EXPECT_EQ(Chosen(kBf16Shapes, {1, 2048}), "64x32");
  EXPECT_EQ(Chosen(kBf16Shapes, {4096, 7168}), "128x128 in pairs");
  EXPECT_EQ(Chosen(kBf16BatchedShapes, {1, 512, 16}), "64x64");
  EXPECT_EQ(Chosen(kBf16BatchedShapes, {1, 512, 128}), "64x128");
  EXPECT_EQ(Chosen(kBf16BatchedShapes, {512, 128, 128}), "128x128");
}

TEST(BlockShapes, PairsAreForManyRows) {
  for (int n = 8; n < 30000; n += 776) {
    for (int m = 1; m < kPairRows; m += 17) {
      EXPECT_EQ(kFp8Shapes[ChooseShape(kFp8Shapes, {m, n})].multicast, 1) << m << " by " << n;
    }
  }
}

// Planted faults: an otherwise right launch with one thing wrong.
class DeepGemmFaults : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }

  // The status of the launch, or of the wait; and the result.
  cudaError_t Run(GemmOverrides faults, std::vector<uint16_t>* result = nullptr) {
    constexpr int kM = 40, kN = 128, kK = 256;
    Random random(3);
    const auto a = MakeActivation(1, kM, kK, random), b = MakeWeight(1, kN, kK, random);
    const Buffer<uint8_t> da(a.bytes), db(b.bytes);
    const Buffer<float> sfa(a.scales), sfb(b.scales);
    const Buffer<uint16_t> d(kM * kN);
    // A tile has 64 rows: those behind the 40 are outside of the tensor map, unless it is too long.
    if (const auto error = Fp8Gemm(da.get(), sfa.get(), db.get(), sfb.get(), d.get(), kM, kN, kK, nullptr, 0, faults)) {
      return error;
    }
    if (const auto error = cudaDeviceSynchronize()) return error;
    if (result) *result = d.Download();
    return cudaSuccess;
  }
};

TEST_F(DeepGemmFaults, ATensorMapThatIsTooLongIsReported) {
  std::vector<uint16_t> result;
  ASSERT_EQ(Run({}, &result), cudaSuccess) << hadalEmulatorReport();
  EXPECT_EQ(Run({.extra_rows_of_a = 1}), cudaErrorIllegalAddress);
  EXPECT_NE(std::string(hadalEmulatorReport()).find("sm90_fp8_gemm_1d2d_impl"), std::string::npos)
      << hadalEmulatorReport();
}

TEST_F(DeepGemmFaults, AWrongSwizzleIsFound) {
  std::vector<uint16_t> right, wrong;
  ASSERT_EQ(Run({}, &right), cudaSuccess) << hadalEmulatorReport();
  // Half the bytes arrive: the barrier's count never completes, or else the product is wrong.
  const cudaError_t error = Run({.wrong_swizzle_of_b = true}, &wrong);
  EXPECT_TRUE(error == cudaErrorLaunchTimeout || (error == cudaSuccess && wrong != right)) << cudaGetErrorName(error);
}

}  // namespace
}  // namespace upstream
