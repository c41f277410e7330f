#include <algorithm>
#include <array>

#include "support/builder.h"

namespace hadal::tests {
namespace {

std::string dtype_name(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? "f32" : "bf16";
}

int64_t blocks_of(int64_t n) {
  return (n + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
}

// Scales [rows, blocks] at any strides; the gaps are NaN.
std::vector<float> activation_scales(uint64_t seed, std::span<const int> row_ids, int64_t blocks, int64_t row_stride,
                                     int64_t block_stride, bool powers_of_two) {
  if (row_ids.empty()) return {};
  const auto last = static_cast<int64_t>(row_ids.size() - 1) * row_stride + (blocks - 1) * block_stride;
  std::vector<float> scales(static_cast<size_t>(last + 1), std::numeric_limits<float>::quiet_NaN());
  for (size_t row = 0; row < row_ids.size(); ++row) {
    Random random(seed, "a_scale", row_ids[row]);
    for (int64_t block = 0; block < blocks; ++block) {
      scales[static_cast<size_t>(static_cast<int64_t>(row) * row_stride + block * block_stride)] =
          powers_of_two ? random.power_of_two(-9, -3) : static_cast<float>(0.002 + 0.1 * random.uniform());
    }
  }
  return scales;
}

std::vector<float> weight_scales(uint64_t seed, int64_t group, int64_t n, int64_t k, bool powers_of_two,
                                 const char* name = "b_scale") {
  Random random(seed, name, group);
  std::vector<float> scales(static_cast<size_t>(blocks_of(n) * blocks_of(k)));
  for (float& scale : scales) {
    scale = powers_of_two ? random.power_of_two(-14, -9) : static_cast<float>(1e-4 + 1e-3 * random.uniform());
  }
  return scales;
}

std::vector<float> times(std::vector<float> scales, float factor) {
  for (float& scale : scales) scale *= factor;
  return scales;
}

struct GemmShape {
  int m, n, k;
  int32_t d_dtype = HD_DTYPE_BF16;
  Codes codes = Codes::normal;
  bool a_pow2 = true;
  int b_pow2 = 0;          // 0: arbitrary; 1: powers of two, and said so; 2: powers of two, unsaid.
  int d_gap = 0;           // d_stride - n
  bool mn_scales = false;  // The MN-major form of the activation's scales.
  bool nan = false;        // A NaN in one row of a and in one row of b.
  int groups = 1;
  bool padded = false;  // Groups of a multiple of 128 rows, as CUDA wants them, some of the rows padding.
  bool apart = false;   // Masked: a gap between the scales of the groups.
  bool up = false;      // A SwiGLU.
  int wide = 0;         // 1: scales of odd rows that no kernel folds into its operands; 2: of all rows, and of b.

  std::string name() const {
    return std::to_string(groups) + "g_" + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + "_" +
           dtype_name(d_dtype) + (a_pow2 ? "_ue8m0" : "_plain") +
           (b_pow2 == 1   ? "_pow2"
            : b_pow2 == 2 ? "_silent_pow2"
                          : "") +
           (codes == Codes::any     ? "_any"
            : codes == Codes::small ? "_small"
            : codes == Codes::whole ? "_whole"
                                    : "") +
           (d_gap != 0 ? "_strided" : "") + (mn_scales ? "_mn" : "") + (nan ? "_nan" : "") + (padded ? "_padded" : "") +
           (apart ? "_apart" : "") + (up ? "_up" : "") +
           (wide == 1   ? "_wide_rows"
            : wide == 2 ? "_wide"
                        : "");
  }

  int64_t row_stride() const { return mn_scales ? 1 : k / HD_SCALE_BLOCK; }
  int64_t block_stride(int64_t rows) const { return mn_scales ? (rows + 3) / 4 * 4 : 1; }
};

std::vector<uint8_t> activation_codes(const GemmShape& shape, uint64_t seed, std::span<const int> row_ids) {
  std::vector<uint8_t> a = code_rows(seed, "a", row_ids, shape.k, shape.codes);
  for (size_t row = 0; shape.nan && row < row_ids.size(); ++row) {
    if (row_ids[row] == 1) a[row * static_cast<size_t>(shape.k) + 77] = 0x7f;
    if (row_ids[row] == 2) a[row * static_cast<size_t>(shape.k) + static_cast<size_t>(shape.k) - 1] = 0xff;
  }
  return a;
}

std::vector<uint8_t> weight_codes(const GemmShape& shape, uint64_t seed, int group, const char* name = "b") {
  const int row[] = {group};
  std::vector<uint8_t> b = code_rows(seed, name, row, static_cast<int64_t>(shape.n) * shape.k, shape.codes);
  if (shape.nan) b[static_cast<size_t>(shape.n / 2) * static_cast<size_t>(shape.k) + 5] = 0xff;
  return b;
}

Tolerance gemm_tolerance(const GemmShape& shape) {
  // Two products, each rounded, may each be an ulp off; that they are those of separate calls, fused_test.cpp tells.
  if (shape.up) return shape.d_dtype == HD_DTYPE_F32 ? Tolerance{1e-4, 1e-4, 1e-7} : Tolerance{0x1p-5, 2e-3, 1e-4};
  return shape.codes == Codes::whole && shape.a_pow2 && shape.b_pow2 != 0 ? kExact : tolerance_of(shape.d_dtype);
}

// The weights of all groups, each at an address of its own, odd on purpose.
template <class Args>
void add_weights(Builder<Args>& builder, const GemmShape& shape, uint64_t seed) {
  const auto add = [&](const std::string& name, auto codes_member, auto scales_member) {
    const std::string scale_name = name + "_scale";
    std::vector<size_t> codes;
    std::vector<size_t> scales;
    for (int group = 0; group < shape.groups; ++group) {
      codes.push_back(builder.loose(name + std::to_string(group),
                                    to_bytes(weight_codes(shape, seed, group, name.c_str())), Type::u8));
      const std::vector<float> values =
          weight_scales(seed, group, shape.n, shape.k, shape.b_pow2 != 0, scale_name.c_str());
      scales.push_back(builder.loose(scale_name + std::to_string(group), to_bytes(values, Type::f32), Type::f32));
    }
    builder.array(codes_member, codes);
    builder.array(scales_member, scales);
  };
  add("b", &Args::b, &Args::b_scale);
  if (shape.up) add("up", &Args::up, &Args::up_scale);
}

template <class Args>
void set_shape(Args& args, const GemmShape& shape, int64_t rows) {
  args.d_dtype = shape.d_dtype;
  args.n = shape.n;
  args.k = shape.k;
  args.a_scale_row_stride = shape.row_stride();
  args.a_scale_block_stride = shape.block_stride(rows);
  args.b_scale_is_pow2 = shape.b_pow2 == 1 ? 1 : 0;
  args.has_up = shape.up ? 1 : 0;
}

// The shapes that every form of the GEMM is tested at: one tile and parts of it, odd n, several blocks of k.
std::vector<GemmShape> gemm_shapes() {
  constexpr int32_t kF = HD_DTYPE_F32;
  constexpr int32_t kB = HD_DTYPE_BF16;
  std::vector<GemmShape> shapes = {
      {1, 1, 128},
      {1, 576, 384, kF, Codes::normal, false},
      {2, 127, 256, kB, Codes::any, true, 1},
      {3, 65, 640, kF, Codes::any, false, 0, 3},
      {4, 129, 1024, kB, Codes::normal, true, 1, 5},
      {5, 96, 256, kF, Codes::small, true, 1},
      {7, 31, 384, kB, Codes::normal, false, 2, 0, true},
      {16, 256, 256, kB, Codes::normal, true, 0, 0, true},
      {17, 200, 512, kB, Codes::normal, false, 0, 1},
      {33, 130, 256, kF, Codes::normal, true, 1, 2, true},
      {70, 96, 384, kB, Codes::normal, true, 1},
      {70, 48, 384, kB, Codes::normal, false},
      {9, 40, 1152, kF, Codes::whole, true, 1},
      {6, 70, 256, kB, Codes::normal, true, 1, 0, false, true},
      {6, 70, 256, kF, Codes::normal, false, 0, 0, false, true},
      {130, 33, 128, kB, Codes::normal, true, 1},
      {3, 1100, 128, kB, Codes::normal, true, 1},
      {72, 21, 4736, kF, Codes::normal, true, 1},
      {72, 21, 4736, kB, Codes::normal, false, 0, 3},
      {24, 3, 100352, kF, Codes::normal, true, 1},
      {18, 150, 2048, kF, Codes::normal, true, 1},
      {18, 70, 2048, kB, Codes::normal, false},
      {12, 70, 2432, kB, Codes::normal, true, 1},
      {12, 40, 2432, kF, Codes::normal, false},
      {600, 20, 128, kB, Codes::normal, true, 1},
  };
  for (GemmShape shape : {
           GemmShape{1, 300, 384, kB, Codes::normal, true, 1},
           GemmShape{2, 130, 256, kB, Codes::any, false},
           GemmShape{3, 65, 256, kF, Codes::normal, true, 1, 3},
           GemmShape{4, 129, 1024, kB, Codes::normal, true, 1, 5},
           GemmShape{9, 100, 384, kB, Codes::normal, false, 0, 1},
           GemmShape{16, 200, 256, kB, Codes::small, true, 1},
           GemmShape{70, 150, 384, kB, Codes::normal, true, 1},
           GemmShape{40, 33, 256, kF, Codes::normal, false},
           GemmShape{6, 70, 256, kB, Codes::normal, true, 1, 0, false, true},
           GemmShape{5, 72, 256, kB, Codes::normal, true, 1, 8, true},
           GemmShape{72, 20, 2432, kB, Codes::normal, false},
           GemmShape{600, 20, 128, kB, Codes::normal, true, 1},
       }) {
    shape.up = true;
    shapes.push_back(shape);
  }
  return shapes;
}

// Of the SwiGLUs above, those that groups are tested at.
bool grouped_up(const GemmShape& shape) {
  return shape.m == 3 || shape.m == 4 || shape.m == 9 || shape.m == 70;
}

// A grouped product in the form that DeepGEMM's kernels take.
GemmShape padded_shape(int m, int groups) {
  GemmShape shape{m, 64, 256};
  shape.b_pow2 = 1;
  shape.mn_scales = true;
  shape.groups = groups;
  shape.padded = true;
  return shape;
}

}  // namespace

std::vector<CaseMaker> fp8_quantize_cases() {
  enum class Fill { normal, wide, zeros, special };
  struct Shape {
    int m, k, gap;
    int32_t dtype, format;
    bool mn;
    Fill fill;
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 128, 0, HD_DTYPE_BF16, HD_SCALE_UE8M0, false, Fill::normal},
      {7, 384, 0, HD_DTYPE_BF16, HD_SCALE_PLAIN, false, Fill::wide},
      {16, 256, 0, HD_DTYPE_F32, HD_SCALE_UE8M0, true, Fill::wide},
      {17, 640, 5, HD_DTYPE_F32, HD_SCALE_PLAIN, true, Fill::wide},
      {5, 1024, 3, HD_DTYPE_BF16, HD_SCALE_UE8M0, true, Fill::wide},
      {3, 256, 0, HD_DTYPE_BF16, HD_SCALE_UE8M0, false, Fill::zeros},
      {3, 256, 0, HD_DTYPE_F32, HD_SCALE_PLAIN, false, Fill::zeros},
      {8, 256, 1, HD_DTYPE_F32, HD_SCALE_PLAIN, false, Fill::special},
      {8, 256, 1, HD_DTYPE_BF16, HD_SCALE_UE8M0, false, Fill::special},
      {65, 128, 0, HD_DTYPE_BF16, HD_SCALE_UE8M0, false, Fill::wide},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.k) + "_" + dtype_name(shape.dtype) +
                             (shape.format == HD_SCALE_UE8M0 ? "_ue8m0" : "_plain") + (shape.gap ? "_strided" : "") +
                             (shape.mn ? "_mn" : "") + "_fill" + std::to_string(static_cast<int>(shape.fill));
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       Builder<hd_fp8_quantize_args> builder(name, HD_OP_FP8_QUANTIZE);
                       auto& args = builder.args;
                       const int64_t blocks = shape.k / HD_SCALE_BLOCK;
                       args.x_dtype = shape.dtype;
                       args.scale_format = shape.format;
                       args.m = count_of(rows);
                       args.k = shape.k;
                       args.x_stride = shape.k + shape.gap;
                       args.scale_row_stride = shape.mn ? 1 : blocks;
                       args.scale_block_stride = shape.mn ? (args.m + 3) / 4 * 4 : 1;
                       std::vector<float> x = normal_rows(11, "x", rows, shape.k, args.x_stride);
                       for (size_t row = 0; row < rows.size(); ++row) {
                         Random random(11, "size", rows[row]);
                         float* begin = &x[row * static_cast<size_t>(args.x_stride)];
                         for (int64_t block = 0; block < blocks; ++block) {
                           const float size = shape.fill == Fill::wide    ? random.power_of_two(-30, 30)
                                              : shape.fill == Fill::zeros ? 0.0f
                                                                          : 1.0f;
                           for (int i = 0; i < HD_SCALE_BLOCK; ++i) begin[block * HD_SCALE_BLOCK + i] *= size;
                         }
                         if (shape.fill != Fill::special) continue;
                         constexpr float kInf = std::numeric_limits<float>::infinity();
                         constexpr float kQuiet = std::numeric_limits<float>::quiet_NaN();
                         switch (rows[row] % 8) {
                           case 0:
                             begin[3] = kQuiet;
                             break;
                           case 1:
                             begin[200] = kInf;
                             break;
                           case 2:
                             begin[100] = -kInf;
                             begin[101] = kQuiet;
                             break;
                           case 3:
                             std::fill_n(begin, HD_SCALE_BLOCK, kQuiet);
                             break;
                           // An amax at and around 1e-4, at which the scale stops falling.
                           case 4:
                             std::fill_n(begin, HD_SCALE_BLOCK, 1e-4f);
                             begin[5] = -0.0f;
                             break;
                           case 5:
                             std::fill_n(begin, HD_SCALE_BLOCK, 9e-5f);
                             begin[6] = -3e-5f;
                             break;
                           // Halfway between codes: with an amax of 448 the plain scale is about 1.
                           case 6:
                             for (int i = 0; i < HD_SCALE_BLOCK; ++i) begin[i] = static_cast<float>(17 + 2 * i) * 0.5f;
                             begin[0] = 448.0f;
                             break;
                           default:
                             begin[0] = 3.0e38f;
                             begin[1] = 1e-40f;
                             begin[130] = 1e-42f;
                             break;
                         }
                       }
                       builder.input("x", &hd_fp8_quantize_args::x, x, shape.dtype);
                       strided_rows(
                           builder.output("q", &hd_fp8_quantize_args::q, Type::u8, int64_t{args.m} * shape.k, kExact),
                           rows.size(), shape.k, shape.k);
                       Tensor& scale = builder.output(
                           "scale", &hd_fp8_quantize_args::scale, Type::f32,
                           (args.m - 1) * args.scale_row_stride + (blocks - 1) * args.scale_block_stride + 1, kExact);
                       strided_scales(scale, args.m, blocks, args.scale_row_stride, args.scale_block_stride);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> fp8_dequantize_cases() {
  struct Shape {
    int n, k;
    int32_t dtype;
    bool pow2;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, HD_DTYPE_F32, false},
                             {130, 257, HD_DTYPE_BF16, false},
                             {64, 128, HD_DTYPE_BF16, true},
                             {129, 300, HD_DTYPE_F32, true}}) {
    const std::string name = std::to_string(shape.n) + "x" + std::to_string(shape.k) + "_" + dtype_name(shape.dtype);
    cases.push_back({name, shape.n, false, [shape, name](std::span<const int>) {
                       Builder<hd_fp8_dequantize_args> builder(name, HD_OP_FP8_DEQUANTIZE);
                       builder.args.y_dtype = shape.dtype;
                       builder.args.n = shape.n;
                       builder.args.k = shape.k;
                       const int row[] = {0};
                       std::vector<uint8_t> q = code_rows(12, "q", row, int64_t{shape.n} * shape.k, Codes::any);
                       for (size_t i = 0; i < std::min<size_t>(q.size(), 256); ++i) q[i] = static_cast<uint8_t>(i);
                       builder.input("q", &hd_fp8_dequantize_args::q, q);
                       builder.input("scale_inv", &hd_fp8_dequantize_args::scale_inv,
                                     weight_scales(12, 0, shape.n, shape.k, shape.pow2), HD_DTYPE_F32);
                       builder.output("y", &hd_fp8_dequantize_args::y, type_of(shape.dtype), int64_t{shape.n} * shape.k,
                                      kExact);
                       return builder.finish();
                     }});
  }
  return cases;
}

// gemm_shapes, and those with scales beyond what kernels fold into their operands.
std::vector<GemmShape> all_gemm_shapes() {
  std::vector<GemmShape> shapes = gemm_shapes();
  for (const int wide : {1, 2}) {
    for (const bool pow2 : {true, false}) {
      GemmShape shape{9, 70, 1152, HD_DTYPE_F32, Codes::normal, pow2, pow2 ? 1 : 0};
      shape.nan = true;
      shape.wide = wide;
      shapes.push_back(shape);
    }
  }
  return shapes;
}

std::vector<CaseMaker> fp8_gemm_cases() {
  std::vector<CaseMaker> cases;
  for (const GemmShape& shape : all_gemm_shapes()) {
    cases.push_back(
        {shape.name(), shape.m, true, [shape](std::span<const int> rows) {
           Builder<hd_fp8_gemm_args> builder(shape.name(), HD_OP_FP8_GEMM);
           auto& args = builder.args;
           set_shape(args, shape, count_of(rows));
           args.m = count_of(rows);
           args.d_stride = shape.n + shape.d_gap;
           builder.input("a", &hd_fp8_gemm_args::a, activation_codes(shape, 13, rows));
           std::vector<float> a_scales = activation_scales(13, rows, shape.k / HD_SCALE_BLOCK, args.a_scale_row_stride,
                                                           args.a_scale_block_stride, shape.a_pow2);
           for (size_t row = 0; row < rows.size(); ++row) {
             if (shape.wide == 0 || (shape.wide == 1 && rows[row] % 2 == 0)) continue;
             for (int64_t block = 0; block < shape.k / HD_SCALE_BLOCK; ++block) {
               a_scales[static_cast<size_t>(static_cast<int64_t>(row) * args.a_scale_row_stride +
                                            block * args.a_scale_block_stride)] *= 0x1p44f;
             }
           }
           builder.input("a_scale", &hd_fp8_gemm_args::a_scale, a_scales, HD_DTYPE_F32);
           builder.input("b", &hd_fp8_gemm_args::b, weight_codes(shape, 13, 0)).offset = 1;
           builder.input(
               "b_scale", &hd_fp8_gemm_args::b_scale,
               times(weight_scales(13, 0, shape.n, shape.k, shape.b_pow2 != 0), shape.wide == 2 ? 0x1p-44f : 1.0f),
               HD_DTYPE_F32);
           if (shape.up) {
             builder.input("up", &hd_fp8_gemm_args::up, weight_codes(shape, 13, 0, "up")).offset = 3;
             builder.input("up_scale", &hd_fp8_gemm_args::up_scale,
                           weight_scales(13, 0, shape.n, shape.k, shape.b_pow2 != 0, "up_scale"), HD_DTYPE_F32);
           }
           strided_rows(builder.output("d", &hd_fp8_gemm_args::d, type_of(shape.d_dtype),
                                       (args.m - 1) * args.d_stride + shape.n, gemm_tolerance(shape)),
                        rows.size(), args.d_stride, shape.n);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> fp8_gemm_multi_cases() {
  struct Shape {
    int m, k;
    std::vector<int> n;
    std::vector<int> b_pow2;  // As in GemmShape.
    int32_t d_dtype = HD_DTYPE_BF16;
    bool a_pow2 = true;
    int d_gap = 0;
    bool mn_scales = true;
  };
  const Shape shapes[] = {
      {1, 256, {300, 40, 128}, {1, 1, 1}},
      {1, 384, {70}, {0}, HD_DTYPE_BF16, false, 0, false},
      {3, 256, {130, 0, 33, 64}, {1, 0, 2, 1}, HD_DTYPE_BF16, true, 3},
      {4, 1024, {200, 129}, {1, 1}},
      {7, 384, {65, 31}, {1, 0}, HD_DTYPE_F32, true, 0, false},
      {18, 256, {96, 576, 8}, {1, 0, 1}},
      {70, 384, {100, 48}, {1, 1}, HD_DTYPE_BF16, true, 5},
      {70, 256, {48, 100}, {0, 0}, HD_DTYPE_BF16, false, 0, false},
      {72, 2432, {21, 40}, {1, 0}},
      {600, 128, {20, 36}, {1, 1}},
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : shapes) {
    std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.k) + "_" + dtype_name(shape.d_dtype) +
                       (shape.a_pow2 ? "_ue8m0" : "_plain") + (shape.d_gap != 0 ? "_strided" : "") +
                       (shape.mn_scales ? "_mn" : "");
    for (const int n : shape.n) name += "_" + std::to_string(n);
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_fp8_gemm_multi_args;
           Builder<Args> builder(name, HD_OP_FP8_GEMM_MULTI);
           auto& args = builder.args;
           const GemmShape of_a{shape.m, 0, shape.k, shape.d_dtype, Codes::normal, shape.a_pow2, 0, 0, shape.mn_scales};
           args.d_dtype = shape.d_dtype;
           args.count = static_cast<int32_t>(shape.n.size());
           args.m = count_of(rows);
           args.k = shape.k;
           args.a_scale_row_stride = of_a.row_stride();
           args.a_scale_block_stride = of_a.block_stride(args.m);
           builder.input("a", &Args::a, activation_codes(of_a, 16, rows));
           builder.input("a_scale", &Args::a_scale,
                         activation_scales(16, rows, shape.k / HD_SCALE_BLOCK, args.a_scale_row_stride,
                                           args.a_scale_block_stride, shape.a_pow2),
                         HD_DTYPE_F32);
           std::vector<size_t> b, b_scale, d;
           std::vector<int32_t> is_pow2;
           std::vector<int64_t> d_stride;
           for (size_t i = 0; i < shape.n.size(); ++i) {
             const std::string number = std::to_string(i);
             const auto group = static_cast<int>(i);
             const GemmShape one{shape.m, shape.n[i], shape.k};
             b.push_back(builder.loose("b" + number, to_bytes(weight_codes(one, 16, group)), Type::u8));
             b_scale.push_back(builder.loose(
                 "b_scale" + number, to_bytes(weight_scales(16, group, one.n, one.k, shape.b_pow2[i] != 0), Type::f32),
                 Type::f32));
             is_pow2.push_back(shape.b_pow2[i] == 1 ? 1 : 0);
             d_stride.push_back(one.n + shape.d_gap);
             d.push_back(builder.loose_output("d" + number, type_of(shape.d_dtype),
                                              one.n == 0 ? 0 : (args.m - 1) * d_stride.back() + one.n,
                                              tolerance_of(shape.d_dtype)));
             strided_rows(builder.tensor(d.back()), rows.size(), d_stride.back(), one.n);
           }
           builder.array(&Args::b, b);
           builder.array(&Args::b_scale, b_scale);
           builder.array(&Args::d, d);
           builder.host_array(&Args::n, shape.n);
           builder.host_array(&Args::b_scale_is_pow2, is_pow2);
           builder.host_array(&Args::d_stride, d_stride);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> fp8_gemm_contiguous_cases() {
  std::vector<CaseMaker> cases;
  std::vector<GemmShape> shapes = gemm_shapes();
  shapes.erase(std::remove_if(shapes.begin(), shapes.end(),
                              [](const GemmShape& s) { return s.n > 500 || (s.up && !grouped_up(s)); }),
               shapes.end());
  for (GemmShape& shape : shapes) {
    shape.groups = 1 + shape.m % 7;
    shape.d_gap = 0;
  }
  shapes.push_back(padded_shape(384, 3));
  shapes.push_back(padded_shape(384, 3));
  shapes.back().up = true;
  GemmShape many{1100, 8, 128};
  many.groups = 540;
  shapes.push_back(many);
  for (const GemmShape& shape : shapes) {
    cases.push_back({shape.name(), shape.m, true, [shape](std::span<const int> rows) {
                       Builder<hd_fp8_gemm_contiguous_args> builder(shape.name(), HD_OP_FP8_GEMM_CONTIGUOUS);
                       auto& args = builder.args;
                       set_shape(args, shape, count_of(rows));
                       args.groups = shape.groups;
                       args.m = count_of(rows);
                       // Rows are handed out to the groups in the order of their ids, unevenly; some are padding.
                       std::vector<int32_t> layout;
                       for (const int row : rows) {
                         if (shape.padded) {
                           layout.push_back(row % 128 < 100 - row / 128 * 30 ? row / 128 : -1);
                           continue;
                         }
                         const int group = std::min(shape.groups - 1, row * (shape.groups + 1) / std::max(shape.m, 1));
                         layout.push_back(row % 5 == 3 ? -1 : group);
                       }
                       builder.input("a", &hd_fp8_gemm_contiguous_args::a, activation_codes(shape, 14, rows));
                       builder.input("a_scale", &hd_fp8_gemm_contiguous_args::a_scale,
                                     activation_scales(14, rows, shape.k / HD_SCALE_BLOCK, args.a_scale_row_stride,
                                                       args.a_scale_block_stride, shape.a_pow2),
                                     HD_DTYPE_F32);
                       add_weights(builder, shape, 14);
                       builder.input("grouped_layout", &hd_fp8_gemm_contiguous_args::grouped_layout, layout);
                       strided_rows(builder.output("d", &hd_fp8_gemm_contiguous_args::d, type_of(shape.d_dtype),
                                                   int64_t{args.m} * shape.n, gemm_tolerance(shape)),
                                    rows.size(), shape.n, shape.n);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> fp8_gemm_masked_cases() {
  std::vector<CaseMaker> cases;
  std::vector<GemmShape> shapes = gemm_shapes();
  shapes.erase(std::remove_if(shapes.begin(), shapes.end(),
                              [](const GemmShape& s) { return s.m > 40 || s.n > 200 || (s.up && !grouped_up(s)); }),
               shapes.end());
  for (GemmShape& shape : shapes) {
    shape.groups = 1 + shape.m % 4;
    shape.d_gap = 0;
  }
  shapes.push_back(padded_shape(128, 4));
  shapes.push_back(padded_shape(128, 4));
  shapes.back().apart = true;
  shapes.push_back(padded_shape(128, 4));
  shapes.back().up = true;
  for (const GemmShape& shape : shapes) {
    cases.push_back(
        {shape.name(), shape.m, true, [shape](std::span<const int> rows) {
           // Row i of the case is row i of every group.
           Builder<hd_fp8_gemm_masked_args> builder(shape.name(), HD_OP_FP8_GEMM_MASKED);
           auto& args = builder.args;
           const auto m_max = static_cast<int64_t>(rows.size());
           set_shape(args, shape, m_max);
           args.groups = shape.groups;
           args.m_max = count_of(rows);
           const int64_t blocks = shape.k / HD_SCALE_BLOCK;
           const int64_t last = (m_max - 1) * args.a_scale_row_stride + (blocks - 1) * args.a_scale_block_stride;
           args.a_scale_group_stride = shape.padded && !shape.apart ? blocks * args.a_scale_block_stride : last + 5;
           std::vector<uint8_t> a;
           std::vector<float> scales(static_cast<size_t>((shape.groups - 1) * args.a_scale_group_stride + last + 1),
                                     std::numeric_limits<float>::quiet_NaN());
           std::vector<int32_t> masked_m;
           for (int group = 0; group < shape.groups; ++group) {
             const auto seed = static_cast<uint64_t>(1500 + group);
             const std::vector<uint8_t> codes = activation_codes(shape, seed, rows);
             a.insert(a.end(), codes.begin(), codes.end());
             const std::vector<float> one = activation_scales(seed, rows, blocks, args.a_scale_row_stride,
                                                              args.a_scale_block_stride, shape.a_pow2);
             std::copy(one.begin(), one.end(), scales.begin() + group * args.a_scale_group_stride);
             // A group keeps a prefix of its rows: those with an id below a limit of the group's own.
             const int limit = group == 1 ? 0 : shape.m - group;
             masked_m.push_back(
                 static_cast<int32_t>(std::count_if(rows.begin(), rows.end(), [&](int row) { return row < limit; })));
           }
           builder.input("a", &hd_fp8_gemm_masked_args::a, a);
           builder.input("a_scale", &hd_fp8_gemm_masked_args::a_scale, scales, HD_DTYPE_F32);
           add_weights(builder, shape, 15);
           builder.input("masked_m", &hd_fp8_gemm_masked_args::masked_m, masked_m);
           Tensor& d = builder.output("d", &hd_fp8_gemm_masked_args::d, type_of(shape.d_dtype),
                                      shape.groups * m_max * shape.n, gemm_tolerance(shape));
           const size_t row_bytes = static_cast<size_t>(shape.n) * size_of(d.type);
           for (size_t row = 0; row < rows.size(); ++row) {
             auto& slices = d.rows.emplace_back();
             for (int group = 0; group < shape.groups; ++group) {
               slices.push_back({(static_cast<size_t>(group) * rows.size() + row) * row_bytes, row_bytes});
             }
           }
           return builder.finish();
         }});
  }
  return cases;
}

}  // namespace hadal::tests
