// Products of bf16, norms and elementwise operations.
#include "setting.h"

namespace hadal::bench {
namespace {

struct Product {
  const char* what;
  int32_t d_dtype = HD_DTYPE_BF16;
  int64_t batch = 1;
  int64_t m, n, k;
  bool b_is_kn = false;
};

// Rows of the batches interleave, as heads do.
Setting product(const Product& p, bool is_limit = false) {
  const int64_t element = p.d_dtype == HD_DTYPE_F32 ? 4 : 2;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_gemm_args>();
    args.a_dtype = args.b_dtype = HD_DTYPE_BF16;
    args.d_dtype = p.d_dtype;
    args.b_is_kn = p.b_is_kn ? 1 : 0;
    args.batch = to_int(p.batch);
    args.m = to_int(p.m);
    args.n = to_int(p.n);
    args.k = to_int(p.k);
    args.a = memory.bf16s(p.batch * p.m * p.k);
    args.a_stride = p.batch * p.k;
    args.a_batch_stride = p.k;
    args.b = memory.bf16s(p.batch * p.n * p.k);
    args.b_stride = p.b_is_kn ? p.n : p.k;
    args.b_batch_stride = p.n * p.k;
    args.d = memory.zeros(p.batch * p.m * p.n * element);
    args.d_stride = p.batch * p.n;
    args.d_batch_stride = p.n;
    return owned(args);
  };
  const std::string heads = p.batch > 1 ? text("%ld heads, ", p.batch) : "";
  return {HD_OP_GEMM,
          text("%s%s m=%ld %ldx%ld", heads.c_str(), p.what, p.m, p.n, p.k),
          number(p.batch * (p.m * p.k * 2 + p.n * p.k * 2 + p.m * p.n * element)),
          2.0 * number(p.batch) * number(p.m) * number(p.n) * number(p.k),
          Rate::bf16,
          make,
          is_limit};
}

Setting rms_norm(int64_t m, int64_t n) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_rms_norm_args>();
    args.x_dtype = args.weight_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.n = to_int(n);
    args.epsilon = 1e-6f;
    args.x = memory.bf16s(m * n);
    args.x_stride = args.y_stride = n;
    args.residual = memory.bf16s(m * n);
    args.weight = memory.bf16s(n);
    args.y = memory.zeros(m * n * 2);
    args.q = static_cast<uint8_t*>(memory.zeros(m * n));
    args.q_scale_row_stride = 1;
    args.q_scale_block_stride = (m + 3) / 4 * 4;
    args.q_scale = static_cast<float*>(memory.zeros(args.q_scale_block_stride * blocks(n) * 4));
    args.q_scale_format = HD_SCALE_UE8M0;
    return owned(args);
  };
  return {
      HD_OP_RMS_NORM, text("m=%ld n=%ld, residual, quantised", m, n), number(m * n * 9 + n * 2), 0, Rate::none, make};
}

Setting layer_norm(int64_t m) {
  const int64_t n = HD_INDEX_DIM;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_layer_norm_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.weight_dtype = HD_DTYPE_F32;
    args.m = to_int(m);
    args.n = to_int(n);
    args.epsilon = 1e-6f;
    args.x = memory.bf16s(m * n);
    args.x_stride = args.y_stride = n;
    args.weight = memory.floats(n);
    args.bias = memory.floats(n);
    args.y = memory.zeros(m * n * 2);
    return owned(args);
  };
  return {HD_OP_LAYER_NORM, text("m=%ld n=%ld", m, n), number(m * n * 4), 0, Rate::none, make};
}

Setting rope_table(int64_t positions) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_rope_table_args>();
    args.positions = to_int(positions);
    args.half = HD_ROPE_DIM / 2;
    args.inverse_frequency = memory.floats(args.half);
    args.table = static_cast<float*>(memory.zeros(positions * HD_ROPE_DIM * 4));
    return owned(args);
  };
  return {HD_OP_ROPE_TABLE, text("%ld positions", positions), number(positions * HD_ROPE_DIM * 4), 0, Rate::none, make};
}

// The rotary part of the queries, within their 192 values a head.
Setting rope(int64_t m, int64_t heads) {
  constexpr int64_t kPositions = 4096;
  constexpr int64_t kHead = 192;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_rope_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.layout = HD_ROPE_INTERLEAVED;
    args.m = to_int(m);
    args.heads = to_int(heads);
    args.dim = HD_ROPE_DIM;
    args.table_positions = to_int(kPositions);
    args.x_stride = args.y_stride = heads * kHead;
    args.x_head_stride = args.y_head_stride = kHead;
    args.x = memory.bf16s(m * heads * kHead);
    args.y = memory.zeros(m * heads * kHead * 2);
    args.positions = memory.ints(m, [=](int64_t token) { return token % kPositions; });
    args.table = memory.floats(kPositions * HD_ROPE_DIM);
    return owned(args);
  };
  return {HD_OP_ROPE, text("m=%ld, %ld heads", m, heads), number(m * heads * HD_ROPE_DIM * 4), 0, Rate::none, make};
}

Setting hadamard(int64_t m, int64_t heads) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_hadamard_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.m = to_int(m * heads);
    args.n = HD_INDEX_DIM;
    args.x = memory.bf16s(m * heads * HD_INDEX_DIM);
    args.y = memory.zeros(m * heads * HD_INDEX_DIM * 2);
    return owned(args);
  };
  return {HD_OP_HADAMARD,
          text("m=%ld, %ld heads of 128", m, heads),
          number(m * heads * HD_INDEX_DIM * 4),
          0,
          Rate::none,
          make};
}

Setting embedding(int64_t m, int64_t n, int64_t rows) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_embedding_args>();
    args.table_dtype = args.y_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.n = to_int(n);
    args.rows = to_int(rows);
    args.ids = memory.ints(m, [=](int64_t i) { return i * 7919 % rows; });
    args.table = memory.bf16s(rows * n);
    args.y = memory.zeros(m * n * 2);
    return owned(args);
  };
  return {HD_OP_EMBEDDING, text("m=%ld of %ldx%ld", m, rows, n), number(m * n * 4), 0, Rate::none, make};
}

Setting silu_mul(int64_t m, int64_t n) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_silu_mul_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.n = to_int(n);
    args.gate = memory.bf16s(m * n);
    args.up = memory.bf16s(m * n);
    args.gate_stride = args.up_stride = n;
    args.y = memory.zeros(m * n * 2);
    return owned(args);
  };
  return {HD_OP_SILU_MUL, text("m=%ld n=%ld", m, n), number(m * n * 6), 0, Rate::none, make};
}

}  // namespace

void add_bf16_limit(Settings& settings) {
  const int64_t side = settings.size(8192, 128);
  settings.list.push_back(product({.what = "plain", .m = side, .n = side, .k = side}, true));
}

void add_dense(Settings& settings) {
  const auto add = [&](Setting setting) { settings.list.push_back(std::move(setting)); };
  const int64_t hidden = settings.size(kHidden, 128);
  const int64_t heads = settings.size(kHeads, 2);
  for (const int64_t m : settings.sizes({1, 64, 1024}, 2)) {
    add(product({.what = "W_UK", .batch = heads, .m = m, .n = HD_LATENT_DIM, .k = 128, .b_is_kn = true}));
    add(product({.what = "W_UV", .batch = heads, .m = m, .n = 128, .k = HD_LATENT_DIM}));
    add(product({.what = "router", .d_dtype = HD_DTYPE_F32, .m = m, .n = settings.size(kExperts, 16), .k = hidden}));
  }
  for (const int64_t m : settings.sizes({1, 64}, 1)) {
    add(product({.what = "head", .d_dtype = HD_DTYPE_F32, .m = m, .n = settings.size(kWords, 64), .k = hidden}));
  }
  for (const int64_t m : settings.sizes({1, 64, 4096}, 2)) {
    add(rms_norm(m, hidden));
    add(layer_norm(m));
    add(rope(m, heads));
    add(hadamard(m, settings.size(kIndexHeads, 2)));
    add(embedding(m, hidden, settings.size(kWords, 64)));
    add(silu_mul(m, settings.size(18432, 256)));
  }
  add(rope_table(settings.size(131072, 64)));
}

}  // namespace hadal::bench
