#include <algorithm>

#include "support/builder.h"

namespace hadal::tests {
namespace {

constexpr int32_t kF = HD_DTYPE_F32;
constexpr int32_t kB = HD_DTYPE_BF16;
constexpr int32_t k8 = HD_DTYPE_F8_E4M3;

std::string dtype_name(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? "f32" : dtype == HD_DTYPE_BF16 ? "bf16" : "e4m3";
}

// Elementwise results: one rounding of the type, and a few units of f32 before it.
constexpr Tolerance elementwise(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? Tolerance{2e-6, 2e-6, 1e-9} : Tolerance{0x1p-7, 1e-5, 1e-5};
}

}  // namespace

std::vector<CaseMaker> gemm_cases() {
  struct Shape {
    int batch, m, n, k;
    int32_t a, b, d;
    int kn = 0;
    bool interleaved = false;  // Rows of the batches interleave, as heads do.
    int gap = 0;
    bool shared_b = false;
    bool nan = false;
    enum { any, pow2, far_pow2 } scales = any;  // Of e4m3.
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 1, 1, 1, kB, kB, kB},
      {1, 1, 1000, 64, kF, kB, kF},
      {1, 2, 33, 17, kF, kF, kF},
      {1, 5, 64, 200, kB, kB, kF, 0, false, 3},
      {1, 16, 48, 512, kB, kB, kB},
      {1, 17, 100, 513, kB, kB, kB, 0, false, 1},
      {1, 34, 31, 1030, kB, kB, kF},
      {1, 7, 40, 96, kB, kB, kB, 1, false, 2},
      {1, 33, 129, 70, kF, kF, kF, 1},
      {4, 1, 128, 512, kB, kB, kB, 0, true},
      {4, 3, 512, 128, kB, kB, kB, 1, true},
      {3, 18, 65, 40, kF, kF, kF, 0, true, 5},
      {3, 5, 24, 130, kB, kB, kF, 1, false, 0, true},
      {2, 9, 20, 0, kB, kB, kB},
      {1, 6, 50, 130, kB, kB, kB, 0, false, 0, false, true},
      {1, 3, 40, 48, kB, kF, kF},
      {1, 70, 80, 256, kB, kB, kB},
      {520, 1, 8, 64, kB, kB, kB},
      {1, 50, 22, 4500, kB, kB, kF},
      {1, 50, 22, 4500, kF, kB, kB},
      {4, 1, 128, 512, kB, k8, kB, 0, true, 0, false, false, Shape::pow2},
      {4, 1, 512, 128, kB, k8, kB, 1, true, 0, false, false, Shape::pow2},
      {3, 26, 200, 256, kB, k8, kF, 0, true, 5, false, false, Shape::pow2},
      {1, 12, 24, 2432, kB, k8, kB, 0, false, 0, false, false, Shape::pow2},
      {2, 9, 320, 254, kB, k8, kF, 1, true, 0, false, false, Shape::pow2},
      {1, 1, 704, 300, kB, k8, kB, 1, false, 0, false, true, Shape::pow2},
      {2, 2, 130, 384, kB, k8, kB, 0, false, 0, true, true, Shape::pow2},
      {1, 5, 90, 129, kB, k8, kB, 1, false, 2, false, false, Shape::pow2},
      {1, 3, 140, 256, kB, k8, kB, 0, false, 0, false, false, Shape::far_pow2},
      {2, 4, 128, 200, kB, k8, kB, 0, true, 0, false, false, Shape::any},
      {1, 3, 40, 140, kF, k8, kF, 1, false, 0, false, false, Shape::any},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.batch) + "b_" + std::to_string(shape.m) + "x" +
                             std::to_string(shape.n) + "x" + std::to_string(shape.k) + "_" + dtype_name(shape.a) +
                             dtype_name(shape.b) + dtype_name(shape.d) + (shape.kn ? "_kn" : "_nk") +
                             (shape.interleaved ? "_interleaved" : "") + (shape.gap ? "_strided" : "") +
                             (shape.shared_b ? "_shared" : "") + (shape.nan ? "_nan" : "") +
                             (shape.scales == Shape::pow2       ? "_pow2"
                              : shape.scales == Shape::far_pow2 ? "_far"
                                                                : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           Builder<hd_gemm_args> builder(name, HD_OP_GEMM);
           auto& args = builder.args;
           args.a_dtype = shape.a;
           args.b_dtype = shape.b;
           args.d_dtype = shape.d;
           args.b_is_kn = shape.kn;
           args.batch = shape.batch;
           args.m = count_of(rows);
           args.n = shape.n;
           args.k = shape.k;
           const int64_t m = args.m;
           const auto strides = [&](int64_t width, int64_t& stride, int64_t& batch_stride) {
             const int64_t row = width + shape.gap;
             stride = shape.interleaved ? row * shape.batch : row;
             batch_stride = shape.interleaved ? row : row * m;
             return (shape.batch - 1) * batch_stride + (m - 1) * stride + width;
           };
           std::vector<float> a(
               static_cast<size_t>(std::max<int64_t>(0, strides(shape.k, args.a_stride, args.a_batch_stride))),
               std::numeric_limits<float>::quiet_NaN());
           for (int batch = 0; batch < shape.batch; ++batch) {
             for (int64_t row = 0; row < m; ++row) {
               Random random(21, "a", batch * 1000 + rows[static_cast<size_t>(row)]);
               for (int64_t i = 0; i < shape.k; ++i) {
                 a[static_cast<size_t>(batch * args.a_batch_stride + row * args.a_stride + i)] = random.normal();
               }
               if (shape.nan && rows[static_cast<size_t>(row)] == 1)
                 a[static_cast<size_t>(row * args.a_stride + 7)] = NAN;
             }
           }
           const int64_t b_rows = shape.kn ? shape.k : shape.n;
           const int64_t b_columns = shape.kn ? shape.n : shape.k;
           args.b_stride = b_columns + shape.gap;
           args.b_batch_stride = shape.shared_b ? 0 : b_rows * args.b_stride;
           const int batches = shape.shared_b ? 1 : shape.batch;
           builder.input("a", &hd_gemm_args::a, a, shape.a);
           if (shape.b == k8) {
             Random random(22, "b");
             std::vector<uint8_t> b(static_cast<size_t>(batches * b_rows * args.b_stride));
             for (size_t i = 0; i < b.size(); ++i) {
               const bool inside = static_cast<int64_t>(i) % args.b_stride < b_columns;
               b[i] = static_cast<uint8_t>(inside ? random.below(127) + 128 * random.below(2) : 0x7f);
             }
             if (shape.nan) b[static_cast<size_t>(3 * args.b_stride + 100)] = 0xff;
             builder.input("b", &hd_gemm_args::b, b).offset = 1;
             args.b_scale_is_pow2 = shape.scales == Shape::any ? 0 : 1;
             args.b_scale_stride = (b_columns + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
             args.b_scale_batch_stride =
                 shape.shared_b ? 0 : (b_rows + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK * args.b_scale_stride;
             std::vector<float> scales(
                 static_cast<size_t>(batches * ((b_rows + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK) * args.b_scale_stride));
             for (float& scale : scales) {
               scale = shape.scales == Shape::any    ? static_cast<float>(1e-4 + 1e-3 * random.uniform())
                       : shape.scales == Shape::pow2 ? random.power_of_two(-14, -9)
                                                     : random.power_of_two(-45, -40);
             }
             builder.input("b_scale", &hd_gemm_args::b_scale, scales, kF);
           } else {
             std::vector<float> b = normals(22, "b", batches * b_rows * args.b_stride);
             for (size_t i = 0; i < b.size(); ++i) {
               if (static_cast<int64_t>(i) % args.b_stride >= b_columns) b[i] = NAN;
             }
             if (shape.nan) b[static_cast<size_t>(3 * args.b_stride + 100)] = std::numeric_limits<float>::infinity();
             builder.input("b", &hd_gemm_args::b, b, shape.b).offset = 1;
           }
           Tensor& d = builder.output("d", &hd_gemm_args::d, type_of(shape.d),
                                      strides(shape.n, args.d_stride, args.d_batch_stride), tolerance_of(shape.d));
           const size_t element = size_of(d.type);
           for (int64_t row = 0; row < m; ++row) {
             auto& slices = d.rows.emplace_back();
             for (int batch = 0; batch < shape.batch; ++batch) {
               slices.push_back({static_cast<size_t>(batch * args.d_batch_stride + row * args.d_stride) * element,
                                 static_cast<size_t>(shape.n) * element});
             }
           }
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> gemm_contiguous_cases() {
  struct Shape {
    int m, n, k, groups;
    int32_t a, b, d;
    bool nan = false;
    bool padded = false;  // Groups of a multiple of 128 rows, as CUDA wants them, some of the rows padding.
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {4, 129, 96, 5, kB, kB, kB},
      {1, 33, 1, 2, kB, kB, kF},
      {1, 1000, 64, 1, kF, kB, kB},
      {3, 40, 17, 9, kF, kF, kF},
      {6, 50, 130, 4, kB, kB, kB, true},
      {16, 48, 512, 3, kB, kB, kB},
      {17, 33, 513, 6, kB, kB, kF},
      {18, 65, 40, 2, kF, kB, kF},
      {26, 10, 4500, 2, kB, kB, kB},
      {50, 9, 1030, 7, kF, kB, kB},
      {9, 24, 70, 3, kB, kF, kB},
      {70, 80, 256, 1, kB, kB, kB},
      {384, 64, 256, 3, kB, kB, kB, false, true},
      {600, 20, 130, 5, kB, kB, kB},
      {1100, 5, 12, 540, kB, kB, kB},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.groups) + "g_" + std::to_string(shape.m) + "x" +
                             std::to_string(shape.n) + "x" + std::to_string(shape.k) + "_" + dtype_name(shape.a) +
                             dtype_name(shape.b) + dtype_name(shape.d) + (shape.nan ? "_nan" : "") +
                             (shape.padded ? "_padded" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_gemm_contiguous_args;
                       Builder<Args> builder(name, HD_OP_GEMM_CONTIGUOUS);
                       auto& args = builder.args;
                       args.a_dtype = shape.a;
                       args.b_format = shape.b;
                       args.d_dtype = shape.d;
                       args.groups = shape.groups;
                       args.m = count_of(rows);
                       args.n = shape.n;
                       args.k = shape.k;
                       // Rows are handed out to the groups in the order of their ids, unevenly; some are padding.
                       std::vector<int32_t> layout;
                       for (const int row : rows) {
                         if (shape.padded) {
                           layout.push_back(row % 128 < 100 - row / 128 * 30 ? row / 128 : -1);
                           continue;
                         }
                         const int group = std::min(shape.groups - 1, row * (shape.groups + 1) / shape.m);
                         layout.push_back(row % 5 == 3 ? -1 : group);
                       }
                       std::vector<float> a = normal_rows(27, "a", rows, shape.k, shape.k);
                       for (size_t row = 0; row < rows.size(); ++row) {
                         if (shape.nan && rows[row] == 1) a[row * static_cast<size_t>(shape.k) + 7] = NAN;
                       }
                       builder.input("a", &Args::a, a, shape.a);
                       std::vector<size_t> b;
                       for (int group = 0; group < shape.groups; ++group) {
                         const int ids[] = {group};
                         const int64_t size = int64_t{shape.n} * shape.k;
                         std::vector<float> weight = normal_rows(28, "b", ids, size, size);
                         if (shape.nan && group == 2) weight[3 * static_cast<size_t>(shape.k) + 100] = INFINITY;
                         b.push_back(builder.loose("b" + std::to_string(group), to_bytes(weight, type_of(shape.b)),
                                                   type_of(shape.b)));
                         builder.tensor(b.back()).offset = static_cast<size_t>(1 + group % 3);
                       }
                       builder.array(&Args::b, b);
                       builder.input("grouped_layout", &Args::grouped_layout, layout);
                       strided_rows(builder.output("d", &Args::d, type_of(shape.d), int64_t{args.m} * shape.n,
                                                   tolerance_of(shape.d)),
                                    rows.size(), shape.n, shape.n);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> rms_norm_cases() {
  struct Shape {
    int m, n;
    int32_t x, weight;
    bool residual;
    int x_gap = 0, y_gap = 0;
    bool in_place = false;
    float size = 1.0f;
    bool special = false;
    enum { none, beside_y, alone } quantized = none;
    int32_t format = HD_SCALE_UE8M0;
    bool mn_scales = true;
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 1, kB, kB, false},
      {1, 512, kB, kF, true},
      {3, 256, kF, kF, true},
      {5, 1000, kB, kB, true, 3, 1},
      {4, 33, kF, kB, false, 0, 7},
      {16, 1536, kB, kF, false, 0, 0, true},
      {17, 100, kB, kB, true, 2, 2, true},
      {2, 7168, kB, kF, true},
      {6, 70, kB, kF, true, 0, 0, false, 1e-4f},
      {6, 70, kF, kF, false, 0, 0, false, 1e8f},
      {6, 200, kB, kF, true, 0, 0, false, 1.0f, true},
      {6, 200, kF, kF, false, 0, 0, false, 1.0f, true},
      {5, 1024, kB, kB, true, 0, 0, false, 1.0f, false, Shape::beside_y},
      {3, 256, kF, kF, true, 1, 2, false, 1.0f, false, Shape::beside_y},
      {3, 1536, kB, kF, false, 3, 1, false, 1.0f, false, Shape::beside_y, HD_SCALE_PLAIN, false},
      {9, 768, kB, kF, false, 0, 0, false, 1.0f, false, Shape::alone},
      {4, 256, kF, kF, true, 0, 0, true, 1.0f, false, Shape::beside_y, HD_SCALE_PLAIN},
      {6, 256, kF, kF, true, 0, 0, false, 1.0f, true, Shape::alone, HD_SCALE_UE8M0, false},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_" + dtype_name(shape.x) +
                             (shape.quantized == Shape::none    ? ""
                              : shape.quantized == Shape::alone ? "_only_q"
                                                                : "_q") +
                             (shape.quantized != Shape::none && shape.format == HD_SCALE_PLAIN ? "_plain" : "") + "_w" +
                             dtype_name(shape.weight) + (shape.residual ? "_residual" : "") +
                             (shape.x_gap || shape.y_gap ? "_strided" : "") + (shape.in_place ? "_in_place" : "") +
                             (shape.special ? "_special" : "") + (shape.size != 1 ? "_scaled" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_rms_norm_args;
           Builder<Args> builder(name, HD_OP_RMS_NORM);
           auto& args = builder.args;
           args.x_dtype = shape.x;
           args.weight_dtype = shape.weight;
           args.m = count_of(rows);
           args.n = shape.n;
           args.epsilon = 1e-6f;
           args.x_stride = shape.n + shape.x_gap;
           args.y_stride = shape.n + shape.y_gap;
           std::vector<float> x = normal_rows(31, "x", rows, shape.n, args.x_stride, shape.size);
           for (size_t row = 0; shape.special && row < rows.size(); ++row) {
             float* begin = &x[row * static_cast<size_t>(args.x_stride)];
             if (rows[row] == 1) begin[shape.n - 1] = NAN;
             if (rows[row] == 2) begin[0] = std::numeric_limits<float>::infinity();
             if (rows[row] == 3) std::fill_n(begin, shape.n, 0.0f);
             if (rows[row] == 4) std::fill_n(begin, shape.n, -2e19f);
           }
           std::vector<float> weight = normals(31, "weight", shape.n);
           builder.input("weight", &Args::weight, weight, shape.weight).offset = 1;
           const auto mark_rows = [&](Tensor& tensor, int64_t stride) {
             strided_rows(tensor, rows.size(), stride, shape.n);
           };
           if (shape.residual) {
             mark_rows(
                 builder.updated("residual", &Args::residual,
                                 normal_rows(31, "residual", rows, shape.n, shape.n, shape.size), shape.x, kExact),
                 shape.n);
           }
           if (shape.in_place) {
             Tensor& y = builder.updated("y", &Args::y, x, shape.x, elementwise(shape.x));
             y.fields.push_back(builder.field(&Args::x));
             mark_rows(y, args.y_stride);
           } else {
             builder.input("x", &Args::x, x, shape.x);
             if (shape.quantized != Shape::alone) {
               mark_rows(builder.output("y", &Args::y, type_of(shape.x), (args.m - 1) * args.y_stride + shape.n,
                                        elementwise(shape.x)),
                         args.y_stride);
             }
           }
           if (shape.quantized != Shape::none) {
             const int64_t blocks = shape.n / HD_SCALE_BLOCK;
             args.q_scale_format = shape.format;
             args.q_scale_row_stride = shape.mn_scales ? 1 : blocks;
             args.q_scale_block_stride = shape.mn_scales ? (args.m + 3) / 4 * 4 : 1;
             // Another rounding of y may make another code of it, a neighbour.
             mark_rows(builder.output("q", &Args::q, Type::u8, int64_t{args.m} * shape.n, {0, 0.012, 1e-3}), shape.n);
             Tensor& scale =
                 builder.output("q_scale", &Args::q_scale, Type::f32,
                                (args.m - 1) * args.q_scale_row_stride + (blocks - 1) * args.q_scale_block_stride + 1,
                                elementwise(shape.x));
             strided_scales(scale, args.m, blocks, args.q_scale_row_stride, args.q_scale_block_stride);
           }
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> layer_norm_cases() {
  struct Shape {
    int m, n;
    int32_t x, weight;
    int x_gap = 0, y_gap = 0;
    bool in_place = false;
    bool special = false;
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 1, kF, kF},
      {1, 128, kB, kB},
      {3, 128, kF, kF, 5, 0},
      {17, 128, kB, kF, 0, 3},
      {5, 131, kB, kB, 1, 1},
      {16, 128, kB, kF, 0, 0, true},
      {6, 128, kB, kF, 0, 0, false, true},
      {6, 77, kF, kF, 0, 0, false, true},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_" + dtype_name(shape.x) +
                             "_w" + dtype_name(shape.weight) + (shape.x_gap || shape.y_gap ? "_strided" : "") +
                             (shape.in_place ? "_in_place" : "") + (shape.special ? "_special" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_layer_norm_args;
                       Builder<Args> builder(name, HD_OP_LAYER_NORM);
                       auto& args = builder.args;
                       args.x_dtype = shape.x;
                       args.weight_dtype = shape.weight;
                       args.m = count_of(rows);
                       args.n = shape.n;
                       args.epsilon = 1e-6f;
                       args.x_stride = shape.n + shape.x_gap;
                       args.y_stride = shape.n + shape.y_gap;
                       std::vector<float> x = normal_rows(32, "x", rows, shape.n, args.x_stride);
                       for (size_t row = 0; row < rows.size(); ++row) {
                         // A mean apart from zero, so that a norm without it shows.
                         float* begin = &x[row * static_cast<size_t>(args.x_stride)];
                         for (int i = 0; i < shape.n; ++i) begin[i] += 0.5f * static_cast<float>(rows[row] % 5);
                         if (shape.special && rows[row] == 1) begin[shape.n - 1] = NAN;
                         if (shape.special && rows[row] == 2) begin[0] = std::numeric_limits<float>::infinity();
                         if (shape.special && rows[row] == 3) std::fill_n(begin, shape.n, 3.0f);
                       }
                       builder.input("weight", &Args::weight, normals(32, "weight", shape.n), shape.weight).offset = 1;
                       builder.input("bias", &Args::bias, normals(32, "bias", shape.n), shape.weight).offset = 3;
                       if (shape.in_place) {
                         Tensor& y = builder.updated("y", &Args::y, x, shape.x, elementwise(shape.x));
                         y.fields.push_back(builder.field(&Args::x));
                         strided_rows(y, rows.size(), args.y_stride, shape.n);
                       } else {
                         builder.input("x", &Args::x, x, shape.x);
                         strided_rows(builder.output("y", &Args::y, type_of(shape.x),
                                                     (args.m - 1) * args.y_stride + shape.n, elementwise(shape.x)),
                                      rows.size(), args.y_stride, shape.n);
                       }
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> rope_table_cases() {
  std::vector<CaseMaker> cases;
  for (const auto& [positions, half] : {std::pair{1, 1}, {300, 32}, {37, 5}, {5000, 32}}) {
    const std::string name = std::to_string(positions) + "x" + std::to_string(half);
    cases.push_back({name, positions, false, [=](std::span<const int>) {
                       Builder<hd_rope_table_args> builder(name, HD_OP_ROPE_TABLE);
                       builder.args.positions = positions;
                       builder.args.half = half;
                       std::vector<float> frequency;
                       for (int i = 0; i < half; ++i) {
                         frequency.push_back(static_cast<float>(std::pow(10000.0, -static_cast<double>(i) / half)));
                       }
                       builder.input("inverse_frequency", &hd_rope_table_args::inverse_frequency, frequency, kF);
                       builder.output("table", &hd_rope_table_args::table, Type::f32, int64_t{positions} * 2 * half,
                                      {6e-8, 1e-12, 1e-9});
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> rope_cases() {
  struct Shape {
    int m, heads, dim;
    int32_t dtype, layout;
    int gap = 0;  // Between heads: the part that is not turned.
    bool in_place = false;
  };
  std::vector<CaseMaker> cases;
  const Shape shapes[] = {
      {1, 1, 2, kF, HD_ROPE_INTERLEAVED},        {1, 1, 64, kB, HD_ROPE_INTERLEAVED},
      {3, 16, 64, kB, HD_ROPE_INTERLEAVED, 128}, {17, 3, 64, kB, HD_ROPE_HALVES, 64},
      {5, 2, 64, kF, HD_ROPE_HALVES, 0},         {16, 4, 64, kB, HD_ROPE_INTERLEAVED, 128, true},
      {7, 2, 64, kB, HD_ROPE_HALVES, 64, true},  {4, 3, 10, kF, HD_ROPE_INTERLEAVED, 1},
      {4, 3, 6, kB, HD_ROPE_HALVES, 3},          {6, 2, 34, kB, HD_ROPE_INTERLEAVED, 0, true},
      {5, 4, 64, kB, HD_ROPE_INTERLEAVED, 64},
  };
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "x" +
                             std::to_string(shape.dim) + "_" + dtype_name(shape.dtype) +
                             (shape.layout == HD_ROPE_HALVES ? "_halves" : "_interleaved") +
                             (shape.gap ? "_strided" : "") + (shape.in_place ? "_in_place" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_rope_args;
           Builder<Args> builder(name, HD_OP_ROPE);
           auto& args = builder.args;
           constexpr int kPositions = 100;
           args.x_dtype = shape.dtype;
           args.layout = shape.layout;
           args.m = count_of(rows);
           args.heads = shape.heads;
           args.dim = shape.dim;
           args.table_positions = kPositions;
           args.x_head_stride = shape.dim + shape.gap;
           args.x_stride = shape.heads * args.x_head_stride + shape.gap;
           args.y_head_stride = shape.in_place ? args.x_head_stride : shape.dim + shape.gap / 2;
           args.y_stride = shape.in_place ? args.x_stride : shape.heads * args.y_head_stride;
           const int64_t x_width = (shape.heads - 1) * args.x_head_stride + shape.dim;
           const int64_t y_width = (shape.heads - 1) * args.y_head_stride + shape.dim;
           std::vector<float> x = normal_rows(33, "x", rows, x_width, args.x_stride);
           std::vector<float> table;
           for (int position = 0; position < kPositions; ++position) {
             for (int part = 0; part < 2; ++part) {
               for (int i = 0; i < shape.dim / 2; ++i) {
                 const double angle = position * std::pow(100.0, -2.0 * i / shape.dim);
                 table.push_back(static_cast<float>(part == 0 ? std::cos(angle) : std::sin(angle)));
               }
             }
           }
           std::vector<int32_t> positions;
           for (const int row : rows) positions.push_back(row * 37 % kPositions);
           builder.input("positions", &Args::positions, positions);
           builder.input("table", &Args::table, table, kF);
           // A pair's sum may cancel, so the error is told beside the size of x.
           const Tolerance tolerance = shape.dtype == kF ? Tolerance{1e-6, 1e-6, 1e-9} : Tolerance{0x1p-7, 1e-5, 1e-5};
           Tensor* y;
           if (shape.in_place) {
             y = &builder.updated("y", &Args::y, x, shape.dtype, tolerance);
             y->fields.push_back(builder.field(&Args::x));
           } else {
             builder.input("x", &Args::x, x, shape.dtype);
             y = &builder.output("y", &Args::y, type_of(shape.dtype), (args.m - 1) * args.y_stride + y_width,
                                 tolerance);
           }
           strided_rows(*y, rows.size(), args.y_stride, y_width);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> hadamard_cases() {
  std::vector<CaseMaker> cases;
  struct Shape {
    int m, n;
    int32_t dtype;
    bool in_place = false;
  };
  for (const Shape& shape : {Shape{1, 2, kF},
                             {4, 128, kB},
                             {17, 128, kB, true},
                             {3, 128, kF},
                             {2, 1024, kB},
                             {5, 16, kF, true},
                             {6, 8, kB},
                             {3, 64, kB},
                             {3, 256, kF}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_" + dtype_name(shape.dtype) +
                             (shape.in_place ? "_in_place" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_hadamard_args;
                       Builder<Args> builder(name, HD_OP_HADAMARD);
                       builder.args.x_dtype = shape.dtype;
                       builder.args.m = count_of(rows);
                       builder.args.n = shape.n;
                       const std::vector<float> x = normal_rows(34, "x", rows, shape.n, shape.n);
                       Tensor* y;
                       if (shape.in_place) {
                         y = &builder.updated("y", &Args::y, x, shape.dtype, elementwise(shape.dtype));
                         y->fields.push_back(builder.field(&Args::x));
                       } else {
                         builder.input("x", &Args::x, x, shape.dtype);
                         y = &builder.output("y", &Args::y, type_of(shape.dtype), static_cast<int64_t>(x.size()),
                                             elementwise(shape.dtype));
                       }
                       strided_rows(*y, rows.size(), shape.n, shape.n);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> embedding_cases() {
  std::vector<CaseMaker> cases;
  struct Shape {
    int m, n, rows;
    int32_t table, y;
  };
  for (const Shape& shape : {Shape{1, 1, 1, kB, kB},
                             {5, 1000, 7, kB, kB},
                             {17, 33, 300, kB, kF},
                             {6, 129, 40, kF, kB},
                             {3, 64, 9, kF, kF}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_of_" +
                             std::to_string(shape.rows) + "_" + dtype_name(shape.table) + dtype_name(shape.y);
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_embedding_args;
                       Builder<Args> builder(name, HD_OP_EMBEDDING);
                       builder.args.table_dtype = shape.table;
                       builder.args.y_dtype = shape.y;
                       builder.args.m = count_of(rows);
                       builder.args.n = shape.n;
                       builder.args.rows = shape.rows;
                       std::vector<int32_t> ids;
                       for (const int row : rows) ids.push_back(row * 13 % shape.rows);
                       std::vector<float> table = normals(35, "table", int64_t{shape.rows} * shape.n);
                       table[0] = std::numeric_limits<float>::infinity();
                       if (table.size() > 1) table[1] = -0.0f;
                       builder.input("ids", &Args::ids, ids);
                       builder.input("table", &Args::table, table, shape.table).offset = 1;
                       strided_rows(
                           builder.output("y", &Args::y, type_of(shape.y), int64_t{count_of(rows)} * shape.n, kExact),
                           rows.size(), shape.n, shape.n);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> silu_mul_cases() {
  std::vector<CaseMaker> cases;
  struct Shape {
    int m, n;
    int32_t dtype;
    int gap = 0;
    int in_place = 0;  // 1: y is gate. 2: y is up.
    bool special = false;
  };
  for (const Shape& shape : {Shape{1, 1, kB},
                             {3, 100, kB, 100},
                             {17, 64, kB, 0, 1},
                             {5, 33, kF, 7},
                             {2, 2048, kB},
                             {4, 70, kF, 0, 2},
                             {2, 40, kB, 0, 0, true},
                             {2, 40, kF, 0, 0, true}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.n) + "_" + dtype_name(shape.dtype) +
                             (shape.gap ? "_strided" : "") +
                             (shape.in_place ? "_in_place" + std::to_string(shape.in_place) : "") +
                             (shape.special ? "_special" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_silu_mul_args;
                       Builder<Args> builder(name, HD_OP_SILU_MUL);
                       builder.args.x_dtype = shape.dtype;
                       builder.args.m = count_of(rows);
                       builder.args.n = shape.n;
                       builder.args.gate_stride = shape.n + shape.gap;
                       builder.args.up_stride = shape.n + (shape.gap + 1) / 2;
                       std::vector<float> gate = normal_rows(36, "gate", rows, shape.n, builder.args.gate_stride, 3.0f);
                       std::vector<float> up = normal_rows(36, "up", rows, shape.n, builder.args.up_stride, 2.0f);
                       if (shape.special && rows[0] == 0) {
                         // Where exp overflows silu goes to 0 or to its argument.
                         const float special[] = {0.0f,
                                                  -0.0f,
                                                  87.0f,
                                                  -87.0f,
                                                  88.8f,
                                                  -88.8f,
                                                  200.0f,
                                                  -200.0f,
                                                  -104.0f,
                                                  1e30f,
                                                  -1e30f,
                                                  NAN,
                                                  std::numeric_limits<float>::infinity()};
                         std::copy(std::begin(special), std::end(special), gate.begin());
                         for (size_t i = 0; i < std::size(special); ++i) up[i] = 1.5f;
                         up[20] = NAN;
                       }
                       const auto add = [&](const char* label, const void* Args::*member,
                                            const std::vector<float>& values, bool also_y) {
                         if (also_y) {
                           Tensor& y = builder.updated("y", &Args::y, values, shape.dtype, elementwise(shape.dtype));
                           y.fields.push_back(builder.field(member));
                           strided_rows(y, rows.size(), shape.n, shape.n);
                         } else {
                           builder.input(label, member, values, shape.dtype);
                         }
                       };
                       add("gate", &Args::gate, gate, shape.in_place == 1);
                       add("up", &Args::up, up, shape.in_place == 2);
                       if (shape.in_place == 0) {
                         strided_rows(builder.output("y", &Args::y, type_of(shape.dtype),
                                                     int64_t{count_of(rows)} * shape.n, elementwise(shape.dtype)),
                                      rows.size(), shape.n, shape.n);
                       }
                       return builder.finish();
                     }});
  }
  return cases;
}

}  // namespace hadal::tests
