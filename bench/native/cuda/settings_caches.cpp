// Writing tokens into the caches, and reading them back.
#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kMlaToken = 656;

// Tokens lie anywhere: an odd multiplier spreads them over the slots, a power of two.
int32_t* spread_slots(Memory& memory, int64_t m, int64_t pages) {
  return memory.ints(m, [=](int64_t token) { return token * 7919 % (pages * HD_PAGE_TOKENS); });
}

Setting mla_append(int64_t m, int64_t pages) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_mla_cache_append_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.format = HD_MLA_FP8;
    args.scale_format = HD_SCALE_UE8M0;
    args.m = to_int(m);
    args.pages = to_int(pages);
    args.latent = memory.bf16s(m * HD_LATENT_DIM);
    args.latent_stride = HD_LATENT_DIM;
    args.rope = memory.bf16s(m * HD_ROPE_DIM);
    args.rope_stride = HD_ROPE_DIM;
    args.slots = spread_slots(memory, m, pages);
    args.cache = memory.zeros(pages * HD_PAGE_TOKENS * kMlaToken);
    return owned(args);
  };
  return {HD_OP_MLA_CACHE_APPEND, text("m=%ld", m), number(m * (HD_MLA_DIM * 2 + kMlaToken)), 0, Rate::none, make};
}

Setting mla_gather(int64_t m, int64_t pages) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_mla_cache_gather_args>();
    args.format = HD_MLA_FP8;
    args.y_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.pages = to_int(pages);
    args.slots = spread_slots(memory, m, pages);
    args.cache = memory.zeros(pages * HD_PAGE_TOKENS * kMlaToken);
    args.y = memory.zeros(m * HD_MLA_DIM * 2);
    args.y_stride = HD_MLA_DIM;
    return owned(args);
  };
  return {HD_OP_MLA_CACHE_GATHER, text("m=%ld", m), number(m * (HD_MLA_DIM * 2 + kMlaToken)), 0, Rate::none, make};
}

Setting index_append(int64_t m, int64_t pages) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_index_cache_append_args>();
    args.x_dtype = HD_DTYPE_BF16;
    args.scale_format = HD_SCALE_UE8M0;
    args.m = to_int(m);
    args.pages = to_int(pages);
    args.k = memory.bf16s(m * HD_INDEX_DIM);
    args.k_stride = HD_INDEX_DIM;
    args.slots = spread_slots(memory, m, pages);
    args.cache = static_cast<uint8_t*>(memory.zeros(pages * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES));
    return owned(args);
  };
  return {HD_OP_INDEX_CACHE_APPEND,
          text("m=%ld", m),
          number(m * (HD_INDEX_DIM * 2 + HD_INDEX_TOKEN_BYTES)),
          0,
          Rate::none,
          make};
}

}  // namespace

void add_caches(Settings& settings) {
  const int64_t pages = settings.size(2048, 2);
  for (const int64_t m : settings.sizes({1, 64, 4096}, 2)) {
    settings.list.push_back(mla_append(m, pages));
    settings.list.push_back(index_append(m, pages));
  }
  for (const int64_t m : settings.sizes({4096, 131072}, 2)) settings.list.push_back(mla_gather(m, pages));
}

}  // namespace hadal::bench
