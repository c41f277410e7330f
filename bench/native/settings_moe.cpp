#include "setting.h"

namespace hadal::bench {
namespace {

Call route(int m) {
  CallBuilder<hd_moe_route_args> builder;
  auto& args = builder.args;
  args.m = m;
  args.experts = 256;
  args.groups = 8;
  args.top_groups = 4;
  args.top_experts = 8;
  args.normalize = 1;
  args.scale = 2.5f;
  args.logits = builder.floats(m * 256, 4.0f);
  args.bias = builder.floats(256, 0.1f);
  args.ids = builder.zeros<int32_t>(m * 8);
  args.weights = builder.zeros<float>(m * 8);
  return builder.finish(4.0 * 256 * m, 0);
}

Call permute(int m) {
  CallBuilder<hd_moe_permute_args> builder;
  auto& args = builder.args;
  args.m = m;
  args.k = 7168;
  args.experts = 256;
  args.top_experts = 8;
  args.alignment = 1;
  args.rows = 8 * m;
  args.ids = builder.filled<int32_t>(8 * m, [](int64_t i) { return (i / 8 * 37 + i % 8 * 31) % 256; });
  args.x = builder.codes(static_cast<int64_t>(m) * args.k);
  args.x_scale = builder.scales(static_cast<int64_t>(m) * 56, true);
  args.x_scale_row_stride = 56;
  args.x_scale_block_stride = 1;
  args.y = builder.zeros<uint8_t>(static_cast<int64_t>(args.rows) * args.k);
  args.y_scale = builder.zeros<float>(static_cast<int64_t>(args.rows) * 56);
  args.y_scale_row_stride = 56;
  args.y_scale_block_stride = 1;
  args.row_of = builder.zeros<int32_t>(8 * m);
  args.grouped_layout = builder.zeros<int32_t>(args.rows);
  return builder.finish(9.0 * 7168 * m, 0);
}

Call combine(int m) {
  CallBuilder<hd_moe_combine_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = 7168;
  args.top_experts = 8;
  args.rows = 8 * m;
  args.x = builder.bf16s(static_cast<int64_t>(args.rows) * args.n);
  args.row_of = builder.filled<int32_t>(8 * m, [](int64_t i) { return i; });
  args.weights = builder.floats(8 * m);
  args.shared = builder.bf16s(static_cast<int64_t>(m) * args.n);
  args.y = builder.zeros<uint16_t>(static_cast<int64_t>(m) * args.n);
  return builder.finish(20.0 * 7168 * m, 0);
}

}  // namespace

std::vector<Setting> moe_settings() {
  std::vector<Setting> settings;
  for (const int m : {1, 256}) {
    const std::string suffix = "/m" + std::to_string(m);
    settings.push_back({HD_OP_MOE_ROUTE, "256top8" + suffix, [=] { return route(m); }});
    settings.push_back({HD_OP_MOE_PERMUTE, "7168top8" + suffix, [=] { return permute(m); }});
    settings.push_back({HD_OP_MOE_COMBINE, "7168top8" + suffix, [=] { return combine(m); }});
  }
  return settings;
}

}  // namespace hadal::bench
