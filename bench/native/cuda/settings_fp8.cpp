// Quantisation, and products of e4m3 by one weight or several.
#include "setting.h"

namespace hadal::bench {
namespace {

hd_fp8_gemm_args product(Memory& memory, int64_t m, int64_t n, int64_t k) {
  auto args = sized<hd_fp8_gemm_args>();
  args.d_dtype = HD_DTYPE_BF16;
  args.m = to_int(m);
  args.n = to_int(n);
  args.k = to_int(k);
  args.a = memory.codes(m * k);
  args.a_scale_row_stride = 1;
  args.a_scale_block_stride = (m + 3) / 4 * 4;
  args.a_scale = memory.ones(args.a_scale_block_stride * blocks(k));
  args.b = memory.codes(n * k);
  args.b_scale = memory.ones(blocks(n) * blocks(k));
  args.b_scale_is_pow2 = 1;
  args.d = memory.zeros(m * n * 2);
  args.d_stride = n;
  return args;
}

Setting product_setting(int64_t m, int64_t n, int64_t k, bool is_limit) {
  return {HD_OP_FP8_GEMM,
          text("m=%ld %ldx%ld", m, n, k),
          number(m * k + n * k + m * n * 2),
          2.0 * number(m) * number(n) * number(k),
          Rate::fp8,
          [=](Memory& memory) { return owned(product(memory, m, n, k)); },
          is_limit};
}

Setting swiglu(int64_t m, int64_t n, int64_t k) {
  const auto make = [=](Memory& memory) {
    hd_fp8_gemm_args args = product(memory, m, n, k);
    args.has_up = 1;
    args.up = memory.codes(n * k);
    args.up_scale = memory.ones(blocks(n) * blocks(k));
    return owned(args);
  };
  return {HD_OP_FP8_GEMM,
          text("SwiGLU m=%ld 2x %ldx%ld", m, n, k),
          number(m * k + 2 * n * k + m * n * 2),
          4.0 * number(m) * number(n) * number(k),
          Rate::fp8,
          make};
}

// The projections of a layer's input: q_a, kv_a and the indexer's wk.
struct Multi {
  std::vector<int32_t> n, pow2;
  std::vector<const uint8_t*> b;
  std::vector<const float*> b_scale;
  std::vector<void*> d;
  std::vector<int64_t> d_stride;
  hd_fp8_gemm_multi_args args;
};

Setting multi(int64_t m, const std::vector<int64_t>& widths, int64_t k) {
  int64_t columns = 0;
  std::string shape = text("m=%ld", m);
  for (const int64_t n : widths) {
    columns += n;
    shape += text(" %ldx%ld", n, k);
  }
  const auto make = [=](Memory& memory) -> std::shared_ptr<const void> {
    auto owner = std::make_shared<Multi>();
    owner->args = sized<hd_fp8_gemm_multi_args>();
    hd_fp8_gemm_multi_args& args = owner->args;
    for (const int64_t n : widths) {
      const hd_fp8_gemm_args one = product(memory, m, n, k);
      args.a = one.a;
      args.a_scale = one.a_scale;
      args.a_scale_row_stride = one.a_scale_row_stride;
      args.a_scale_block_stride = one.a_scale_block_stride;
      owner->n.push_back(one.n);
      owner->pow2.push_back(one.b_scale_is_pow2);
      owner->b.push_back(one.b);
      owner->b_scale.push_back(one.b_scale);
      owner->d.push_back(one.d);
      owner->d_stride.push_back(one.d_stride);
    }
    args.d_dtype = HD_DTYPE_BF16;
    args.count = to_int(std::ssize(widths));
    args.m = to_int(m);
    args.k = to_int(k);
    args.n = owner->n.data();
    args.b = owner->b.data();
    args.b_scale = owner->b_scale.data();
    args.b_scale_is_pow2 = owner->pow2.data();
    args.d = owner->d.data();
    args.d_stride = owner->d_stride.data();
    return {owner, &owner->args};
  };
  return {HD_OP_FP8_GEMM_MULTI,
          shape,
          number(m * k + columns * k + m * columns * 2),
          2.0 * number(m) * number(columns) * number(k),
          Rate::fp8,
          make};
}

Setting quantize(int64_t m, int64_t k) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_fp8_quantize_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.scale_format = HD_SCALE_UE8M0;
    args.m = to_int(m);
    args.k = to_int(k);
    args.x = memory.bf16s(m * k);
    args.x_stride = k;
    args.q = static_cast<uint8_t*>(memory.zeros(m * k));
    args.scale_row_stride = 1;
    args.scale_block_stride = (m + 3) / 4 * 4;
    args.scale = static_cast<float*>(memory.zeros(args.scale_block_stride * blocks(k) * 4));
    return owned(args);
  };
  return {HD_OP_FP8_QUANTIZE, text("m=%ld k=%ld", m, k), number(m * k * 3 + m * blocks(k) * 4), 0, Rate::none, make};
}

Setting dequantize(int64_t n, int64_t k) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_fp8_dequantize_args>();
    args.y_dtype = HD_DTYPE_BF16;
    args.n = to_int(n);
    args.k = to_int(k);
    args.q = memory.codes(n * k);
    args.scale_inv = memory.ones(blocks(n) * blocks(k));
    args.y = memory.zeros(n * k * 2);
    return owned(args);
  };
  return {HD_OP_FP8_DEQUANTIZE, text("%ldx%ld", n, k), number(n * k * 3), 0, Rate::none, make};
}

}  // namespace

void add_fp8_limit(Settings& settings) {
  const int64_t side = settings.size(8192, 128);
  settings.list.push_back(product_setting(side, side, side, true));
}

void add_fp8(Settings& settings) {
  for (const int64_t m : settings.sizes({1, 16, 64, 256, 4096}, 3)) {
    // o_proj, and q_b_proj.
    settings.list.push_back(product_setting(m, settings.size(kHidden, 128), settings.size(kHeads * 128, 128), false));
    if (!settings.is_tiny()) settings.list.push_back(product_setting(m, kHeads * 192, kQueryRank, false));
  }
  for (const int64_t m : settings.sizes({1, 64, 4096}, 2)) {
    const int64_t k = settings.size(kHidden, 128);
    settings.list.push_back(swiglu(m, settings.size(18432, 128), k));
    settings.list.push_back(multi(m, settings.sizes({kQueryRank, HD_MLA_DIM, HD_INDEX_DIM}, 128), k));
    settings.list.push_back(quantize(m, k));
  }
  settings.list.push_back(dequantize(settings.size(18432, 128), settings.size(kHidden, 128)));
}

}  // namespace hadal::bench
