#include <algorithm>
#include <set>

#include "support/builder.h"

namespace hadal::tests {
namespace {

constexpr int32_t kF = HD_DTYPE_F32;
constexpr int32_t kB = HD_DTYPE_BF16;

// Distinct experts of a token, ascending.
std::vector<int32_t> chosen_experts(uint64_t seed, int token, int experts, int top_experts) {
  Random random(seed, "experts", token);
  std::set<int32_t> chosen;
  while (static_cast<int>(chosen.size()) < top_experts) {
    // Low experts are favoured, so that some have many tokens and some none.
    chosen.insert(std::min(random.below(experts), random.below(experts)));
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace

std::vector<CaseMaker> moe_route_cases() {
  enum class Fill { normal, ties, negative_bias, extreme, huge_bias };
  struct Shape {
    int m, experts, groups, top_groups, top_experts, normalize;
    bool bias;
    Fill fill;
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 1, 1, 1, 1, 1, false, Fill::normal},
      {17, 256, 8, 4, 8, 1, true, Fill::normal},
      {16, 256, 8, 4, 8, 1, true, Fill::negative_bias},
      {16, 256, 8, 4, 8, 1, true, Fill::ties},
      {5, 12, 3, 2, 4, 0, true, Fill::normal},
      {7, 64, 1, 1, 8, 1, false, Fill::ties},
      {5, 64, 1, 1, 6, 1, true, Fill::normal},
      {5, 384, 1, 1, 8, 1, true, Fill::normal},
      {4, 10, 10, 6, 6, 1, true, Fill::normal},
      {3, 1024, 32, 32, 17, 1, true, Fill::normal},
      {6, 100, 4, 1, 25, 0, true, Fill::negative_bias},
      {8, 64, 8, 3, 6, 1, true, Fill::extreme},
      // Sums of two that overflow: groups of -inf, of which some must be kept, and of +inf.
      {5, 64, 8, 4, 32, 1, true, Fill::huge_bias},
      {9, 24, 8, 7, 9, 0, true, Fill::huge_bias},
      {3, 1024, 512, 400, 500, 1, true, Fill::huge_bias},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.m) + "_" + std::to_string(shape.experts) + "e" +
                             std::to_string(shape.groups) + "g_top" + std::to_string(shape.top_groups) + "g" +
                             std::to_string(shape.top_experts) + "e" + (shape.normalize ? "_normalize" : "") +
                             (shape.bias ? "_bias" : "") + "_fill" + std::to_string(static_cast<int>(shape.fill));
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_moe_route_args;
                       Builder<Args> builder(name, HD_OP_MOE_ROUTE);
                       auto& args = builder.args;
                       args.m = count_of(rows);
                       args.experts = shape.experts;
                       args.groups = shape.groups;
                       args.top_groups = shape.top_groups;
                       args.top_experts = shape.top_experts;
                       args.normalize = shape.normalize;
                       args.scale = 2.5f;
                       std::vector<float> logits = normal_rows(41, "logits", rows, shape.experts, shape.experts, 1.5f);
                       for (size_t row = 0; row < rows.size(); ++row) {
                         Random random(41, "fill", rows[row]);
                         for (int e = 0; e < shape.experts; ++e) {
                           float& logit = logits[row * static_cast<size_t>(shape.experts) + static_cast<size_t>(e)];
                           if (shape.fill == Fill::ties) logit = static_cast<float>(random.below(3));
                           if (shape.fill != Fill::extreme) continue;
                           if (random.one_in(9)) logit = std::numeric_limits<float>::infinity();
                           if (random.one_in(9)) logit = -std::numeric_limits<float>::infinity();
                           if (random.one_in(9)) logit *= 100;
                         }
                       }
                       builder.input("logits", &Args::logits, logits, kF);
                       if (shape.bias) {
                         std::vector<float> bias = normals(41, "bias", shape.experts, 0.1f);
                         Random random(41, "bias ties");
                         for (float& value : bias) {
                           if (shape.fill == Fill::ties) value = 0.25f * static_cast<float>(random.below(2));
                           if (shape.fill == Fill::negative_bias) value -= 3.0f;
                           if (shape.fill == Fill::huge_bias) value = random.one_in(9) ? 3e38f : -3e38f;
                         }
                         builder.input("bias", &Args::bias, bias, kF);
                       }
                       const int64_t count = int64_t{args.m} * shape.top_experts;
                       strided_rows(builder.output("ids", &Args::ids, Type::i32, count, kExact), rows.size(),
                                    shape.top_experts, shape.top_experts);
                       strided_rows(builder.output("weights", &Args::weights, Type::f32, count, {2e-6, 1e-7, 1e-9}),
                                    rows.size(), shape.top_experts, shape.top_experts);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> moe_permute_cases() {
  struct Shape {
    int m, k, experts, top_experts, alignment, slack;
    bool mn;
    int32_t dtype = HD_DTYPE_NONE;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 128, 1, 1, 1, 0, false},
                             {17, 256, 12, 4, 1, 0, false},
                             {16, 384, 64, 8, 1, 5, true, HD_DTYPE_F8_E4M3},
                             {9, 128, 5, 2, 4, 0, false},
                             {7, 256, 3, 3, 128, 7, true},
                             {0, 128, 4, 2, 1, 6, false},
                             {40, 128, 256, 8, 1, 0, false},
                             {17, 256, 12, 4, 1, 3, false, kB},
                             {9, 128, 5, 2, 4, 0, false, kF},
                             {7, 384, 3, 3, 128, 7, false, kB},
                             {0, 128, 4, 2, 1, 6, false, kB}}) {
    const bool plain = shape.dtype == kB || shape.dtype == kF;
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.k) + "_" +
                             std::to_string(shape.experts) + "e_top" + std::to_string(shape.top_experts) + "_align" +
                             std::to_string(shape.alignment) + (shape.slack ? "_slack" : "") + (shape.mn ? "_mn" : "") +
                             (shape.dtype == kB   ? "_bf16"
                              : shape.dtype == kF ? "_f32"
                                                  : "");
    cases.push_back(
        {name, shape.m, false, [shape, plain, name](std::span<const int>) {
           using Args = hd_moe_permute_args;
           Builder<Args> builder(name, HD_OP_MOE_PERMUTE);
           auto& args = builder.args;
           args.m = shape.m;
           args.k = shape.k;
           args.experts = shape.experts;
           args.top_experts = shape.top_experts;
           args.alignment = shape.alignment;
           args.x_dtype = shape.dtype;
           std::vector<int32_t> ids;
           std::vector<int> counts(static_cast<size_t>(shape.experts));
           for (int token = 0; token < shape.m; ++token) {
             for (const int32_t expert : chosen_experts(42, token, shape.experts, shape.top_experts)) {
               ids.push_back(expert);
               ++counts[static_cast<size_t>(expert)];
             }
           }
           args.rows = shape.slack;
           for (const int count : counts)
             args.rows += (count + shape.alignment - 1) / shape.alignment * shape.alignment;
           const std::vector<int> tokens = iota(shape.m);
           builder.input("ids", &Args::ids, ids);
           if (plain) {
             builder.input("x", &Args::x, normal_rows(42, "x", tokens, shape.k, shape.k), shape.dtype);
           } else {
             const int64_t blocks = shape.k / HD_SCALE_BLOCK;
             args.x_scale_row_stride = shape.mn ? 1 : blocks + 1;
             args.x_scale_block_stride = shape.mn ? (shape.m + 3) / 4 * 4 : 1;
             args.y_scale_row_stride = shape.mn ? 1 : blocks;
             args.y_scale_block_stride = shape.mn ? (args.rows + 3) / 4 * 4 : 1;
             const auto scales = [&](int64_t rows, int64_t row_stride, int64_t block_stride) {
               return rows == 0 ? 0 : (rows - 1) * row_stride + (blocks - 1) * block_stride + 1;
             };
             builder.input("x", &Args::x, code_rows(42, "x", tokens, shape.k, Codes::any));
             builder.input("x_scale", &Args::x_scale,
                           normals(42, "x_scale", scales(shape.m, args.x_scale_row_stride, args.x_scale_block_stride)),
                           kF);
             builder.output("y_scale", &Args::y_scale, Type::f32,
                            scales(args.rows, args.y_scale_row_stride, args.y_scale_block_stride), kExact);
           }
           builder.output("y", &Args::y, plain ? type_of(shape.dtype) : Type::u8, int64_t{args.rows} * shape.k, kExact);
           builder.output("row_of", &Args::row_of, Type::i32, static_cast<int64_t>(ids.size()), kExact);
           builder.output("grouped_layout", &Args::grouped_layout, Type::i32, args.rows, kExact);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> moe_combine_cases() {
  struct Shape {
    int m, n, top_experts, rows;
    int32_t dtype;
    bool shared;
    bool in_place = false;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 1, 1, kB, false},
                             {17, 200, 8, 40, kB, true},
                             {5, 33, 4, 9, kF, true},
                             {3, 1024, 8, 30, kB, true, true},
                             {16, 70, 2, 70, kF, false}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_top" +
                             std::to_string(shape.top_experts) + "_of" + std::to_string(shape.rows) +
                             (shape.dtype == kF ? "_f32" : "_bf16") + (shape.shared ? "_shared" : "") +
                             (shape.in_place ? "_in_place" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_moe_combine_args;
           Builder<Args> builder(name, HD_OP_MOE_COMBINE);
           auto& args = builder.args;
           args.x_dtype = shape.dtype;
           args.m = count_of(rows);
           args.n = shape.n;
           args.top_experts = shape.top_experts;
           args.rows = shape.rows;
           std::vector<int32_t> row_of;
           for (const int row : rows) {
             Random random(43, "row_of", row);
             for (int slot = 0; slot < shape.top_experts; ++slot) row_of.push_back(random.below(shape.rows));
           }
           builder.input("x", &Args::x, normals(43, "x", int64_t{shape.rows} * shape.n), shape.dtype);
           builder.input("row_of", &Args::row_of, row_of);
           builder.input("weights", &Args::weights,
                         normal_rows(43, "weights", rows, shape.top_experts, shape.top_experts), kF);
           const std::vector<float> shared = normal_rows(43, "shared", rows, shape.n, shape.n);
           const Tolerance tolerance = shape.dtype == kF ? Tolerance{2e-6, 2e-6, 1e-9} : Tolerance{0x1p-7, 1e-5, 1e-5};
           Tensor* y;
           if (shape.in_place) {
             y = &builder.updated("y", &Args::y, shared, shape.dtype, tolerance);
             y->fields.push_back(builder.field(&Args::shared));
           } else {
             if (shape.shared) builder.input("shared", &Args::shared, shared, shape.dtype);
             y = &builder.output("y", &Args::y, type_of(shape.dtype), int64_t{args.m} * shape.n, tolerance);
           }
           strided_rows(*y, rows.size(), shape.n, shape.n);
           return builder.finish();
         }});
  }
  return cases;
}

}  // namespace hadal::tests
