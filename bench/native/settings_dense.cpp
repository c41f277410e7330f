#include <algorithm>

#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kBeyondCaches = 128 << 20;

// b [n, k] in bf16, one batch.
Call gemm(int m, int64_t n, int64_t k, int32_t a_dtype, int32_t d_dtype) {
  CallBuilder<hd_gemm_args> builder;
  auto& args = builder.args;
  const int64_t copies = std::max<int64_t>(1, kBeyondCaches / (2 * n * k));
  args.a_dtype = a_dtype;
  args.b_dtype = HD_DTYPE_BF16;
  args.d_dtype = d_dtype;
  args.batch = 1;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = a_dtype == HD_DTYPE_F32 ? static_cast<const void*>(builder.floats(m * k)) : builder.bf16s(m * k);
  args.a_stride = k;
  args.b = builder.bf16s(copies * n * k);
  args.b_stride = k;
  args.d = builder.zeros<float>(m * n);
  args.d_stride = n;
  return builder.finish(2.0 * static_cast<double>(n * k), 2.0 * m * static_cast<double>(n * k), &hd_gemm_args::b,
                        copies, 2 * n * k);
}

// Experts with the same number of rows each, weights in bf16.
Call contiguous(int experts, int rows, int64_t n, int64_t k) {
  using Args = hd_gemm_contiguous_args;
  CallBuilder<Args> builder;
  auto& args = builder.args;
  const int64_t m = static_cast<int64_t>(experts) * rows;
  const int64_t sets = std::max<int64_t>(1, kBeyondCaches / (2 * experts * n * k));
  args.a_dtype = args.d_dtype = HD_DTYPE_BF16;
  args.b_format = HD_WEIGHT_BF16;
  args.groups = experts;
  args.m = static_cast<int32_t>(m);
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.bf16s(m * k);
  const uint16_t* weights = builder.bf16s(sets * experts * n * k);
  args.b = builder.filled<const void*>(sets * experts, [&](int64_t i) { return weights + i * n * k; });
  args.grouped_layout = builder.filled<int32_t>(m, [&](int64_t i) { return i / rows; });
  args.d = builder.zeros<uint16_t>(m * n);
  const auto weight_count = static_cast<double>(experts * n * k);
  return builder.finish(2.0 * weight_count, 2.0 * rows * weight_count, &Args::b, sets,
                        experts * static_cast<int64_t>(sizeof(void*)));
}

// One batch a head: queries into the latent (b [k, n]) or the latent to values (b [n, k]).
Call absorbed(int m, int64_t heads, int64_t n, int64_t k, bool kn) {
  CallBuilder<hd_gemm_args> builder;
  auto& args = builder.args;
  const int64_t size = heads * n * k;
  const int64_t copies = std::max<int64_t>(1, kBeyondCaches / (2 * size));
  args.a_dtype = args.b_dtype = args.d_dtype = HD_DTYPE_BF16;
  args.b_is_kn = kn ? 1 : 0;
  args.batch = static_cast<int32_t>(heads);
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.bf16s(m * heads * k);
  args.a_stride = heads * k;
  args.a_batch_stride = k;
  args.b = builder.bf16s(copies * size);
  args.b_stride = kn ? n : k;
  args.b_batch_stride = n * k;
  args.d = builder.zeros<uint16_t>(m * heads * n);
  args.d_stride = heads * n;
  args.d_batch_stride = n;
  return builder.finish(2.0 * static_cast<double>(size), 2.0 * m * static_cast<double>(size), &hd_gemm_args::b, copies,
                        2 * size);
}

Call rms_norm(int m, int64_t n) {
  CallBuilder<hd_rms_norm_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.weight_dtype = HD_DTYPE_F32;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.epsilon = 1e-6f;
  args.x = builder.bf16s(m * n);
  args.x_stride = n;
  args.residual = builder.bf16s(m * n);
  args.weight = builder.floats(n);
  args.y = builder.zeros<uint16_t>(m * n);
  args.y_stride = n;
  return builder.finish(8.0 * m * static_cast<double>(n), 0);
}

Call layer_norm(int m, int64_t n) {
  CallBuilder<hd_layer_norm_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.weight_dtype = HD_DTYPE_F32;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.epsilon = 1e-6f;
  args.x = builder.bf16s(m * n);
  args.x_stride = n;
  args.weight = builder.floats(n);
  args.bias = builder.floats(n);
  args.y = builder.zeros<uint16_t>(m * n);
  args.y_stride = n;
  return builder.finish(4.0 * m * static_cast<double>(n), 0);
}

Call rope(int m, int heads, int32_t layout) {
  CallBuilder<hd_rope_args> builder;
  auto& args = builder.args;
  const int64_t head = layout == HD_ROPE_INTERLEAVED ? 192 : 128;
  args.x_dtype = HD_DTYPE_BF16;
  args.layout = layout;
  args.m = m;
  args.heads = heads;
  args.dim = 64;
  args.table_positions = 4096;
  args.x_stride = args.y_stride = heads * head;
  args.x_head_stride = args.y_head_stride = head;
  auto* x = builder.bf16s(m * heads * head);
  args.x = x;
  args.y = x;
  args.positions = builder.filled<int32_t>(m, [](int64_t i) { return 100 + i; });
  args.table = builder.floats(static_cast<int64_t>(args.table_positions) * 64);
  return builder.finish(4.0 * 64 * m * heads, 0);
}

Call rope_table(int positions) {
  CallBuilder<hd_rope_table_args> builder;
  auto& args = builder.args;
  args.positions = positions;
  args.half = 32;
  args.inverse_frequency = builder.floats(32, 0.1f);
  args.table = builder.zeros<float>(static_cast<int64_t>(positions) * 64);
  return builder.finish(4.0 * 64 * positions, 0);
}

Call hadamard(int rows) {
  CallBuilder<hd_hadamard_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.m = rows;
  args.n = 128;
  args.x = builder.bf16s(static_cast<int64_t>(rows) * 128);
  args.y = builder.zeros<uint16_t>(static_cast<int64_t>(rows) * 128);
  return builder.finish(4.0 * 128 * rows, 0);
}

Call embedding(int m) {
  CallBuilder<hd_embedding_args> builder;
  auto& args = builder.args;
  args.table_dtype = args.y_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = 7168;
  args.rows = 4096;
  args.ids = builder.filled<int32_t>(m, [&](int64_t i) { return i * 977 % args.rows; });
  args.table = builder.bf16s(static_cast<int64_t>(args.rows) * args.n);
  args.y = builder.zeros<uint16_t>(static_cast<int64_t>(m) * args.n);
  return builder.finish(4.0 * 7168 * m, 0);
}

Call silu_mul(int m, int64_t n) {
  CallBuilder<hd_silu_mul_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.gate = builder.bf16s(m * n);
  args.gate_stride = n;
  args.up = builder.bf16s(m * n);
  args.up_stride = n;
  args.y = builder.zeros<uint16_t>(m * n);
  return builder.finish(6.0 * m * static_cast<double>(n), 0);
}

}  // namespace

std::vector<Setting> dense_settings() {
  std::vector<Setting> settings;
  const auto add = [&](int32_t op, std::string name, std::function<Call()> make) {
    settings.push_back({op, std::move(name), std::move(make)});
  };
  for (const int m : {1, 4, 64}) {
    const std::string suffix = "/m" + std::to_string(m);
    add(HD_OP_GEMM, "head/129280x7168" + suffix, [=] { return gemm(m, 129280, 7168, HD_DTYPE_F32, HD_DTYPE_F32); });
    add(HD_OP_GEMM, "gate/256x7168" + suffix, [=] { return gemm(m, 256, 7168, HD_DTYPE_BF16, HD_DTYPE_F32); });
    add(HD_OP_GEMM, "w_uk/128x512x128" + suffix, [=] { return absorbed(m, 128, 512, 128, true); });
    add(HD_OP_GEMM, "w_uv/128x128x512" + suffix, [=] { return absorbed(m, 128, 128, 512, false); });
  }
  for (const int rows : {1, 16, 64}) {
    add(HD_OP_GEMM_CONTIGUOUS, "8x1408x2048/m" + std::to_string(rows), [=] { return contiguous(8, rows, 1408, 2048); });
  }
  for (const int m : {1, 256}) {
    const std::string suffix = "/m" + std::to_string(m);
    add(HD_OP_RMS_NORM, "7168" + suffix, [=] { return rms_norm(m, 7168); });
    add(HD_OP_LAYER_NORM, "128" + suffix, [=] { return layer_norm(m, 128); });
    add(HD_OP_ROPE, "128heads" + suffix, [=] { return rope(m, 128, HD_ROPE_INTERLEAVED); });
    add(HD_OP_ROPE, "64index" + suffix, [=] { return rope(m, 64, HD_ROPE_HALVES); });
    add(HD_OP_HADAMARD, "64x128" + suffix, [=] { return hadamard(64 * m); });
    add(HD_OP_EMBEDDING, "7168" + suffix, [=] { return embedding(m); });
    add(HD_OP_SILU_MUL, "2048" + suffix, [=] { return silu_mul(m, 2048); });
  }
  add(HD_OP_ROPE_TABLE, "4096", [] { return rope_table(4096); });
  return settings;
}

}  // namespace hadal::bench
