// See fused.h.
#include "support/fused.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/builder.h"
#include "support/compare.h"
#include "support/padding.h"

namespace hadal::tests {
namespace {

Outcome done(const RunCase& run, const Case& source) {
  Outcome outcome = run(source);
  EXPECT_EQ(outcome.status, HD_STATUS_OK) << outcome.text;
  EXPECT_TRUE(outcome.damage.empty()) << "wrote to " << outcome.damage;
  return outcome;
}

template <class Args>
Args& args_of(Case& source) {
  return *reinterpret_cast<Args*>(source.args.data());
}

std::optional<size_t> find(const Case& source, const std::string& name) {
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    if (source.tensors[i].name == name) return i;
  }
  return std::nullopt;
}

size_t index_of(const Case& source, const std::string& name) {
  const std::optional<size_t> index = find(source, name);
  if (!index) throw std::runtime_error("case " + source.name + " has no tensor '" + name + "'");
  return *index;
}

// The rows of an output that count.
void expect_same_rows(const Case& source, size_t tensor, const std::vector<std::byte>& actual,
                      const std::vector<std::byte>& expected) {
  const Tensor& output = source.tensors[tensor];
  ASSERT_FALSE(output.rows.empty()) << output.name << " says nothing of its rows, so none would be compared";
  for (size_t row = 0; row < output.rows.size(); ++row) {
    for (size_t part = 0; part < output.rows[row].size(); ++part) {
      if (is_padding(source, row, part)) continue;
      const auto [offset, bytes] = output.rows[row][part];
      EXPECT_TRUE(same_bits(output.type, actual.data() + offset, expected.data() + offset, bytes))
          << output.name << ", row " << row << ", part " << part;
    }
  }
}

// Adds an input of the bytes that another call left.
template <class Args, class Pointer>
void add_result(Builder<Args>& builder, Pointer Args::*member, const std::vector<std::byte>& content, Type type) {
  Tensor& tensor = builder.tensor(builder.loose("result", content, type));
  tensor.fields.push_back(builder.field(member));
  tensor.offset = 0;
}

// One of the two products of a SwiGLU.
template <class Args>
Case product_of(Case source, bool of_up) {
  args_of<Args>(source).has_up = 0;
  const auto use = [&](size_t b, size_t up) {
    const size_t used = of_up ? up : b;
    const size_t unused = of_up ? b : up;
    for (Tensor& tensor : source.tensors) {
      std::erase(tensor.fields, unused);
      for (size_t& field : tensor.fields) field = field == used ? b : field;
    }
    std::erase_if(source.arrays, [&](const PointerArray& array) { return array.field == unused; });
    for (PointerArray& array : source.arrays) array.field = array.field == used ? b : array.field;
  };
  use(offsetof(Args, b), offsetof(Args, up));
  use(offsetof(Args, b_scale), offsetof(Args, up_scale));
  return source;
}

template <class Args>
void expect_products_and_silu_mul(int32_t op, const MakeCase& make, const RunCase& run) {
  int tried = 0;
  for (const CaseMaker& maker : cases_of(op)) {
    const Case source = make(maker);
    if (source.args.empty() || source.as<Args>().has_up == 0) continue;
    SCOPED_TRACE(maker.name);
    const size_t d = index_of(source, "d");
    const Type type = source.tensors[d].type;
    const Outcome gate = done(run, product_of<Args>(source, false));
    const Outcome up = done(run, product_of<Args>(source, true));
    Builder<hd_silu_mul_args> builder("silu_mul", HD_OP_SILU_MUL);
    builder.args.x_dtype = source.as<Args>().d_dtype;
    builder.args.m = 1;
    builder.args.n = static_cast<int32_t>(source.tensors[d].content.size() / size_of(type));
    add_result(builder, &hd_silu_mul_args::gate, gate.tensors[d], type);
    add_result(builder, &hd_silu_mul_args::up, up.tensors[d], type);
    builder.output("y", &hd_silu_mul_args::y, type, builder.args.n, kExact).offset = 0;
    const Outcome product = done(run, builder.finish());
    expect_same_rows(source, d, done(run, source).tensors[d], product.tensors.back());
    ++tried;
  }
  EXPECT_GT(tried, 0) << "no case is a SwiGLU";
}

// Product i of several.
Case product_of(const Case& source, int32_t i) {
  using Multi = hd_fp8_gemm_multi_args;
  const auto& all = source.as<Multi>();
  const auto number = [&](size_t field, auto& result) {
    for (const HostArray& array : source.host_arrays) {
      if (array.field == field) std::memcpy(&result, &array.content[i * sizeof result], sizeof result);
    }
  };
  hd_fp8_gemm_args args{};
  args.struct_size = sizeof args;
  args.d_dtype = all.d_dtype;
  args.m = all.m;
  args.k = all.k;
  args.a_scale_row_stride = all.a_scale_row_stride;
  args.a_scale_block_stride = all.a_scale_block_stride;
  number(offsetof(Multi, n), args.n);
  number(offsetof(Multi, b_scale_is_pow2), args.b_scale_is_pow2);
  number(offsetof(Multi, d_stride), args.d_stride);
  Case result = source;
  result.op = HD_OP_FP8_GEMM;
  result.args.resize(sizeof args);
  std::memcpy(result.args.data(), &args, sizeof args);
  result.tensors[index_of(source, "a")].fields = {offsetof(hd_fp8_gemm_args, a)};
  result.tensors[index_of(source, "a_scale")].fields = {offsetof(hd_fp8_gemm_args, a_scale)};
  const auto point = [&](size_t from, size_t to) {
    for (const PointerArray& array : source.arrays) {
      if (array.field == from) result.tensors[array.tensors[static_cast<size_t>(i)]].fields = {to};
    }
  };
  point(offsetof(Multi, b), offsetof(hd_fp8_gemm_args, b));
  point(offsetof(Multi, b_scale), offsetof(hd_fp8_gemm_args, b_scale));
  point(offsetof(Multi, d), offsetof(hd_fp8_gemm_args, d));
  result.arrays.clear();
  result.host_arrays.clear();
  return result;
}

}  // namespace

void expect_swiglu_is_its_parts(const MakeCase& make, const RunCase& run) {
  expect_products_and_silu_mul<hd_fp8_gemm_args>(HD_OP_FP8_GEMM, make, run);
  expect_products_and_silu_mul<hd_fp8_gemm_contiguous_args>(HD_OP_FP8_GEMM_CONTIGUOUS, make, run);
  expect_products_and_silu_mul<hd_fp8_gemm_masked_args>(HD_OP_FP8_GEMM_MASKED, make, run);
}

void expect_several_products_as_alone(const MakeCase& make, const RunCase& run) {
  int tried = 0;
  for (const CaseMaker& maker : cases_of(HD_OP_FP8_GEMM_MULTI)) {
    SCOPED_TRACE(maker.name);
    const Case source = make(maker);
    if (source.args.empty()) continue;
    const Outcome together = done(run, source);
    for (int32_t i = 0; i < source.as<hd_fp8_gemm_multi_args>().count; ++i) {
      const size_t d = index_of(source, "d" + std::to_string(i));
      if (source.tensors[d].content.empty()) continue;
      expect_same_rows(source, d, together.tensors[d], done(run, product_of(source, i)).tensors[d]);
      ++tried;
    }
  }
  EXPECT_GT(tried, 0) << "no case has several products";
}

void expect_norm_quantises_its_result(const MakeCase& make, const RunCase& run) {
  using Norm = hd_rms_norm_args;
  using Quantize = hd_fp8_quantize_args;
  int tried = 0;
  for (const CaseMaker& maker : cases_of(HD_OP_RMS_NORM)) {
    const Case source = make(maker);
    if (!find(source, "q")) continue;
    SCOPED_TRACE(maker.name);
    const size_t q = index_of(source, "q");
    const size_t q_scale = index_of(source, "q_scale");
    const auto& args = source.as<Norm>();
    const Outcome fused = done(run, source);
    Case norm = source;
    norm.tensors[q].fields.clear();
    norm.tensors[q_scale].fields.clear();
    const size_t y = find(source, "y").value_or(source.tensors.size());
    if (y == source.tensors.size()) {
      Tensor& added = norm.tensors.emplace_back();
      added.name = "y";
      added.fields = {offsetof(Norm, y)};
      added.type = type_of(args.x_dtype);
      added.role = Role::output;
      added.content.assign(static_cast<size_t>(args.m * args.y_stride) * size_of(added.type), kUnwritten);
    }
    const Outcome separate = done(run, norm);
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      if (source.tensors[i].role != Role::input && i != q && i != q_scale) {
        expect_same_rows(source, i, fused.tensors[i], separate.tensors[i]);
      }
    }
    Builder<Quantize> builder("quantize", HD_OP_FP8_QUANTIZE);
    builder.args.x_dtype = args.x_dtype;
    builder.args.m = args.m;
    builder.args.k = args.n;
    builder.args.x_stride = args.y_stride;
    builder.args.scale_format = args.q_scale_format;
    builder.args.scale_row_stride = args.q_scale_row_stride;
    builder.args.scale_block_stride = args.q_scale_block_stride;
    add_result(builder, &Quantize::x, separate.tensors[y], type_of(args.x_dtype));
    const auto count = [&](size_t tensor, size_t element) {
      return static_cast<int64_t>(source.tensors[tensor].content.size() / element);
    };
    builder.output("q", &Quantize::q, Type::u8, count(q, 1), kExact).offset = 0;
    builder.output("q_scale", &Quantize::scale, Type::f32, count(q_scale, 4), kExact).offset = 0;
    const Outcome quantized = done(run, builder.finish());
    expect_same_rows(source, q, fused.tensors[q], quantized.tensors[1]);
    expect_same_rows(source, q_scale, fused.tensors[q_scale], quantized.tensors[2]);
    ++tried;
  }
  EXPECT_GT(tried, 0) << "no case quantises";
}

}  // namespace hadal::tests
