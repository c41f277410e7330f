#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kMlaToken = 656;
constexpr int kIndexHeads = 64;

// An MLA cache of FP8 tokens: codes, scales, rope of about one.
void* mla_cache(auto& builder, int64_t tokens) {
  uint8_t* cache = builder.template zeros<uint8_t>(tokens * kMlaToken);
  const uint8_t* codes = builder.codes(HD_LATENT_DIM);
  const uint16_t* rope = builder.bf16s(HD_ROPE_DIM);
  const float scales[4] = {0x1p-7f, 0x1p-7f, 0x1p-6f, 0x1p-7f};  // Powers of two, as V3.2 caches have.
  for (int64_t i = 0; i < tokens; ++i) {
    uint8_t* token = cache + i * kMlaToken;
    std::memcpy(token, codes, HD_LATENT_DIM);
    token[i % HD_LATENT_DIM] = 0x30;
    std::memcpy(token + HD_LATENT_DIM, scales, sizeof scales);
    std::memcpy(token + HD_LATENT_DIM + sizeof scales, rope, 2 * HD_ROPE_DIM);
  }
  return cache;
}

uint8_t* index_cache(auto& builder, int64_t tokens) {
  constexpr int64_t kPageBytes = HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
  uint8_t* cache = builder.codes(tokens * HD_INDEX_TOKEN_BYTES);
  for (int64_t page = 0; page < tokens / HD_PAGE_TOKENS; ++page) {
    for (int64_t i = 0; i < HD_PAGE_TOKENS; ++i) {
      const float scale = 0.01f;
      std::memcpy(cache + page * kPageBytes + HD_PAGE_TOKENS * HD_INDEX_DIM + 4 * i, &scale, 4);
    }
  }
  return cache;
}

// One sequence whose pages lie in order.
template <class Args>
void one_sequence(CallBuilder<Args>& builder, int m, int keys) {
  auto& args = builder.args;
  args.m = m;
  args.pages = args.max_pages = keys / HD_PAGE_TOKENS;
  args.sequences = 1;
  args.block_table = builder.template filled<int32_t>(args.pages, [](int64_t i) { return i; });
  args.row_sequence = builder.template zeros<int32_t>(m);
  args.visible = builder.template filled<int32_t>(m, [=](int64_t i) { return keys - m + 1 + i; });
}

template <class Args>
void index_queries(CallBuilder<Args>& builder, int m) {
  auto& args = builder.args;
  args.heads = kIndexHeads;
  args.q = builder.codes(static_cast<int64_t>(m) * kIndexHeads * HD_INDEX_DIM);
  args.weights = builder.floats(static_cast<int64_t>(m) * kIndexHeads);
}

double index_operations(int m, int keys) {
  return 2.0 * m * kIndexHeads * HD_INDEX_DIM * keys;
}

Call logits(int m, int keys) {
  CallBuilder<hd_indexer_logits_args> builder;
  auto& args = builder.args;
  args.m = m;
  args.keys = keys;
  index_queries(builder, m);
  args.k = builder.codes(static_cast<int64_t>(keys) * HD_INDEX_DIM);
  args.k_scale = builder.scales(keys, true);
  args.start = builder.zeros<int32_t>(m);
  args.end = builder.filled<int32_t>(m, [=](int64_t i) { return keys - m + 1 + i; });
  args.logits = builder.zeros<float>(static_cast<int64_t>(m) * keys);
  args.logits_stride = keys;
  return builder.finish(static_cast<double>(keys) * HD_INDEX_TOKEN_BYTES, index_operations(m, keys));
}

Call logits_paged(int m, int keys) {
  CallBuilder<hd_indexer_logits_paged_args> builder;
  auto& args = builder.args;
  one_sequence(builder, m, keys);
  index_queries(builder, m);
  args.cache = index_cache(builder, keys);
  args.logits = builder.zeros<float>(static_cast<int64_t>(m) * keys);
  args.logits_stride = keys;
  return builder.finish(static_cast<double>(keys) * HD_INDEX_TOKEN_BYTES, index_operations(m, keys));
}

Call indexer_topk(int m, int keys) {
  CallBuilder<hd_indexer_topk_args> builder;
  auto& args = builder.args;
  one_sequence(builder, m, keys);
  index_queries(builder, m);
  args.topk = 2048;
  args.cache = index_cache(builder, keys);
  args.indices = builder.zeros<int32_t>(static_cast<int64_t>(m) * args.topk);
  return builder.finish(static_cast<double>(keys) * HD_INDEX_TOKEN_BYTES, index_operations(m, keys));
}

Call topk(int m, int keys) {
  CallBuilder<hd_topk_args> builder;
  auto& args = builder.args;
  args.m = m;
  args.topk = 2048;
  args.scores = builder.floats(static_cast<int64_t>(m) * keys);
  args.scores_stride = keys;
  args.visible = builder.filled<int32_t>(m, [=](int64_t) { return keys; });
  args.positions = builder.zeros<int32_t>(static_cast<int64_t>(m) * args.topk);
  return builder.finish(4.0 * m * keys, 0);
}

Call indexer_weights(int m) {
  CallBuilder<hd_indexer_weights_args> builder;
  auto& args = builder.args;
  args.m = m;
  args.heads = kIndexHeads;
  args.head_scale = 0.125f;
  args.softmax_scale = 0.0883883f;
  args.x = builder.floats(m * kIndexHeads);
  args.q_scale = builder.scales(m * kIndexHeads, true);
  args.y = builder.zeros<float>(m * kIndexHeads);
  return builder.finish(12.0 * m * kIndexHeads, 0);
}

double attention_operations(int m, int heads, int keys) {
  return 2.0 * m * heads * keys * (HD_MLA_DIM + HD_LATENT_DIM);
}

Call sparse(int m, int context) {
  constexpr int kHeads = 128;
  CallBuilder<hd_sparse_mla_args> builder;
  auto& args = builder.args;
  args.q_dtype = HD_DTYPE_BF16;
  args.format = HD_MLA_FP8;
  args.m = m;
  args.heads = kHeads;
  args.topk = 2048;
  args.pages = context / HD_PAGE_TOKENS;
  args.softmax_scale = 0.01f;
  args.q = builder.bf16s(static_cast<int64_t>(m) * kHeads * HD_MLA_DIM);
  args.cache = mla_cache(builder, context);
  const int64_t step = context / args.topk;
  args.indices = builder.filled<int32_t>(static_cast<int64_t>(m) * args.topk,
                                         [&](int64_t i) { return i % args.topk * step + i % 3 % step; });
  args.out = builder.zeros<uint16_t>(static_cast<int64_t>(m) * kHeads * HD_LATENT_DIM);
  return builder.finish(static_cast<double>(m) * args.topk * kMlaToken, attention_operations(m, kHeads, args.topk));
}

Call dense(int m, int keys) {
  constexpr int kHeads = 128;
  CallBuilder<hd_dense_mla_args> builder;
  auto& args = builder.args;
  one_sequence(builder, m, keys);
  args.q_dtype = HD_DTYPE_BF16;
  args.format = HD_MLA_FP8;
  args.heads = kHeads;
  args.softmax_scale = 0.01f;
  args.q = builder.bf16s(static_cast<int64_t>(m) * kHeads * HD_MLA_DIM);
  args.cache = mla_cache(builder, keys);
  args.out = builder.zeros<uint16_t>(static_cast<int64_t>(m) * kHeads * HD_LATENT_DIM);
  return builder.finish(static_cast<double>(keys) * kMlaToken, attention_operations(m, kHeads, keys));
}

Call mha(int m, int keys) {
  constexpr int kHeads = 128;
  constexpr int kWidth = 128;
  CallBuilder<hd_masked_mha_args> builder;
  auto& args = builder.args;
  args.q_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.heads = kHeads;
  args.keys = keys;
  args.nope_dim = args.v_dim = kWidth;
  args.softmax_scale = 0.01f;
  args.q = builder.bf16s(static_cast<int64_t>(m) * kHeads * (kWidth + HD_ROPE_DIM));
  args.kv = builder.bf16s(static_cast<int64_t>(keys) * kHeads * 2 * kWidth);
  args.k_rope = builder.bf16s(static_cast<int64_t>(keys) * HD_ROPE_DIM);
  args.k_rope_stride = HD_ROPE_DIM;
  args.visible = builder.filled<int32_t>(m, [=](int64_t i) { return keys - m + 1 + i; });
  args.out = builder.zeros<uint16_t>(static_cast<int64_t>(m) * kHeads * kWidth);
  return builder.finish(4.0 * keys * kHeads * kWidth, 2.0 * m * kHeads * keys * (2.0 * kWidth + HD_ROPE_DIM));
}

Call append(int m) {
  CallBuilder<hd_mla_cache_append_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.format = HD_MLA_FP8;
  args.scale_format = HD_SCALE_UE8M0;
  args.m = m;
  args.pages = 64;
  args.latent = builder.bf16s(static_cast<int64_t>(m) * HD_LATENT_DIM);
  args.latent_stride = HD_LATENT_DIM;
  args.rope = builder.bf16s(static_cast<int64_t>(m) * HD_ROPE_DIM);
  args.rope_stride = HD_ROPE_DIM;
  args.slots = builder.filled<int32_t>(m, [](int64_t i) { return i; });
  args.cache = builder.zeros<uint8_t>(64 * HD_PAGE_TOKENS * kMlaToken);
  return builder.finish(static_cast<double>(m) * (2 * HD_MLA_DIM + kMlaToken), 0);
}

Call gather(int m) {
  CallBuilder<hd_mla_cache_gather_args> builder;
  auto& args = builder.args;
  args.format = HD_MLA_FP8;
  args.y_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.pages = 64;
  args.slots = builder.filled<int32_t>(m, [](int64_t i) { return i; });
  args.cache = mla_cache(builder, 64 * HD_PAGE_TOKENS);
  args.y = builder.zeros<uint16_t>(static_cast<int64_t>(m) * HD_MLA_DIM);
  args.y_stride = HD_MLA_DIM;
  return builder.finish(static_cast<double>(m) * (2 * HD_MLA_DIM + kMlaToken), 0);
}

Call index_append(int m) {
  CallBuilder<hd_index_cache_append_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.scale_format = HD_SCALE_UE8M0;
  args.m = m;
  args.pages = 64;
  args.k = builder.bf16s(static_cast<int64_t>(m) * HD_INDEX_DIM);
  args.k_stride = HD_INDEX_DIM;
  args.slots = builder.filled<int32_t>(m, [](int64_t i) { return i; });
  args.cache = builder.zeros<uint8_t>(64 * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES);
  return builder.finish(static_cast<double>(m) * (2 * HD_INDEX_DIM + HD_INDEX_TOKEN_BYTES), 0);
}

}  // namespace

std::vector<Setting> attention_settings() {
  std::vector<Setting> settings;
  const auto add = [&](int32_t op, std::string name, std::function<Call()> make) {
    settings.push_back({op, std::move(name), std::move(make)});
  };
  for (const int m : {1, 256}) {
    const std::string suffix = "/m" + std::to_string(m);
    add(HD_OP_INDEXER_LOGITS, "32K" + suffix, [=] { return logits(m, 32768); });
    add(HD_OP_INDEXER_LOGITS_PAGED, "32K" + suffix, [=] { return logits_paged(m, 32768); });
    add(HD_OP_INDEXER_TOPK, "32K" + suffix, [=] { return indexer_topk(m, 32768); });
    add(HD_OP_INDEXER_WEIGHTS, "64" + suffix, [=] { return indexer_weights(m); });
    add(HD_OP_MLA_CACHE_APPEND, "fp8" + suffix, [=] { return append(m); });
    add(HD_OP_MLA_CACHE_GATHER, "fp8" + suffix, [=] { return gather(m); });
    add(HD_OP_INDEX_CACHE_APPEND, "128" + suffix, [=] { return index_append(m); });
  }
  add(HD_OP_TOPK, "2048of128K/m1", [] { return topk(1, 131072); });
  for (const int m : {1, 16}) {
    const std::string suffix = "/m" + std::to_string(m);
    add(HD_OP_SPARSE_MLA, "128heads/2048of32K" + suffix, [=] { return sparse(m, 32768); });
    add(HD_OP_DENSE_MLA, "128heads/4K" + suffix, [=] { return dense(m, 4096); });
  }
  add(HD_OP_MASKED_MHA, "128heads/1K/m64", [] { return mha(64, 1024); });
  return settings;
}

}  // namespace hadal::bench
