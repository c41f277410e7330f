// Attention: over chosen tokens, over all tokens, and in the expanded form.
#include "setting.h"

namespace hadal::bench {
namespace {

constexpr float kSoftmaxScale = 0.07f;

// A cache in FlashMLA's FP8 format: codes, four scales of 1, and a rope part of zeros.
void* fp8_cache(Memory& memory, int64_t pages) {
  constexpr int64_t kToken = 656;
  std::vector<uint8_t> token(kToken);
  for (size_t i = 0; i < HD_LATENT_DIM; ++i) token[i] = static_cast<uint8_t>(0x20 + i * 37 % 24);
  for (size_t scale = 0; scale < 4; ++scale) {
    token[HD_LATENT_DIM + scale * 4 + 2] = 0x80;
    token[HD_LATENT_DIM + scale * 4 + 3] = 0x3f;
  }
  return memory.repeated(token.data(), token.size(), pages * HD_PAGE_TOKENS * kToken);
}

// Tokens spread over the cache; the queries read other ones each, as far as there are others.
Setting sparse(int64_t m, int64_t heads, int64_t topk, int64_t pages) {
  const int64_t slots = pages * HD_PAGE_TOKENS;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_sparse_mla_args>();
    args.q_dtype = HD_DTYPE_BF16;
    args.format = HD_MLA_FP8;
    args.m = to_int(m);
    args.heads = to_int(heads);
    args.topk = to_int(topk);
    args.pages = to_int(pages);
    args.softmax_scale = kSoftmaxScale;
    args.q = memory.bf16s(m * heads * HD_MLA_DIM);
    args.cache = fp8_cache(memory, pages);
    args.indices = memory.ints(m * topk, [=](int64_t i) {
      const int64_t step = slots / topk;
      return i % topk * step + i / topk % step;
    });
    args.out = memory.zeros(m * heads * HD_LATENT_DIM * 2);
    return owned(args);
  };
  const int64_t gathered = m * topk * 656;
  return {HD_OP_SPARSE_MLA,
          text("m=%ld, %ld heads, %ld of %ld", m, heads, topk, slots),
          number(gathered + m * heads * (HD_MLA_DIM + HD_LATENT_DIM) * 2),
          2.0 * (HD_MLA_DIM + HD_LATENT_DIM) * number(m) * number(heads) * number(topk),
          Rate::bf16,
          make};
}

Setting dense(int64_t m, int64_t heads, int64_t keys) {
  const int64_t pages = keys / HD_PAGE_TOKENS;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_dense_mla_args>();
    args.q_dtype = HD_DTYPE_BF16;
    args.format = HD_MLA_BF16;
    args.m = to_int(m);
    args.heads = to_int(heads);
    args.pages = args.max_pages = to_int(pages);
    args.sequences = 1;
    args.softmax_scale = kSoftmaxScale;
    args.q = memory.bf16s(m * heads * HD_MLA_DIM);
    args.cache = memory.bf16s(keys * HD_MLA_DIM);
    args.block_table = memory.ints(pages, [](int64_t page) { return page; });
    args.row_sequence = memory.ints(m, [](int64_t) { return 0; });
    args.visible = memory.ints(m, [=](int64_t) { return keys; });
    args.out = memory.zeros(m * heads * HD_LATENT_DIM * 2);
    return owned(args);
  };
  return {HD_OP_DENSE_MLA,
          text("m=%ld, %ld heads, %ld keys", m, heads, keys),
          number(keys * HD_MLA_DIM * 2 + m * heads * (HD_MLA_DIM + HD_LATENT_DIM) * 2),
          2.0 * (HD_MLA_DIM + HD_LATENT_DIM) * number(m) * number(heads) * number(keys),
          Rate::bf16,
          make};
}

// A chunk of a prompt over a context, all of it visible.
Setting expanded(int64_t m, int64_t heads, int64_t keys) {
  constexpr int64_t kNope = 128;
  constexpr int64_t kValue = 128;
  constexpr int64_t kQuery = kNope + HD_ROPE_DIM;
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_masked_mha_args>();
    args.q_dtype = HD_DTYPE_BF16;
    args.m = to_int(m);
    args.heads = to_int(heads);
    args.keys = to_int(keys);
    args.nope_dim = to_int(kNope);
    args.v_dim = to_int(kValue);
    args.softmax_scale = kSoftmaxScale;
    args.q = memory.bf16s(m * heads * kQuery);
    args.kv = memory.bf16s(keys * heads * (kNope + kValue));
    args.k_rope = memory.bf16s(keys * HD_ROPE_DIM);
    args.k_rope_stride = HD_ROPE_DIM;
    args.visible = memory.ints(m, [=](int64_t) { return keys; });
    args.out = memory.zeros(m * heads * kValue * 2);
    return owned(args);
  };
  return {HD_OP_MASKED_MHA,
          text("m=%ld, %ld heads, %ld keys", m, heads, keys),
          number(keys * (heads * (kNope + kValue) + HD_ROPE_DIM) * 2 + m * heads * (kQuery + kValue) * 2),
          2.0 * (kQuery + kValue) * number(m) * number(heads) * number(keys),
          Rate::bf16,
          make};
}

}  // namespace

void add_attention(Settings& settings) {
  const auto add = [&](Setting setting) { settings.list.push_back(std::move(setting)); };
  const int64_t heads = settings.size(kHeads, 16);
  const int64_t topk = settings.size(kTopK, 64);
  const int64_t pages = settings.size(512, 4);
  // From 16 queries on, FlashMLA's prefill serves those that read each token of the cache at least twice.
  for (const int64_t m : settings.sizes({1, 16, 64, 512}, 2)) add(sparse(m, heads, topk, pages));
  if (settings.is_tiny()) add(sparse(16, heads, topk, 1));
  for (const int64_t keys : settings.sizes({4096, 32768, 131072}, 128)) add(dense(1, heads, keys));
  add(dense(settings.size(64, 2), heads, settings.size(4096, 128)));
  for (const int64_t keys : settings.sizes({4096, 32768}, 128)) add(expanded(settings.size(512, 2), heads, keys));
}

}  // namespace hadal::bench
