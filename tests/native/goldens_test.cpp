// DeepSeek's own reference (tests/goldens/README.md) against the operations, through the ABI, on every instruction set
// that the processor has. Codes, scales and expert ids exact; the rest 1e-5 relative; bf16 within one ulp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "cpu/features.h"
#include "support/cpu_stream.h"
#include "support/numbers.h"
#include "support/platform.h"
#include "support/safetensors.h"

namespace hadal::tests {
namespace {

class Goldens : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    if (!cpu::supports(GetParam())) GTEST_SKIP() << "this processor lacks " << cpu::name_of(GetParam());
    set_variable("HADAL_CPU_ISA", cpu::name_of(GetParam()));
    cpu_ = std::make_unique<CpuStream>();
  }
  void TearDown() override { unset_variable("HADAL_CPU_ISA"); }

  template <class Args>
  void run(int32_t op, const Args& args) {
    ASSERT_EQ(cpu_->run(op, args), HD_STATUS_OK) << last_error();
  }

  static const Safetensors& ops() {
    static const Safetensors file("ops.safetensors");
    return file;
  }

 private:
  std::unique_ptr<CpuStream> cpu_;
};

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected, double relative,
                 double absolute) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_LE(std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])),
              relative * std::fabs(static_cast<double>(expected[i])) + absolute)
        << "element " << i << " is " << actual[i] << ", not " << expected[i];
  }
}

double root_mean_square(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

TEST_P(Goldens, DecodesEveryCode) {
  std::vector<uint8_t> codes(256);
  std::iota(codes.begin(), codes.end(), 0);
  const float scale = 1.0f;
  std::vector<float> scales(2, scale);
  std::vector<float> values(256);
  hd_fp8_dequantize_args args{};
  args.y_dtype = HD_DTYPE_F32;
  args.n = 1;
  args.k = 256;
  args.q = codes.data();
  args.scale_inv = scales.data();
  args.y = values.data();
  run(HD_OP_FP8_DEQUANTIZE, args);
  const std::vector<float> expected = ops().f32("fp8.decode.value");
  for (size_t code = 0; code < 256; ++code) {
    if (std::isnan(expected[code])) {
      EXPECT_TRUE(std::isnan(values[code])) << "code " << code;
    } else {
      EXPECT_EQ(std::bit_cast<uint32_t>(values[code]), std::bit_cast<uint32_t>(expected[code])) << "code " << code;
    }
  }
}

TEST_P(Goldens, EncodesTiesSubnormalsAndLimits) {
  // A plain scale of exactly 1 comes of an amax whose product with f32(1/448) rounds to 1; the values that clamp are
  // beyond it and are left out here, one a row otherwise.
  const std::vector<float> input = ops().f32("fp8.encode.input");
  const std::vector<uint8_t> expected = ops().u8("fp8.encode.code");
  ASSERT_EQ((448.0f * (1.0f / 448.0f)), 1.0f);
  int checked = 0;
  std::vector<float> x(input.size() * 128);
  for (size_t i = 0; i < input.size(); ++i) {
    x[i * 128] = 448.0f;
    x[i * 128 + 1] = std::fabs(input[i]) <= 448.0f ? input[i] : std::copysign(448.0f, input[i]);
  }
  std::vector<uint8_t> codes(x.size());
  std::vector<float> scales(input.size());
  hd_fp8_quantize_args args{};
  args.x_dtype = HD_DTYPE_F32;
  args.scale_format = HD_SCALE_PLAIN;
  args.m = static_cast<int32_t>(input.size());
  args.k = 128;
  args.x = x.data();
  args.x_stride = 128;
  args.q = codes.data();
  args.scale = scales.data();
  args.scale_row_stride = 1;
  args.scale_block_stride = 1;
  run(HD_OP_FP8_QUANTIZE, args);
  for (size_t i = 0; i < input.size(); ++i) {
    if (std::isnan(input[i])) continue;
    ASSERT_EQ(scales[i], 1.0f);
    // What lies beyond 448 clamps, as the reference clamps before it converts.
    ASSERT_EQ(codes[i * 128 + 1], std::fabs(input[i]) <= 448.0f ? expected[i] : (input[i] < 0 ? 0xfe : 0x7e))
        << "of " << input[i];
    ++checked;
  }
  EXPECT_GT(checked, 2000);
}

TEST_P(Goldens, Quantizes) {
  const std::vector<int64_t> shape = ops().shape("quantize.input");
  const std::vector<uint16_t> x = ops().bf16("quantize.input");
  for (const char* format : {"plain", "ue8m0"}) {
    std::vector<uint8_t> codes(x.size());
    std::vector<float> scales(x.size() / 128);
    hd_fp8_quantize_args args{};
    args.x_dtype = HD_DTYPE_BF16;
    args.scale_format = std::strcmp(format, "plain") == 0 ? HD_SCALE_PLAIN : HD_SCALE_UE8M0;
    args.m = static_cast<int32_t>(shape[0]);
    args.k = static_cast<int32_t>(shape[1]);
    args.x = x.data();
    args.x_stride = shape[1];
    args.q = codes.data();
    args.scale = scales.data();
    args.scale_row_stride = shape[1] / 128;
    args.scale_block_stride = 1;
    run(HD_OP_FP8_QUANTIZE, args);
    EXPECT_EQ(codes, ops().u8(std::string("quantize.") + format + ".code"));
    EXPECT_EQ(scales, ops().f32(std::string("quantize.") + format + ".scale"));
  }
}

TEST_P(Goldens, MultipliesFp8) {
  const std::vector<int64_t> a_shape = ops().shape("gemm.a.code");
  const std::vector<int64_t> b_shape = ops().shape("gemm.b.code");
  const std::vector<uint8_t> a = ops().u8("gemm.a.code");
  const std::vector<float> a_scale = ops().f32("gemm.a.scale");
  const std::vector<uint8_t> b = ops().u8("gemm.b.code");
  const std::vector<float> b_scale = ops().f32("gemm.b.scale_inv");
  const std::vector<float> expected = ops().f32("gemm.out");
  std::vector<float> d(expected.size());
  hd_fp8_gemm_args args{};
  args.d_dtype = HD_DTYPE_F32;
  args.m = static_cast<int32_t>(a_shape[0]);
  args.n = static_cast<int32_t>(b_shape[0]);
  args.k = static_cast<int32_t>(a_shape[1]);
  args.a = a.data();
  args.a_scale = a_scale.data();
  args.a_scale_row_stride = a_shape[1] / 128;
  args.a_scale_block_stride = 1;
  args.b = b.data();
  args.b_scale = b_scale.data();
  args.d = d.data();
  args.d_stride = b_shape[0];
  run(HD_OP_FP8_GEMM, args);
  expect_near(d, expected, 1e-5, 1e-5 * root_mean_square(expected));
}

TEST_P(Goldens, ScoresKeys) {
  const std::vector<int64_t> shape = ops().shape("index.q.code");
  const std::vector<uint8_t> q = ops().u8("index.q.code");
  const std::vector<uint8_t> k = ops().u8("index.k.code");
  const std::vector<float> k_scale = ops().f32("index.k.scale");
  const std::vector<float> weight = ops().f32("index.weight");
  const std::vector<float> expected = ops().f32("index.logits");
  const auto keys = static_cast<int32_t>(k_scale.size());
  std::vector<float> logits(expected.size());
  const std::vector<int32_t> start(3, 0);
  const std::vector<int32_t> end(3, keys);
  hd_indexer_logits_args args{};
  args.m = static_cast<int32_t>(shape[0]);
  args.heads = static_cast<int32_t>(shape[1]);
  args.keys = keys;
  args.q = q.data();
  args.weights = weight.data();
  args.k = k.data();
  args.k_scale = k_scale.data();
  args.start = start.data();
  args.end = end.data();
  args.logits = logits.data();
  args.logits_stride = keys;
  run(HD_OP_INDEXER_LOGITS, args);
  expect_near(logits, expected, 1e-5, 1e-5 * root_mean_square(expected));
}

TEST_P(Goldens, TransformsByHadamard) {
  const std::vector<uint16_t> x = ops().bf16("hadamard.input");
  const std::vector<uint16_t> expected = ops().bf16("hadamard.out");
  std::vector<uint16_t> y(x.size());
  hd_hadamard_args args{};
  args.x_dtype = HD_DTYPE_BF16;
  args.m = 4;
  args.n = 128;
  args.x = x.data();
  args.y = y.data();
  run(HD_OP_HADAMARD, args);
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_LE(std::abs(static_cast<int>(y[i]) - static_cast<int>(expected[i])), 1) << "element " << i;
  }
}

TEST_P(Goldens, TurnsPairs) {
  const std::vector<int32_t> position = ops().i32("rope.position");
  const std::vector<float> cosine = ops().f32("rope.cos");
  const std::vector<float> sine = ops().f32("rope.sin");
  const std::vector<float> x = ops().f32("rope.input");
  // Row i of this table belongs to rope.position[i].
  std::vector<float> table;
  std::vector<int32_t> rows;
  for (size_t i = 0; i < position.size(); ++i) {
    table.insert(table.end(), cosine.begin() + static_cast<int64_t>(i) * 32,
                 cosine.begin() + static_cast<int64_t>(i + 1) * 32);
    table.insert(table.end(), sine.begin() + static_cast<int64_t>(i) * 32,
                 sine.begin() + static_cast<int64_t>(i + 1) * 32);
    rows.push_back(static_cast<int32_t>(i));
  }
  for (const bool halves : {false, true}) {
    std::vector<float> y(x.size());
    hd_rope_args args{};
    args.x_dtype = HD_DTYPE_F32;
    args.layout = halves ? HD_ROPE_HALVES : HD_ROPE_INTERLEAVED;
    args.m = 11;
    args.heads = 2;
    args.dim = 64;
    args.table_positions = 11;
    args.x = x.data();
    args.x_stride = 128;
    args.x_head_stride = 64;
    args.positions = rows.data();
    args.table = table.data();
    args.y = y.data();
    args.y_stride = 128;
    args.y_head_stride = 64;
    run(HD_OP_ROPE, args);
    expect_near(y, ops().f32(halves ? "rope.half" : "rope.interleaved"), 1e-5, 1e-5);
  }
}

TEST_P(Goldens, TabulatesCosinesAndSinesOfYarn) {
  // The frequencies of the real config, by numerics line 5, in f32 as the reference computes them.
  std::vector<float> frequency;
  for (int i = 0; i < 32; ++i) {
    const float base = 1.0f / std::pow(10000.0f, static_cast<float>(2 * i) / 64.0f);
    const float ramp = std::clamp((static_cast<float>(i) - 10.0f) / 13.0f, 0.0f, 1.0f);
    const float smooth = 1.0f - ramp;
    frequency.push_back(base / 40.0f * (1.0f - smooth) + base * smooth);
  }
  const std::vector<int32_t> position = ops().i32("rope.position");
  const int positions = *std::max_element(position.begin(), position.end()) + 1;
  std::vector<float> table(static_cast<size_t>(positions) * 64);
  hd_rope_table_args args{};
  args.positions = positions;
  args.half = 32;
  args.inverse_frequency = frequency.data();
  args.table = table.data();
  run(HD_OP_ROPE_TABLE, args);
  std::vector<float> cosine;
  std::vector<float> sine;
  for (const int32_t at : position) {
    const auto row = table.begin() + int64_t{at} * 64;
    cosine.insert(cosine.end(), row, row + 32);
    sine.insert(sine.end(), row + 32, row + 64);
  }
  // A frequency that is off by an ulp of f32 turns position 163839 by 1e-2, so the far ones are told by their own
  // error.
  for (size_t i = 0; i < cosine.size(); ++i) {
    const double far = position[i / 32] * static_cast<double>(frequency[i % 32]) * 0x1p-23;
    ASSERT_NEAR(cosine[i], ops().f32("rope.cos")[i], 1e-5 + far) << "position " << position[i / 32];
    ASSERT_NEAR(sine[i], ops().f32("rope.sin")[i], 1e-5 + far) << "position " << position[i / 32];
  }
}

TEST_P(Goldens, NormsLayers) {
  const std::vector<float> x = ops().f32("layernorm.input");
  const std::vector<float> weight = ops().f32("layernorm.weight");
  const std::vector<float> bias = ops().f32("layernorm.bias");
  std::vector<float> y(x.size());
  hd_layer_norm_args args{};
  args.x_dtype = HD_DTYPE_F32;
  args.weight_dtype = HD_DTYPE_F32;
  args.m = 3;
  args.n = 128;
  args.epsilon = 1e-6f;
  args.x = x.data();
  args.x_stride = 128;
  args.weight = weight.data();
  args.bias = bias.data();
  args.y = y.data();
  args.y_stride = 128;
  run(HD_OP_LAYER_NORM, args);
  expect_near(y, ops().f32("layernorm.out"), 1e-5, 1e-6);
}

TEST_P(Goldens, NormsRootMeanSquares) {
  const std::vector<float> x = ops().f32("rmsnorm.input");
  const std::vector<float> weight = ops().f32("rmsnorm.weight");
  std::vector<float> residual = ops().f32("rmsnorm.residual");
  std::vector<float> y(x.size());
  hd_rms_norm_args args{};
  args.x_dtype = HD_DTYPE_F32;
  args.weight_dtype = HD_DTYPE_F32;
  args.m = 3;
  args.n = 256;
  args.epsilon = 1e-6f;
  args.x = x.data();
  args.x_stride = 256;
  args.residual = residual.data();
  args.weight = weight.data();
  args.y = y.data();
  args.y_stride = 256;
  run(HD_OP_RMS_NORM, args);
  expect_near(y, ops().f32("rmsnorm.out"), 1e-5, 1e-6);
  expect_near(residual, ops().f32("rmsnorm.residual_out"), 1e-6, 1e-6);
}

TEST_P(Goldens, RoutesToExperts) {
  const Safetensors negative("ops-routing.safetensors");
  for (const auto& [file, name] :
       {std::pair<const Safetensors*, std::string>{&ops(), "route"}, {&negative, "route2"}}) {
    const std::vector<float> x = file->f32(name + ".input");
    const std::vector<float> matrix = file->f32(name + ".weight_matrix");
    const std::vector<float> bias = file->f32(name + ".bias");
    const std::vector<float> expected = file->f32(name + ".weights");
    std::vector<float> logits(size_t{64} * 256);
    hd_gemm_args gate{};
    gate.a_dtype = gate.b_dtype = gate.d_dtype = HD_DTYPE_F32;
    gate.batch = 1;
    gate.m = 64;
    gate.n = 256;
    gate.k = 512;
    gate.a = x.data();
    gate.a_stride = 512;
    gate.b = matrix.data();
    gate.b_stride = 512;
    gate.d = logits.data();
    gate.d_stride = 256;
    run(HD_OP_GEMM, gate);
    std::vector<int32_t> ids(size_t{64} * 8);
    std::vector<float> weights(ids.size());
    hd_moe_route_args args{};
    args.m = 64;
    args.experts = 256;
    args.groups = 8;
    args.top_groups = 4;
    args.top_experts = 8;
    args.normalize = 1;
    args.scale = 2.5f;
    args.logits = logits.data();
    args.bias = bias.data();
    args.ids = ids.data();
    args.weights = weights.data();
    run(HD_OP_MOE_ROUTE, args);
    // The reference lists experts by their score; ours ascend by id.
    const std::vector<int32_t> chosen = file->i32(name + ".experts");
    for (size_t token = 0; token < 64; ++token) {
      std::vector<std::pair<int32_t, float>> wanted;
      for (size_t i = token * 8; i < (token + 1) * 8; ++i) wanted.emplace_back(chosen[i], expected[i]);
      std::sort(wanted.begin(), wanted.end());
      for (size_t i = 0; i < 8; ++i) {
        ASSERT_EQ(ids[token * 8 + i], wanted[i].first) << name << " token " << token;
        ASSERT_NEAR(weights[token * 8 + i], wanted[i].second, 1e-5 * std::fabs(wanted[i].second))
            << name << " token " << token;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, Goldens, testing::ValuesIn(cpu::kIsas),
                         [](const auto& isa) { return std::string(cpu::name_of(isa.param)); });

}  // namespace
}  // namespace hadal::tests
