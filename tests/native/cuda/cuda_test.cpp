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
    if (tensor.name == "lse") tensor.tolerance = {1e-3, 1e-3, 1e-6};
  }
}

template <class Element>
const Element* content_of(const Case& source, const char* name) {
  for (const Tensor& tensor : source.tensors) {
    if (tensor.name == name) return reinterpret_cast<const Element*>(tensor.content.data());
  }
  return nullptr;
}

// What hadal.h leaves open on CUDA counts as right: the padding rows of grouped products.
void forgive_padding(const Case& source, Outcome& actual, const Outcome& expected) {
  const auto forgive = [&](size_t tensor, size_t offset, size_t bytes) {
    std::copy_n(expected.tensors[tensor].begin() + static_cast<std::ptrdiff_t>(offset), bytes,
                actual.tensors[tensor].begin() + static_cast<std::ptrdiff_t>(offset));
  };
  const auto* layout = content_of<int32_t>(source, "grouped_layout");
  const auto* masked_m = content_of<int32_t>(source, "masked_m");
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const auto& rows = source.tensors[i].rows;
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t group = 0; group < rows[row].size(); ++group) {
        const bool padding = layout != nullptr     ? layout[row] < 0
                             : masked_m != nullptr ? static_cast<int32_t>(row) >= masked_m[group]
                                                   : false;
        if (padding) forgive(i, rows[row][group].offset, rows[row][group].bytes);
      }
    }
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

// A K whose scales of B would not fit beside the tiles in shared memory.
TEST_F(OnCuda, TheLongestProductsAreServed) {
  const int row[] = {0};
  constexpr int kN = 8, kK = 1 << 19;
  Builder<hd_fp8_gemm_args> builder("longest", HD_OP_FP8_GEMM);
  auto& args = builder.args;
  args.m = 1;
  args.n = kN;
  args.k = kK;
  args.d_stride = kN;
  args.a_scale_row_stride = 1;
  args.a_scale_block_stride = 4;
  const std::vector<float> scales(kK / HD_SCALE_BLOCK * 4, 0.125f);
  builder.input("a", &hd_fp8_gemm_args::a, code_rows(1, "a", row, kK, Codes::whole)).offset = 0;
  builder.input("a_scale", &hd_fp8_gemm_args::a_scale, scales, HD_DTYPE_F32).offset = 0;
  builder.input("b", &hd_fp8_gemm_args::b, code_rows(1, "b", row, int64_t{kN} * kK, Codes::whole)).offset = 0;
  builder.input("b_scale", &hd_fp8_gemm_args::b_scale, scales, HD_DTYPE_F32).offset = 0;
  builder.output("d", &hd_fp8_gemm_args::d, Type::bf16, kN, kExact).offset = 0;
  args.d_dtype = HD_DTYPE_BF16;
  const Case source = builder.finish();
  const Outcome actual = run_on_device(cuda().device, cuda().stream, source);
  ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
  const Outcome expected = run_variant(scalar_variant(HD_OP_FP8_GEMM), source, pool);
  EXPECT_TRUE(agrees(source.tensors.back(), actual.tensors.back(), expected.tensors.back()));
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

INSTANTIATE_TEST_SUITE_P(Device, CudaRows, testing::Values(HD_OP_FP8_GEMM, HD_OP_GEMM), name_of);

INSTANTIATE_TEST_SUITE_P(Device, CudaChunks,
                         testing::Values(HD_OP_INDEXER_LOGITS, HD_OP_INDEXER_LOGITS_PAGED, HD_OP_INDEXER_TOPK,
                                         HD_OP_SPARSE_MLA, HD_OP_DENSE_MLA),
                         name_of);

}  // namespace
}  // namespace hadal::tests
