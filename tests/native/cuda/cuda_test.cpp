// Every operation of the CUDA backend against the scalar CPU kernels, on whichever CUDA device is there: a card, or the
// emulated one where tests/emulator/runtime's libcudart lies first on the library path.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "core/thread_pool.h"
#include "cuda/cuda_device.h"
#include "support/builder.h"
#include "support/compare.h"
#include "support/padding.h"

namespace hadal::tests {
namespace {

class OnCuda : public testing::Test {
 protected:
  ThreadPool pool{2};

  void SetUp() override {
    if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  }
};

// By operation.
class Cuda : public OnCuda, public testing::WithParamInterface<int32_t> {};

// Attention in f32 and the F32 cache formats are for the CPU alone.
bool is_for_the_cpu(const Case& source) {
  switch (source.op) {
    case HD_OP_SPARSE_MLA:
      return source.as<hd_sparse_mla_args>().q_dtype == HD_DTYPE_F32;
    case HD_OP_DENSE_MLA:
      return source.as<hd_dense_mla_args>().q_dtype == HD_DTYPE_F32;
    default:
      return false;
  }
}

// The kernels of CUDA round a dequantised latent to bf16, FlashMLA's the scale before it, which is exact for
// power-of-two scales alone.
void allow_rounded_latents(Case& source) {
  const bool general_scales = source.name.find("_fp8_plain") != std::string::npos;
  if (source.op != HD_OP_SPARSE_MLA || !general_scales) return;
  for (Tensor& tensor : source.tensors) {
    if (tensor.name == "out") tensor.tolerance = {0x1p-6, 0.06, 3e-4};
    if (tensor.name == "lse") tensor.tolerance = {0x1p-9, 1e-3, 1e-6};  // As far as a scale's rounding to bf16.
  }
}

// FlashMLA takes a split of the tokens whose sum is NaN for an empty one.
void forgive_nan(const Case& source, Outcome& actual, const Outcome& expected) {
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const Tensor& tensor = source.tensors[i];
    if (tensor.role == Role::input) continue;
    const size_t size = size_of(tensor.type);
    for (size_t at = 0; at + size <= tensor.content.size(); at += size) {
      uint32_t bits = 0;
      std::memcpy(&bits, &expected.tensors[i][at], size);
      if (tensor.type == Type::bf16) bits <<= 16;
      if ((bits & 0x7fffffffu) > 0x7f800000u) std::memcpy(&actual.tensors[i][at], &expected.tensors[i][at], size);
    }
  }
}

TEST_P(Cuda, AgreesWithTheScalar) {
  char name[64] = {};
  hd_kernel_name(cuda().device, GetParam(), name, sizeof name);
  int served = 0;
  int refused = 0;
  for (const CaseMaker& maker : cases_of(GetParam())) {
    SCOPED_TRACE(maker.name);
    Case source = maker.whole();
    // Odd addresses are for the CPU alone.
    for (Tensor& tensor : source.tensors) tensor.offset = 0;
    allow_rounded_latents(source);
    Outcome actual = run_on_device(cuda().device, cuda().stream, source);
    if (is_for_the_cpu(source)) {
      EXPECT_EQ(actual.status, HD_STATUS_UNSUPPORTED) << actual.text;
      EXPECT_NE(actual.text.find("no kernel of the CUDA backend takes these arguments"), std::string::npos)
          << actual.text;
      ++refused;
      continue;
    }
    ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
    EXPECT_TRUE(actual.damage.empty()) << "wrote to " << actual.damage;
    const Outcome expected = run_variant(scalar_variant(GetParam()), source, pool);
    ASSERT_EQ(expected.status, HD_STATUS_OK) << expected.text;
    forgive_padding(source, actual, expected);
    if (std::strstr(name, "/flashmla") != nullptr) forgive_nan(source, actual, expected);
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role == Role::input) continue;
      EXPECT_TRUE(agrees(source.tensors[i], actual.tensors[i], expected.tensors[i]));
    }
    ++served;
  }
  std::printf("%s: %d cases agree, %d are for the CPU alone\n", name, served, refused);
  EXPECT_GT(served, 0) << "no case is served, so nothing was tested";
}

// Every tensor of a case at an odd address: taken, and then rightly so, or refused by name, but never a fault.
TEST_P(Cuda, RefusesOddAddressesOrServesThem) {
  Case source = cases_of(GetParam()).front().whole();
  for (Tensor& tensor : source.tensors) {
    if (tensor.offset == 0) tensor.offset = size_of(tensor.type);
  }
  const Outcome outcome = run_on_device(cuda().device, cuda().stream, source);
  if (outcome.status != HD_STATUS_OK) {
    EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT) << outcome.text;
    EXPECT_NE(outcome.text.find("on CUDA it must be"), std::string::npos) << outcome.text;
    return;
  }
  const Outcome expected = run_variant(scalar_variant(GetParam()), source, pool);
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    if (source.tensors[i].role != Role::input) {
      EXPECT_TRUE(agrees(source.tensors[i], outcome.tensors[i], expected.tensors[i]));
    }
  }
}

// Codes of e4m3 are 16-byte aligned in every operation, a product's other operand being bf16 or not.
TEST(CudaAlignment, CodesOfAGemmAreAlignedAsOthersAre) {
  if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  int tried = 0;
  for (const CaseMaker& maker : cases_of(HD_OP_GEMM)) {
    if (maker.name.find("bf16e4m3") == std::string::npos) continue;
    SCOPED_TRACE(maker.name);
    Case source = maker.whole();
    for (Tensor& tensor : source.tensors) tensor.offset = tensor.name == "b" ? 8 : 0;
    const Outcome outcome = run_on_device(cuda().device, cuda().stream, source);
    EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT) << outcome.text;
    EXPECT_NE(outcome.text.find("hd_gemm: b is"), std::string::npos) << outcome.text;
    EXPECT_NE(outcome.text.find("16-byte aligned"), std::string::npos) << outcome.text;
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

// So are those that an argument of its own, or an element of an array, points to, and each is named.
TEST(CudaAlignment, OtherCodesAreAlignedToo) {
  if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  const auto refuse = [](int32_t op, const char* tensor, const char* argument) {
    int tried = 0;
    for (const CaseMaker& maker : cases_of(op)) {
      Case source = maker.whole();
      bool found = false;
      for (Tensor& each : source.tensors) {
        const bool wanted = each.name == tensor && !each.content.empty();
        each.offset = wanted ? 8 : 0;
        found = found || wanted;
      }
      if (!found) continue;
      SCOPED_TRACE(maker.name);
      const Outcome outcome = run_on_device(cuda().device, cuda().stream, source);
      EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT) << outcome.text;
      EXPECT_NE(outcome.text.find(std::string(": ") + argument + " is "), std::string::npos) << outcome.text;
      EXPECT_NE(outcome.text.find("16-byte aligned"), std::string::npos) << outcome.text;
      ++tried;
    }
    EXPECT_GT(tried, 0) << "no case has " << tensor;
  };
  refuse(HD_OP_FP8_GEMM, "up", "up");
  refuse(HD_OP_FP8_GEMM_CONTIGUOUS, "up0", "up[0]");
  refuse(HD_OP_FP8_GEMM_MASKED, "up0", "up[0]");
  refuse(HD_OP_FP8_GEMM_MULTI, "b1", "b[1]");
  refuse(HD_OP_RMS_NORM, "q", "q");
}

// Kernels know where a group's weight lies by the step between the first two.
TEST(CudaGroups, WeightsThatAreNotEquallySpacedAreRefused) {
  if (cuda().stream == nullptr) GTEST_SKIP() << "no CUDA device, so nothing was run: " << cuda().why;
  const auto refuse = [](int32_t op, const std::string& array) {
    int tried = 0;
    for (const CaseMaker& maker : cases_of(op)) {
      Case source = maker.whole();
      const auto named = [&](const std::string& name) {
        return std::find_if(source.tensors.begin(), source.tensors.end(),
                            [&](const Tensor& tensor) { return tensor.name == name; });
      };
      if (named(array + "2") == source.tensors.end()) continue;
      SCOPED_TRACE(maker.name);
      for (Tensor& tensor : source.tensors) tensor.offset = 0;
      named(array + "1")->offset = 16;
      const Outcome outcome = run_on_device(cuda().device, cuda().stream, source);
      EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT) << outcome.text;
      EXPECT_NE(outcome.text.find(": " + array + "[2] is not as far from the one before"), std::string::npos)
          << outcome.text;
      if (++tried == 2) break;
    }
    EXPECT_EQ(tried, 2) << "too few cases have three of " << array;
  };
  refuse(HD_OP_GEMM_CONTIGUOUS, "b");
  refuse(HD_OP_FP8_GEMM_CONTIGUOUS, "b");
  refuse(HD_OP_FP8_GEMM_CONTIGUOUS, "b_scale");
  refuse(HD_OP_FP8_GEMM_CONTIGUOUS, "up");
  refuse(HD_OP_FP8_GEMM_MASKED, "up_scale");
}

// More rows than one launch of upstream's kernels takes: the adapters go through them in chunks.
class CudaChunks : public Cuda {};

TEST_P(CudaChunks, AgreeWithTheScalar) {
  int tried = 0;
  for (const CaseMaker& maker : cases_of(GetParam())) {
    if (!maker.independent_rows || maker.rows != 17) continue;
    SCOPED_TRACE(maker.name);
    std::vector<int> rows;
    for (int row = 0; row < 530; ++row) rows.push_back(row % 17);
    Case source = maker.make(rows);
    for (Tensor& tensor : source.tensors) tensor.offset = 0;
    const Outcome actual = run_on_device(cuda().device, cuda().stream, source);
    ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
    const Outcome expected = run_variant(scalar_variant(GetParam()), source, pool);
    ASSERT_EQ(expected.status, HD_STATUS_OK) << expected.text;
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role == Role::input) continue;
      EXPECT_TRUE(agrees(source.tensors[i], actual.tensors[i], expected.tensors[i]));
    }
    ++tried;
  }
  EXPECT_GT(tried, 0) << "no case of 17 rows to make more of";
}

// d = a·b of whole numbers, so that every sum is exact, in the form that DeepGEMM's kernels take.
Case whole_fp8_product(int m, int n, int k) {
  Builder<hd_fp8_gemm_args> builder("whole", HD_OP_FP8_GEMM);
  auto& args = builder.args;
  args.d_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = n;
  args.k = k;
  args.d_stride = n;
  args.a_scale_row_stride = 1;
  args.a_scale_block_stride = (m + 3) / 4 * 4;
  const int64_t blocks = k / HD_SCALE_BLOCK;
  const auto ones = [](int64_t count) { return std::vector<float>(static_cast<size_t>(count), 1.0f); };
  builder.input("a", &hd_fp8_gemm_args::a, code_rows(1, "a", iota(m), k, Codes::whole));
  builder.input("a_scale", &hd_fp8_gemm_args::a_scale, ones(blocks * args.a_scale_block_stride), HD_DTYPE_F32);
  builder.input("b", &hd_fp8_gemm_args::b, code_rows(1, "b", iota(n), k, Codes::whole));
  builder.input("b_scale", &hd_fp8_gemm_args::b_scale, ones((n + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK * blocks),
                HD_DTYPE_F32);
  builder.output("d", &hd_fp8_gemm_args::d, Type::bf16, int64_t{m} * n, kExact);
  return builder.finish();
}

// Products of bf16 by b [n, k] or, with kn, [k, n]; rows of the batches interleave, as heads do.
Case whole_bf16_product(int batch, int m, int n, int k, bool kn) {
  Builder<hd_gemm_args> builder("whole", HD_OP_GEMM);
  auto& args = builder.args;
  args.a_dtype = args.b_dtype = args.d_dtype = HD_DTYPE_BF16;
  args.b_is_kn = kn ? 1 : 0;
  args.batch = batch;
  args.m = m;
  args.n = n;
  args.k = k;
  args.a_stride = int64_t{batch} * k;
  args.a_batch_stride = k;
  args.b_stride = kn ? n : k;
  args.b_batch_stride = int64_t{n} * k;
  args.d_stride = int64_t{batch} * n;
  args.d_batch_stride = n;
  const auto whole = [](const char* name, int64_t count) {
    Random random(2, name);
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = static_cast<float>(random.below(5) - 2);
    return values;
  };
  builder.input("a", &hd_gemm_args::a, whole("a", int64_t{batch} * m * k), HD_DTYPE_BF16);
  builder.input("b", &hd_gemm_args::b, whole("b", int64_t{batch} * n * k), HD_DTYPE_BF16);
  builder.output("d", &hd_gemm_args::d, Type::bf16, int64_t{batch} * m * n, kExact);
  return builder.finish();
}

void expect_as_the_scalar(Case source, ThreadPool& pool) {
  for (Tensor& tensor : source.tensors) tensor.offset = 0;
  const Outcome actual = run_on_device(cuda().device, cuda().stream, source);
  ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
  const Outcome expected = run_variant(scalar_variant(source.op), source, pool);
  EXPECT_TRUE(agrees(source.tensors.back(), actual.tensors.back(), expected.tensors.back()));
}

TEST_F(OnCuda, TellsWhatItCan) {
  hd_device_info info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(hd_device_get_info(cuda().device, &info), HD_STATUS_OK) << last_error();
  EXPECT_EQ(info.host_memory, 0);
  EXPECT_EQ(info.graphs, 1);
  EXPECT_EQ(info.f32_activations, 0);
  EXPECT_EQ(info.per_head_fp8, 0);
  EXPECT_EQ(info.group_alignment, 128);
  EXPECT_EQ(info.synchronous, 0);
  hd_buffer* buffer = nullptr;
  EXPECT_EQ(hd_buffer_import(cuda().device, &info, sizeof info, &buffer), HD_STATUS_UNSUPPORTED);
}

// A K whose scales of B would not fit beside the tiles in shared memory.
TEST_F(OnCuda, TheLongestProductsAreServed) {
  expect_as_the_scalar(whole_fp8_product(1, 8, 1 << 19), pool);
}

// Sizes for which upstream/block_shape.h chooses each block shape of upstream/deepgemm.h.
TEST_F(OnCuda, ProductsOfEveryBlockShapeAgree) {
  struct Size {
    int m, n;
  };
  for (const Size& size : {Size{3, 576}, {3, 4096}, {3, 7168}, {100, 7168}, {200, 7168}, {550, 4096}}) {
    SCOPED_TRACE("FP8 " + std::to_string(size.m) + "x" + std::to_string(size.n));
    expect_as_the_scalar(whole_fp8_product(size.m, size.n, HD_SCALE_BLOCK), pool);
  }
  for (const Size& size : {Size{3, 2048}, {3, 7168}, {100, 7168}, {200, 7168}, {550, 4096}}) {
    SCOPED_TRACE("bf16 " + std::to_string(size.m) + "x" + std::to_string(size.n));
    expect_as_the_scalar(whole_bf16_product(1, size.m, size.n, 64, false), pool);
  }
  struct Batches {
    int batch, m, n;
  };
  for (const bool kn : {false, true}) {
    for (const Batches& size : {Batches{1, 3, 512},
                                {1, 100, 7168},
                                {1, 200, 7168},
                                {16, 3, 512},
                                {16, 100, 512},
                                {16, 200, 512},
                                {17, 3, 128},
                                {128, 3, 512},
                                {128, 200, 128}}) {
      SCOPED_TRACE(std::to_string(size.batch) + " of " + std::to_string(size.m) + "x" + std::to_string(size.n) +
                   (kn ? " by [k, n]" : " by [n, k]"));
      expect_as_the_scalar(whole_bf16_product(size.batch, size.m, size.n, 64, kn), pool);
    }
  }
}

// The bits of a row don't depend on the rows beside it, though they decide how a product is cut into blocks.
class CudaRows : public Cuda {};

TEST_P(CudaRows, AreTheSameInEveryBatch) {
  int tried = 0;
  for (const CaseMaker& maker : cases_of(GetParam())) {
    if (!maker.independent_rows || maker.rows < 2) continue;
    SCOPED_TRACE(maker.name);
    const auto run = [&](int count) {
      std::vector<int> ids;
      for (int i = 0; i < count; ++i) ids.push_back(i % maker.rows);
      Case source = maker.make(ids);
      for (Tensor& tensor : source.tensors) tensor.offset = 0;
      return std::pair(source, run_on_device(cuda().device, cuda().stream, source));
    };
    const auto [one_case, one] = run(1);
    const auto [many_case, many] = run(530);
    ASSERT_EQ(one.status, HD_STATUS_OK) << one.text;
    ASSERT_EQ(many.status, HD_STATUS_OK) << many.text;
    for (size_t i = 0; i < one_case.tensors.size(); ++i) {
      if (one_case.tensors[i].role == Role::input) continue;
      for (size_t row = 0; row < many_case.tensors[i].rows.size(); row += static_cast<size_t>(maker.rows)) {
        const auto& expected = one_case.tensors[i].rows[0];
        const auto& slices = many_case.tensors[i].rows[row];
        for (size_t part = 0; part < slices.size(); ++part) {
          EXPECT_TRUE(same_bits(many_case.tensors[i].type, &many.tensors[i][slices[part].offset],
                                &one.tensors[i][expected[part].offset], expected[part].bytes))
              << "row " << row;
        }
      }
    }
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

std::string name_of(const testing::TestParamInfo<int32_t>& info) {
  std::string name = scalar_variant(info.param).name;
  name.resize(name.find('/'));
  return name;
}

INSTANTIATE_TEST_SUITE_P(Device, Cuda, testing::Range<int32_t>(0, HD_OP_COUNT), name_of);

INSTANTIATE_TEST_SUITE_P(Device, CudaRows, testing::Values(HD_OP_FP8_GEMM, HD_OP_FP8_GEMM_MULTI, HD_OP_GEMM), name_of);

INSTANTIATE_TEST_SUITE_P(Device, CudaChunks,
                         testing::Values(HD_OP_INDEXER_LOGITS, HD_OP_INDEXER_LOGITS_PAGED, HD_OP_INDEXER_TOPK,
                                         HD_OP_SPARSE_MLA, HD_OP_DENSE_MLA),
                         name_of);

}  // namespace
}  // namespace hadal::tests
