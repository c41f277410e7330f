// Routing of tokens to experts and back.
#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kPadding = 128;

// Slot j of a token goes to one of the experts j * 32 to j * 32 + 31.
int64_t expert_of(int64_t token, int64_t slot) {
  constexpr int64_t kRange = kExperts / kTopExperts;
  return slot * kRange + (token * 5 + slot) % kRange;
}

// Rows of each expert's share, padded, in all.
int64_t padded_rows(int64_t m) {
  std::vector<int64_t> counts(kExperts);
  for (int64_t i = 0; i < m * kTopExperts; ++i) {
    ++counts[static_cast<size_t>(expert_of(i / kTopExperts, i % kTopExperts))];
  }
  int64_t rows = 0;
  for (const int64_t count : counts) rows += (count + kPadding - 1) / kPadding * kPadding;
  return rows;
}

Setting route(int64_t m) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_moe_route_args>();
    args.m = to_int(m);
    args.experts = to_int(kExperts);
    args.groups = 8;
    args.top_groups = 4;
    args.top_experts = to_int(kTopExperts);
    args.normalize = 1;
    args.scale = 2.5f;
    args.logits = memory.floats(m * kExperts);
    args.bias = memory.floats(kExperts);
    args.ids = static_cast<int32_t*>(memory.zeros(m * kTopExperts * 4));
    args.weights = static_cast<float*>(memory.zeros(m * kTopExperts * 4));
    return owned(args);
  };
  return {
      HD_OP_MOE_ROUTE, text("m=%ld, 8 of 256", m), number(m * kExperts * 4 + m * kTopExperts * 8), 0, Rate::none, make};
}

Setting permute(int64_t m, int64_t k) {
  const int64_t rows = padded_rows(m);
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_moe_permute_args>();
    args.m = to_int(m);
    args.k = to_int(k);
    args.experts = to_int(kExperts);
    args.top_experts = to_int(kTopExperts);
    args.alignment = to_int(kPadding);
    args.rows = to_int(rows);
    args.ids = memory.ints(m * kTopExperts, [](int64_t i) { return expert_of(i / kTopExperts, i % kTopExperts); });
    args.x = memory.codes(m * k);
    args.x_scale_row_stride = args.y_scale_row_stride = 1;
    args.x_scale_block_stride = (m + 3) / 4 * 4;
    args.x_scale = memory.ones(args.x_scale_block_stride * blocks(k));
    args.y = static_cast<uint8_t*>(memory.zeros(rows * k));
    args.y_scale_block_stride = rows;
    args.y_scale = static_cast<float*>(memory.zeros(rows * blocks(k) * 4));
    args.row_of = static_cast<int32_t*>(memory.zeros(m * kTopExperts * 4));
    args.grouped_layout = static_cast<int32_t*>(memory.zeros(rows * 4));
    return owned(args);
  };
  return {HD_OP_MOE_PERMUTE,
          text("m=%ld k=%ld into %ld rows", m, k, rows),
          number(m * k + m * kTopExperts * k),
          0,
          Rate::none,
          make};
}

Setting combine(int64_t m, int64_t n) {
  const int64_t rows = m * kTopExperts;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_moe_combine_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.n = to_int(n);
    args.top_experts = to_int(kTopExperts);
    args.rows = to_int(rows);
    args.x = memory.bf16s(rows * n);
    args.row_of = memory.ints(rows, [=](int64_t i) { return i % kTopExperts * m + i / kTopExperts; });
    args.weights = memory.floats(rows);
    args.shared = memory.bf16s(m * n);
    args.y = memory.zeros(m * n * 2);
    return owned(args);
  };
  return {HD_OP_MOE_COMBINE, text("m=%ld n=%ld", m, n), number(rows * n * 2 + m * n * 4), 0, Rate::none, make};
}

}  // namespace

void add_moe(Settings& settings) {
  for (const int64_t m : settings.sizes({1, 64, 4096}, 2)) {
    settings.list.push_back(route(m));
    settings.list.push_back(permute(m, settings.size(kHidden, 128)));
    settings.list.push_back(combine(m, settings.size(kHidden, 128)));
  }
}

}  // namespace hadal::bench
