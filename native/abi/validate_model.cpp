// Mixture of experts, caches, indexer and attention.
#include "abi/validate.h"

namespace hadal {
namespace {

int64_t mla_token_bytes(int32_t format) {
  switch (format) {
    case HD_MLA_FP8:
      return 656;
    case HD_MLA_FP8_F32:
      return 784;
    case HD_MLA_BF16:
      return 1152;
    default:
      return 2304;
  }
}

int64_t mla_cache_bytes(int32_t pages, int32_t format) {
  return product({pages, HD_PAGE_TOKENS, mla_token_bytes(format)});
}

int64_t index_cache_bytes(int32_t pages) {
  return product({pages, HD_PAGE_TOKENS, HD_INDEX_TOKEN_BYTES});
}

// The activation type that goes with a cache format.
void cache_dtype(Check& check, const char* name, int32_t dtype, int32_t format) {
  check.range("format", format, HD_MLA_FP8, HD_MLA_F32);
  const bool f32 = format == HD_MLA_FP8_F32 || format == HD_MLA_F32;
  check.require(dtype == (f32 ? HD_DTYPE_F32 : HD_DTYPE_BF16), name, dtype,
                f32 ? "HD_DTYPE_F32 (1) for this cache format" : "HD_DTYPE_BF16 (2) for this cache format");
}

template <class Args>
void paging(Check& check, const Args& args) {
  check.range("sequences", args.sequences, 1);
  check.range("max_pages", args.max_pages, 1, INT32_MAX / HD_PAGE_TOKENS);
  check.input("block_table", args.block_table, product({args.sequences, args.max_pages, 4}), 4);
  check.input("row_sequence", args.row_sequence, product({args.m, 4}), 4);
  check.input("visible", args.visible, product({args.m, 4}), 4);
}

}  // namespace

bool validate(Check& check, const hd_moe_route_args& args) {
  check.range("m", args.m, 0);
  check.range("experts", args.experts, 1, 1024);
  check.range("groups", args.groups, 1, args.experts);
  if (!check.failed()) check.require(args.experts % args.groups == 0, "groups", args.groups, "a divisor of experts");
  check.range("top_groups", args.top_groups, 1, args.groups);
  if (!check.failed()) check.range("top_experts", args.top_experts, 1, args.experts / args.groups * args.top_groups);
  check.range("normalize", args.normalize, 0, 1);
  check.finite("scale", args.scale);
  if (check.failed() || args.m == 0) return false;
  check.input("logits", args.logits, product({args.m, args.experts, 4}), 4);
  check.input("bias", args.bias, product({args.experts, 4}), 4, true);
  check.output("ids", args.ids, product({args.m, args.top_experts, 4}), 4);
  check.output("weights", args.weights, product({args.m, args.top_experts, 4}), 4);
  return true;
}

bool validate(Check& check, const hd_moe_permute_args& args) {
  const bool is_fp8 = args.x_dtype == HD_DTYPE_F8_E4M3 || args.x_dtype == HD_DTYPE_NONE;
  check.require(is_fp8 || args.x_dtype == HD_DTYPE_BF16 || args.x_dtype == HD_DTYPE_F32, "x_dtype", args.x_dtype,
                "HD_DTYPE_F8_E4M3 (3, or 0), HD_DTYPE_BF16 (2) or HD_DTYPE_F32 (1)");
  check.range("m", args.m, 0);
  check.range("k", args.k, 0);
  check.multiple("k", args.k, HD_SCALE_BLOCK);
  check.range("experts", args.experts, 1, 1024);
  check.range("top_experts", args.top_experts, 1, args.experts);
  check.range("alignment", args.alignment, 1, 1 << 16);
  check.range("rows", args.rows, 0);
  if (check.failed()) return false;
  const int64_t element = is_fp8 ? 1 : bytes_of(args.x_dtype);
  check.input("ids", args.ids, product({args.m, args.top_experts, 4}), 4);
  check.input("x", args.x, product({args.m, args.k, element}), element);
  check.output("y", args.y, product({args.rows, args.k, element}), element);
  if (is_fp8) {
    check.range("x_scale_row_stride", args.x_scale_row_stride, 1, INT64_MAX / 16);
    check.range("x_scale_block_stride", args.x_scale_block_stride, 1, INT64_MAX / 16);
    check.range("y_scale_row_stride", args.y_scale_row_stride, 1, INT64_MAX / 16);
    check.range("y_scale_block_stride", args.y_scale_block_stride, 1, INT64_MAX / 16);
    const int64_t blocks = args.k / HD_SCALE_BLOCK;
    check.apart("y_scale_row_stride", args.y_scale_row_stride, args.rows, "y_scale_block_stride",
                args.y_scale_block_stride, blocks, 1);
    check.input("x_scale", args.x_scale,
                scale_bytes(args.m, blocks, args.x_scale_row_stride, args.x_scale_block_stride), 4);
    check.output("y_scale", args.y_scale,
                 scale_bytes(args.rows, blocks, args.y_scale_row_stride, args.y_scale_block_stride), 4);
  }
  check.output("row_of", args.row_of, product({args.m, args.top_experts, 4}), 4);
  check.output("grouped_layout", args.grouped_layout, product({args.rows, 4}), 4);
  return args.m != 0 || args.rows != 0;
}

bool validate(Check& check, const hd_moe_combine_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.range("top_experts", args.top_experts, 1, 1024);
  check.range("rows", args.rows, 0);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  const int64_t element = bytes_of(args.x_dtype);
  check.input("x", args.x, product({args.rows, args.n, element}), element);
  check.input("row_of", args.row_of, product({args.m, args.top_experts, 4}), 4);
  check.input("weights", args.weights, product({args.m, args.top_experts, 4}), 4);
  check.input("shared", args.shared, product({args.m, args.n, element}), element, true);
  check.output("y", args.y, product({args.m, args.n, element}), element);
  check.in_place(args.shared, true);
  return true;
}

bool validate(Check& check, const hd_mla_cache_append_args& args) {
  cache_dtype(check, "x_dtype", args.x_dtype, args.format);
  check.range("scale_format", args.scale_format, HD_SCALE_PLAIN, HD_SCALE_UE8M0);
  check.range("m", args.m, 0);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  if (check.failed() || args.m == 0) return false;
  if (args.m > 1) check.at_least("latent_stride", args.latent_stride, HD_LATENT_DIM, "the latent's width");
  if (args.m > 1) check.at_least("rope_stride", args.rope_stride, HD_ROPE_DIM, "the rope part's width");
  const int64_t element = bytes_of(args.x_dtype);
  check.input("latent", args.latent, extent(args.m, args.latent_stride, HD_LATENT_DIM, element), element);
  check.input("rope", args.rope, extent(args.m, args.rope_stride, HD_ROPE_DIM, element), element);
  check.input("slots", args.slots, product({args.m, 4}), 4);
  check.output("cache", args.cache, mla_cache_bytes(args.pages, args.format), 16);
  return true;
}

bool validate(Check& check, const hd_mla_cache_gather_args& args) {
  cache_dtype(check, "y_dtype", args.y_dtype, args.format);
  check.range("m", args.m, 0);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  if (check.failed() || args.m == 0) return false;
  if (args.m > 1) check.at_least("y_stride", args.y_stride, HD_MLA_DIM, "latent and rope");
  const int64_t element = bytes_of(args.y_dtype);
  check.input("slots", args.slots, product({args.m, 4}), 4);
  check.input("cache", args.cache, mla_cache_bytes(args.pages, args.format), 16);
  check.output("y", args.y, extent(args.m, args.y_stride, HD_MLA_DIM, element), element);
  return true;
}

bool validate(Check& check, const hd_index_cache_append_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("scale_format", args.scale_format, HD_SCALE_PLAIN, HD_SCALE_UE8M0);
  check.range("m", args.m, 0);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  if (check.failed() || args.m == 0) return false;
  if (args.m > 1) check.at_least("k_stride", args.k_stride, HD_INDEX_DIM, "a key's width");
  const int64_t element = bytes_of(args.x_dtype);
  check.input("k", args.k, extent(args.m, args.k_stride, HD_INDEX_DIM, element), element);
  check.input("slots", args.slots, product({args.m, 4}), 4);
  check.output("cache", args.cache, index_cache_bytes(args.pages), 16);
  return true;
}

bool validate(Check& check, const hd_indexer_weights_args& args) {
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 0);
  check.finite("head_scale", args.head_scale);
  check.finite("softmax_scale", args.softmax_scale);
  if (check.failed() || args.m == 0 || args.heads == 0) return false;
  check.input("x", args.x, product({args.m, args.heads, 4}), 4);
  check.input("q_scale", args.q_scale, product({args.m, args.heads, 4}), 4);
  check.output("y", args.y, product({args.m, args.heads, 4}), 4);
  check.in_place(args.x, true);
  return true;
}

bool validate(Check& check, const hd_indexer_logits_args& args) {
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 1, 128);
  check.range("keys", args.keys, 0);
  if (check.failed() || args.m == 0 || args.keys == 0) return false;
  if (args.m > 1) check.at_least("logits_stride", args.logits_stride, args.keys, "keys");
  check.input("q", args.q, product({args.m, args.heads, HD_INDEX_DIM}));
  check.input("weights", args.weights, product({args.m, args.heads, 4}), 4);
  check.input("k", args.k, product({args.keys, HD_INDEX_DIM}));
  check.input("k_scale", args.k_scale, product({args.keys, 4}), 4);
  check.input("start", args.start, product({args.m, 4}), 4);
  check.input("end", args.end, product({args.m, 4}), 4);
  check.output("logits", args.logits, extent(args.m, args.logits_stride, args.keys, 4), 4);
  return true;
}

bool validate(Check& check, const hd_indexer_logits_paged_args& args) {
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 1, 128);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  if (check.failed() || args.m == 0) return false;
  check.range("logits_stride", args.logits_stride, 0, INT64_MAX / 16);
  check.input("q", args.q, product({args.m, args.heads, HD_INDEX_DIM}));
  check.input("weights", args.weights, product({args.m, args.heads, 4}), 4);
  check.input("cache", args.cache, index_cache_bytes(args.pages), 16);
  paging(check, args);
  check.output("logits", args.logits, product({args.m, args.logits_stride, 4}), 4);
  return true;
}

bool validate(Check& check, const hd_topk_args& args) {
  check.range("m", args.m, 0);
  check.range("topk", args.topk, 64, 1 << 20);
  check.multiple("topk", args.topk, 64);
  if (check.failed() || args.m == 0) return false;
  check.range("scores_stride", args.scores_stride, 0, INT32_MAX);
  check.input("scores", args.scores, product({args.m, args.scores_stride, 4}), 4);
  if (args.block_table != nullptr || args.row_sequence != nullptr) {
    paging(check, args);
  } else {
    check.input("visible", args.visible, product({args.m, 4}), 4);
    check.absent("indices", args.indices, "without block_table and row_sequence");
  }
  check.output("positions", args.positions, product({args.m, args.topk, 4}), 4, true);
  check.output("indices", args.indices, product({args.m, args.topk, 4}), 4, true);
  return true;
}

bool validate(Check& check, const hd_indexer_topk_args& args) {
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 1, 128);
  check.range("topk", args.topk, 64, 1 << 20);
  check.multiple("topk", args.topk, 64);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  if (check.failed() || args.m == 0) return false;
  check.input("q", args.q, product({args.m, args.heads, HD_INDEX_DIM}));
  check.input("weights", args.weights, product({args.m, args.heads, 4}), 4);
  check.input("cache", args.cache, index_cache_bytes(args.pages), 16);
  paging(check, args);
  check.output("positions", args.positions, product({args.m, args.topk, 4}), 4, true);
  check.output("indices", args.indices, product({args.m, args.topk, 4}), 4, true);
  return true;
}

bool validate(Check& check, const hd_sparse_mla_args& args) {
  check.range("format", args.format, HD_MLA_FP8, HD_MLA_FP8_F32);
  cache_dtype(check, "q_dtype", args.q_dtype, args.format);
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 0, 1 << 16);
  check.range("topk", args.topk, 64, 1 << 20);
  check.multiple("topk", args.topk, 64);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  check.finite("softmax_scale", args.softmax_scale);
  if (check.failed() || args.m == 0 || args.heads == 0) return false;
  const int64_t element = bytes_of(args.q_dtype);
  check.input("q", args.q, product({args.m, args.heads, HD_MLA_DIM, element}), element);
  check.input("cache", args.cache, mla_cache_bytes(args.pages, args.format), 16);
  check.input("indices", args.indices, product({args.m, args.topk, 4}), 4);
  check.output("out", args.out, product({args.m, args.heads, HD_LATENT_DIM, element}), element);
  check.output("lse", args.lse, product({args.m, args.heads, 4}), 4, true);
  return true;
}

bool validate(Check& check, const hd_dense_mla_args& args) {
  cache_dtype(check, "q_dtype", args.q_dtype, args.format);
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 0, 1 << 16);
  check.range("pages", args.pages, 0, INT32_MAX / HD_PAGE_TOKENS);
  check.finite("softmax_scale", args.softmax_scale);
  if (check.failed() || args.m == 0 || args.heads == 0) return false;
  const int64_t element = bytes_of(args.q_dtype);
  check.input("q", args.q, product({args.m, args.heads, HD_MLA_DIM, element}), element);
  check.input("cache", args.cache, mla_cache_bytes(args.pages, args.format), 16);
  paging(check, args);
  check.output("out", args.out, product({args.m, args.heads, HD_LATENT_DIM, element}), element);
  check.output("lse", args.lse, product({args.m, args.heads, 4}), 4, true);
  return true;
}

bool validate(Check& check, const hd_masked_mha_args& args) {
  check.act("q_dtype", args.q_dtype);
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 0, 1 << 16);
  check.range("keys", args.keys, 0);
  check.range("nope_dim", args.nope_dim, 1, 1024);
  check.range("v_dim", args.v_dim, 1, 1024);
  check.range("topk", args.topk, 0, 1 << 20);
  check.finite("softmax_scale", args.softmax_scale);
  if (check.failed() || args.m == 0 || args.heads == 0) return false;
  if (args.keys > 1) check.at_least("k_rope_stride", args.k_rope_stride, HD_ROPE_DIM, "the rope part's width");
  const int64_t element = bytes_of(args.q_dtype);
  check.input("q", args.q, product({args.m, args.heads, args.nope_dim + HD_ROPE_DIM, element}), element);
  check.input("kv", args.kv, product({args.keys, args.heads, args.nope_dim + args.v_dim, element}), element);
  check.input("k_rope", args.k_rope, extent(args.keys, args.k_rope_stride, HD_ROPE_DIM, element), element);
  check.input("visible", args.visible, product({args.m, 4}), 4);
  check.input("positions", args.positions, product({args.m, args.topk, 4}), 4, true);
  check.output("out", args.out, product({args.m, args.heads, args.v_dim, element}), element);
  return true;
}

}  // namespace hadal
