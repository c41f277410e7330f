// Operations that hold several, against those in separate calls: the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "cpu/features.h"
#include "support/builder.h"
#include "support/compare.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

class Fused : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    if (!cpu::supports(GetParam())) GTEST_SKIP() << "this processor lacks " << cpu::name_of(GetParam());
  }

  static const cpu::Variant& variant(int32_t op) {
    for (const cpu::Variant& one : variants()) {
      if (one.op == op && one.isa == GetParam()) return one;
    }
    throw std::runtime_error("no variant of operation " + std::to_string(op));
  }

  template <class Args>
  void run(int32_t op, Args& args) {
    const cpu::Variant& one = variant(op);
    std::vector<std::byte> memory(one.workspace(&args, pool_.threads()) + HD_ALIGNMENT);
    void* workspace = memory.data();
    size_t space = memory.size();
    std::align(HD_ALIGNMENT, space - HD_ALIGNMENT, workspace, space);
    ASSERT_EQ(one.run(&args, pool_, static_cast<std::byte*>(workspace)), HD_STATUS_OK) << last_error();
  }

  template <class Args>
  static Args& args_of(Placed& placed) {
    return *static_cast<Args*>(placed.args());
  }

  static std::vector<std::byte> content(const Case& source, const Placed& placed, const std::string& name) {
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].name == name) return placed.content(i);
    }
    throw std::runtime_error("no tensor " + name);
  }

  // d of a case whose args `change` has changed.
  template <class Args, class Change>
  std::vector<std::byte> product(const Case& source, const Change& change) {
    Placed placed(source);
    change(args_of<Args>(placed));
    run(source.op, args_of<Args>(placed));
    return content(source, placed, "d");
  }

  template <class Args>
  void expect_swiglu(int32_t op) {
    int compared = 0;
    for (const CaseMaker& maker : cases_of(op)) {
      const Case source = maker.whole();
      if (source.as<Args>().has_up == 0 || !variant(op).serves(source.args.data())) continue;
      SCOPED_TRACE(maker.name);
      const std::vector<std::byte> actual = product<Args>(source, [](Args&) {});
      const auto plain = [](Args& args) {
        args.has_up = 0;
        args.up = nullptr;
        args.up_scale = nullptr;
      };
      const std::vector<std::byte> gate = product<Args>(source, plain);
      const std::vector<std::byte> up = product<Args>(source, [&](Args& args) {
        args.b = args.up;
        args.b_scale = args.up_scale;
        plain(args);
      });
      const Type type = type_of(source.as<Args>().d_dtype);
      std::vector<std::byte> expected(gate.size());
      hd_silu_mul_args silu{};
      silu.x_dtype = source.as<Args>().d_dtype;
      silu.m = 1;
      silu.n = static_cast<int32_t>(gate.size() / size_of(type));
      silu.gate = gate.data();
      silu.up = up.data();
      silu.y = expected.data();
      run(HD_OP_SILU_MUL, silu);
      for (size_t i = 0; i < gate.size(); i += size_of(type)) {
        const bool written =
            std::count(&gate[i], &gate[i] + size_of(type), kUnwritten) != static_cast<int>(size_of(type));
        const std::byte* wanted = written ? &expected[i] : &gate[i];
        ASSERT_TRUE(same_bits(type, &actual[i], wanted, size_of(type))) << "element " << i / size_of(type);
        compared += written;
      }
    }
    EXPECT_GT(compared, 1000);
  }

  ThreadPool pool_{2};
};

TEST_P(Fused, SwiGluIsTwoProductsAndSilu) {
  expect_swiglu<hd_fp8_gemm_args>(HD_OP_FP8_GEMM);
  expect_swiglu<hd_fp8_gemm_contiguous_args>(HD_OP_FP8_GEMM_CONTIGUOUS);
  expect_swiglu<hd_fp8_gemm_masked_args>(HD_OP_FP8_GEMM_MASKED);
}

TEST_P(Fused, SeveralProductsAreEachOne) {
  for (const CaseMaker& maker : cases_of(HD_OP_FP8_GEMM_MULTI)) {
    const Case source = maker.whole();
    Placed together(source);
    const auto& args = args_of<hd_fp8_gemm_multi_args>(together);
    if (!variant(HD_OP_FP8_GEMM_MULTI).serves(&args)) continue;
    SCOPED_TRACE(maker.name);
    run(HD_OP_FP8_GEMM_MULTI, args_of<hd_fp8_gemm_multi_args>(together));
    for (int32_t i = 0; i < args.count; ++i) {
      if (args.n[i] == 0) continue;
      const std::string name = "d" + std::to_string(i);
      const std::vector<std::byte> actual = content(source, together, name);
      std::vector<std::byte> expected(actual.size(), kUnwritten);
      hd_fp8_gemm_args one{};
      one.d_dtype = args.d_dtype;
      one.m = args.m;
      one.n = args.n[i];
      one.k = args.k;
      one.a = args.a;
      one.a_scale = args.a_scale;
      one.a_scale_row_stride = args.a_scale_row_stride;
      one.a_scale_block_stride = args.a_scale_block_stride;
      one.b = args.b[i];
      one.b_scale = args.b_scale[i];
      one.b_scale_is_pow2 = args.b_scale_is_pow2[i];
      one.d = expected.data();
      one.d_stride = args.d_stride[i];
      run(HD_OP_FP8_GEMM, one);
      EXPECT_EQ(actual, expected) << name;
    }
  }
}

TEST_P(Fused, ANormsQuantisedOutputIsThatOfItsOutput) {
  int compared = 0;
  for (const CaseMaker& maker : cases_of(HD_OP_RMS_NORM)) {
    const Case source = maker.whole();
    Placed together(source);
    auto& args = args_of<hd_rms_norm_args>(together);
    if (args.q == nullptr) continue;
    SCOPED_TRACE(maker.name);
    run(HD_OP_RMS_NORM, args);

    Placed apart(source);
    auto& norm = args_of<hd_rms_norm_args>(apart);
    const Type type = type_of(norm.x_dtype);
    std::vector<std::byte> y(static_cast<size_t>(norm.m) * static_cast<size_t>(norm.n) * size_of(type));
    norm.q = nullptr;
    norm.y = y.data();
    norm.y_stride = norm.n;
    run(HD_OP_RMS_NORM, norm);
    for (int64_t row = 0; args.y != nullptr && row < args.m; ++row) {
      const auto element = static_cast<int64_t>(size_of(type));
      EXPECT_TRUE(same_bits(type, static_cast<std::byte*>(args.y) + row * args.y_stride * element,
                            y.data() + row * args.n * element, static_cast<size_t>(args.n * element)))
          << "y of row " << row;
    }

    const std::vector<std::byte> q = content(source, together, "q");
    const std::vector<std::byte> scale = content(source, together, "q_scale");
    std::vector<std::byte> expected_q(q.size());
    std::vector<std::byte> expected_scale(scale.size(), kUnwritten);
    hd_fp8_quantize_args quantize{};
    quantize.x_dtype = args.x_dtype;
    quantize.scale_format = args.q_scale_format;
    quantize.m = args.m;
    quantize.k = args.n;
    quantize.x = y.data();
    quantize.x_stride = args.n;
    quantize.q = reinterpret_cast<uint8_t*>(expected_q.data());
    quantize.scale = reinterpret_cast<float*>(expected_scale.data());
    quantize.scale_row_stride = args.q_scale_row_stride;
    quantize.scale_block_stride = args.q_scale_block_stride;
    run(HD_OP_FP8_QUANTIZE, quantize);
    EXPECT_EQ(q, expected_q);
    EXPECT_EQ(scale, expected_scale);
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Fused, testing::Values(cpu::Isa::scalar, cpu::Isa::avx2, cpu::Isa::avx512),
                         [](const auto& isa) { return std::string(cpu::name_of(isa.param)); });

}  // namespace
}  // namespace hadal::tests
