// The lightning indexer: scores, and the choice among them.
#include "setting.h"

namespace hadal::bench {
namespace {

Setting weights(int64_t m, int64_t heads) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_indexer_weights_args>();
    args.m = to_int(m);
    args.heads = to_int(heads);
    args.head_scale = 0.125f;
    args.softmax_scale = 0.0883883476f;
    args.x = memory.floats(m * heads);
    args.q_scale = memory.floats(m * heads);
    args.y = static_cast<float*>(memory.zeros(m * heads * 4));
    return owned(args);
  };
  return {HD_OP_INDEXER_WEIGHTS, text("m=%ld, %ld heads", m, heads), number(m * heads * 12), 0, Rate::none, make};
}

// m queries that see all of `keys`.
struct Scores {
  int64_t m, heads, keys;
  double operations() const { return 2.0 * HD_INDEX_DIM * number(m) * number(heads) * number(keys); }
  std::string shape() const { return text("m=%ld, %ld heads, %ld keys", m, heads, keys); }
};

Setting logits(const Scores& s) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_indexer_logits_args>();
    args.m = to_int(s.m);
    args.heads = to_int(s.heads);
    args.keys = to_int(s.keys);
    args.q = memory.codes(s.m * s.heads * HD_INDEX_DIM);
    args.weights = memory.floats(s.m * s.heads);
    args.k = memory.codes(s.keys * HD_INDEX_DIM);
    args.k_scale = memory.ones(s.keys);
    args.start = memory.ints(s.m, [](int64_t) { return 0; });
    args.end = memory.ints(s.m, [=](int64_t) { return s.keys; });
    args.logits_stride = s.keys;
    args.logits = static_cast<float*>(memory.zeros(s.m * s.keys * 4));
    return owned(args);
  };
  return {HD_OP_INDEXER_LOGITS, s.shape(), number(s.keys * HD_INDEX_TOKEN_BYTES + s.m * s.keys * 4),
          s.operations(),       Rate::fp8, make};
}

// What the operations over pages share: the queries, and one sequence in pages that lie in order.
template <class Args>
Args paged(Memory& memory, const Scores& s) {
  const int64_t pages = s.keys / HD_PAGE_TOKENS;
  auto args = sized<Args>();
  args.m = to_int(s.m);
  args.heads = to_int(s.heads);
  args.pages = args.max_pages = to_int(pages);
  args.sequences = 1;
  args.q = memory.codes(s.m * s.heads * HD_INDEX_DIM);
  args.weights = memory.floats(s.m * s.heads);
  // As floats the codes are scales of every magnitude below 2, none of them infinite or NaN.
  args.cache = memory.codes(s.keys * HD_INDEX_TOKEN_BYTES);
  args.block_table = memory.ints(pages, [](int64_t page) { return page; });
  args.row_sequence = memory.ints(s.m, [](int64_t) { return 0; });
  args.visible = memory.ints(s.m, [=](int64_t) { return s.keys; });
  return args;
}

Setting logits_paged(const Scores& s) {
  const auto make = [=](Memory& memory) {
    auto args = paged<hd_indexer_logits_paged_args>(memory, s);
    args.logits_stride = (s.keys + 255) / 256 * 256;
    args.logits = static_cast<float*>(memory.zeros(s.m * args.logits_stride * 4));
    return owned(args);
  };
  return {HD_OP_INDEXER_LOGITS_PAGED,
          s.shape(),
          number(s.keys * HD_INDEX_TOKEN_BYTES + s.m * s.keys * 4),
          s.operations(),
          Rate::fp8,
          make};
}

Setting indexer_topk(const Scores& s, int64_t topk) {
  const auto make = [=](Memory& memory) {
    auto args = paged<hd_indexer_topk_args>(memory, s);
    args.topk = to_int(topk);
    args.indices = static_cast<int32_t*>(memory.zeros(s.m * topk * 4));
    return owned(args);
  };
  return {HD_OP_INDEXER_TOPK,
          text("%s, top %ld", s.shape().c_str(), topk),
          number(s.keys * HD_INDEX_TOKEN_BYTES + s.m * topk * 4),
          s.operations(),
          Rate::fp8,
          make};
}

Setting topk(int64_t m, int64_t keys, int64_t count) {
  const auto make = [=](Memory& memory) {
    auto args = sized<hd_topk_args>();
    args.m = to_int(m);
    args.topk = to_int(count);
    args.scores = memory.floats(m * keys);
    args.scores_stride = keys;
    args.visible = memory.ints(m, [=](int64_t) { return keys; });
    args.positions = static_cast<int32_t*>(memory.zeros(m * count * 4));
    return owned(args);
  };
  return {HD_OP_TOPK, text("m=%ld, %ld of %ld", m, count, keys), number(m * keys * 4 + m * count * 4), 0, Rate::none,
          make};
}

}  // namespace

void add_indexer(Settings& settings) {
  const auto add = [&](Setting setting) { settings.list.push_back(std::move(setting)); };
  const int64_t count = settings.size(kTopK, 64);
  const int64_t heads = settings.size(kIndexHeads, 32);
  for (const int64_t m : settings.sizes({1, 64, 4096}, 2)) add(weights(m, heads));
  // A step of decoding, and a chunk of a prompt.
  for (const int64_t m : settings.sizes({1, 512}, 1)) {
    for (const int64_t keys : settings.sizes({4096, 32768, 131072}, 128)) {
      const Scores scores{m, heads, keys};
      add(logits(scores));
      add(logits_paged(scores));
      add(topk(m, keys, count));
      add(indexer_topk(scores, count));
    }
  }
}

}  // namespace hadal::bench
