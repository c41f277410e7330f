// Products by the weights of experts.
#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kPadding = 128;

// The weights of all experts, side by side.
struct Weights {
  std::vector<const uint8_t*> codes;
  std::vector<const float*> scales;

  Weights(Memory& memory, int64_t groups, int64_t n, int64_t k) {
    const int64_t scale_step = blocks(n) * blocks(k);
    const uint8_t* first = memory.codes(groups * n * k);
    const float* first_scale = memory.ones(groups * scale_step);
    for (int64_t g = 0; g < groups; ++g) {
      codes.push_back(first + g * n * k);
      scales.push_back(first_scale + g * scale_step);
    }
  }
};

template <class Args>
struct Grouped {
  Args args = sized<Args>();
  std::vector<Weights> weights;  // b, then up.

  // What both forms share. Rows of a are given as the scales have them: groups of `rows`.
  Grouped(Memory& memory, bool swiglu, int64_t groups, int64_t all_rows, int64_t rows, int64_t n, int64_t k) {
    args.d_dtype = HD_DTYPE_BF16;
    args.groups = to_int(groups);
    args.n = to_int(n);
    args.k = to_int(k);
    args.a = memory.codes(all_rows * k);
    args.a_scale = memory.ones(all_rows * blocks(k));
    args.a_scale_row_stride = 1;
    args.a_scale_block_stride = rows;
    args.b_scale_is_pow2 = 1;
    for (int i = 0; i < (swiglu ? 2 : 1); ++i) weights.emplace_back(memory, groups, n, k);
    args.b = weights[0].codes.data();
    args.b_scale = weights[0].scales.data();
    if (swiglu) {
      args.has_up = 1;
      args.up = weights[1].codes.data();
      args.up_scale = weights[1].scales.data();
    }
    args.d = memory.zeros(all_rows * n * 2);
  }
};

// What a grouped product does: `used` of the weights are read, for `rows` rows in all.
Setting setting(int32_t op, const char* what, bool swiglu, int64_t used, int64_t rows, int64_t n, int64_t k,
                std::function<std::shared_ptr<const void>(Memory&)> make) {
  const int64_t products = swiglu ? 2 : 1;
  return {op,
          text("%s%s, %ld experts, %ldx%ld", swiglu ? "SwiGLU " : "", what, used, n, k),
          number(rows * k + products * used * n * k + rows * n * 2),
          2.0 * number(products) * number(rows) * number(n) * number(k),
          Rate::fp8,
          std::move(make)};
}

// `used` of the experts have `rows` rows each, padded to 128.
Setting contiguous(const char* what, bool swiglu, int64_t groups, int64_t used, int64_t rows, int64_t n, int64_t k) {
  const auto make = [=](Memory& memory) -> std::shared_ptr<const void> {
    const int64_t m = used * kPadding;
    auto owner = std::make_shared<Grouped<hd_fp8_gemm_contiguous_args>>(memory, swiglu, groups, m, m, n, k);
    owner->args.m = to_int(m);
    owner->args.grouped_layout =
        memory.ints(m, [=](int64_t row) { return row % kPadding < rows ? row / kPadding * (groups / used) : -1; });
    return {owner, &owner->args};
  };
  return setting(HD_OP_FP8_GEMM_CONTIGUOUS, what, swiglu, used, used * rows, n, k, make);
}

Setting masked(const char* what, bool swiglu, int64_t groups, int64_t rows, int64_t n, int64_t k) {
  const auto make = [=](Memory& memory) -> std::shared_ptr<const void> {
    auto owner =
        std::make_shared<Grouped<hd_fp8_gemm_masked_args>>(memory, swiglu, groups, groups * kPadding, kPadding, n, k);
    owner->args.m_max = to_int(kPadding);
    owner->args.a_scale_group_stride = kPadding * blocks(k);
    owner->args.masked_m = memory.ints(groups, [=](int64_t) { return rows; });
    return {owner, &owner->args};
  };
  return setting(HD_OP_FP8_GEMM_MASKED, what, swiglu, groups, groups * rows, n, k, make);
}

// Weights in bf16; `used` of the experts have `rows` rows each, padded to 128.
Setting plain(const char* what, int64_t groups, int64_t used, int64_t rows, int64_t n, int64_t k) {
  struct Plain {
    hd_gemm_contiguous_args args = sized<hd_gemm_contiguous_args>();
    std::vector<const void*> weights;
  };
  const auto make = [=](Memory& memory) -> std::shared_ptr<const void> {
    auto owner = std::make_shared<Plain>();
    auto& args = owner->args;
    const int64_t m = used * kPadding;
    args.a_dtype = args.d_dtype = HD_DTYPE_BF16;
    args.b_format = HD_WEIGHT_BF16;
    args.groups = to_int(groups);
    args.m = to_int(m);
    args.n = to_int(n);
    args.k = to_int(k);
    args.a = memory.bf16s(m * k);
    const uint16_t* first = memory.bf16s(groups * n * k);
    for (int64_t g = 0; g < groups; ++g) owner->weights.push_back(first + g * n * k);
    args.b = owner->weights.data();
    args.grouped_layout =
        memory.ints(m, [=](int64_t row) { return row % kPadding < rows ? row / kPadding * (groups / used) : -1; });
    args.d = memory.zeros(m * n * 2);
    return {owner, &owner->args};
  };
  return {HD_OP_GEMM_CONTIGUOUS,
          text("%s, %ld experts, %ldx%ld", what, used, n, k),
          number(used * (rows * k + n * k + rows * n) * 2),
          2.0 * number(used * rows) * number(n) * number(k),
          Rate::bf16,
          make};
}

}  // namespace

void add_grouped(Settings& settings) {
  const int64_t hidden = settings.size(kHidden, 128);
  const int64_t width = settings.size(2048, 128);
  const int64_t experts = settings.size(kExperts, 2);
  const int64_t chosen = settings.size(kTopExperts, 2);
  for (const bool swiglu : {true, false}) {
    const int64_t n = swiglu ? width : hidden;
    const int64_t k = swiglu ? hidden : width;
    settings.list.push_back(contiguous("1 token", swiglu, experts, chosen, 1, n, k));
    if (!settings.is_tiny()) {
      settings.list.push_back(contiguous("64 tokens", swiglu, experts, experts, 2, n, k));
      settings.list.push_back(contiguous("4096 tokens", swiglu, experts, experts, kPadding, n, k));
    }
    settings.list.push_back(masked("64 tokens", swiglu, experts, 2, n, k));
  }
  // Shapes of smaller models, whose weights are not quantised: 64 experts of 1408.
  const int64_t plain_experts = settings.size(64, 2);
  const int64_t plain_chosen = settings.size(6, 2);
  const int64_t n = settings.size(1408, 128);
  const int64_t k = settings.size(2048, 128);
  settings.list.push_back(plain("1 token", plain_experts, plain_chosen, 1, n, k));
  if (!settings.is_tiny()) settings.list.push_back(plain("1365 tokens", plain_experts, plain_experts, kPadding, n, k));
}

}  // namespace hadal::bench
