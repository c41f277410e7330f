#include <algorithm>
#include <numeric>

#include "support/caches.h"

namespace hadal::tests {
namespace {

std::string format_name(int32_t format) {
  constexpr const char* kNames[] = {"fp8", "fp8f32", "bf16", "f32"};
  return kNames[format];
}

// In BF16 the softmax's weights are rounded to bf16 against a maximum of the kernel's own, and latents may be: two
// right kernels differ by a few thousandths of the output's size.
constexpr Tolerance attention_tolerance(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? Tolerance{2e-5, 2e-5, 1e-8} : Tolerance{0x1p-7, 0.01, 3e-5};
}
constexpr Tolerance kLse{1e-5, 1e-5, 1e-8};

// Gives a token of every page of FP8 a scale that is no power of two.
std::vector<uint8_t> with_a_plain_scale(std::vector<uint8_t> cache) {
  constexpr auto kBytes = static_cast<size_t>(mla_token_bytes(HD_MLA_FP8));
  for (size_t at = 49 * kBytes; at < cache.size(); at += HD_PAGE_TOKENS * kBytes) cache[at + HD_LATENT_DIM + 1] = 0x77;
  return cache;
}

// The outputs of MLA.
template <class Args>
void add_attended(Builder<Args>& builder, size_t rows, bool lse) {
  const Args& args = builder.args;
  const int64_t width = int64_t{args.heads} * HD_LATENT_DIM;
  strided_rows(
      builder.output("out", &Args::out, type_of(args.q_dtype), args.m * width, attention_tolerance(args.q_dtype)), rows,
      width, width);
  if (lse) {
    strided_rows(builder.output("lse", &Args::lse, Type::f32, int64_t{args.m} * args.heads, kLse), rows, args.heads,
                 args.heads);
  }
}

}  // namespace

std::vector<CaseMaker> sparse_mla_cases() {
  struct Shape {
    int m, heads, topk;
    int32_t format;
    bool pow2;
    bool lse = true;
    float q_size = 1.0f;
    int pages = 6;
    bool mixed = false;  // A few scales are no powers of two.
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 64, HD_MLA_FP8, true},
                             {4, 16, 64, HD_MLA_FP8_F32, false},
                             {17, 17, 64, HD_MLA_FP8, true},
                             {3, 128, 128, HD_MLA_FP8, true},
                             {3, 64, 192, HD_MLA_FP8, false, false},
                             {16, 5, 128, HD_MLA_FP8, false},
                             {2, 33, 256, HD_MLA_FP8_F32, true, false},
                             {3, 16, 128, HD_MLA_FP8, true, true, 8.0f},
                             {4, 16, 128, HD_MLA_FP8, true, true, 1.0f, 6, true},
                             {3, 48, 128, HD_MLA_FP8, true, true, 1.0f, 6, true},
                             {1, 40, 1152, HD_MLA_FP8, true, true, 1.0f, 24},
                             {5, 3, 640, HD_MLA_FP8, false, false, 1.0f, 14},
                             {1, 72, 64, HD_MLA_FP8, true},
                             {17, 2, 64, HD_MLA_FP8, true, true, 1.0f, 300},
                             {2, 20, 128, HD_MLA_FP8, true},
                             {3, 7, 128, HD_MLA_FP8_F32, true, true, 8.0f}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_top" +
                             std::to_string(shape.topk) + "_" + format_name(shape.format) +
                             (shape.mixed  ? "_plain_mixed"
                              : shape.pow2 ? "_ue8m0"
                                           : "_plain") +
                             (shape.lse ? "_lse" : "") + (shape.q_size != 1 ? "_sharp" : "") +
                             (shape.pages > 100 ? "_large" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_sparse_mla_args;
                       Builder<Args> builder(name, HD_OP_SPARSE_MLA);
                       auto& args = builder.args;
                       args.q_dtype = is_f32(shape.format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
                       args.format = shape.format;
                       args.m = count_of(rows);
                       args.heads = shape.heads;
                       args.topk = shape.topk;
                       args.pages = shape.pages;
                       args.softmax_scale = 0.1352f;
                       const int last = shape.pages * HD_PAGE_TOKENS;
                       const auto used = [&](int slot) {
                         // Of a large cache what lies at its ends.
                         const bool in_reach = shape.pages < 100 || slot < 2 * HD_PAGE_TOKENS || slot >= last - 50;
                         return slot >= HD_PAGE_TOKENS && slot % 5 != 0 && in_reach;
                       };
                       std::vector<int32_t> indices;
                       for (const int row : rows) {
                         // Row 1 has no tokens, row 2 one, row 3 gaps between, row 0 and others are full or partly so.
                         Random random(71, "indices", row);
                         std::vector<int32_t> slots;
                         for (int slot = 0; slot < last; ++slot) {
                           if (used(slot)) slots.push_back(slot);
                         }
                         const size_t wanted = row == 0   ? static_cast<size_t>(shape.topk)
                                               : row == 1 ? 0
                                               : row == 2 ? 1
                                                          : static_cast<size_t>(random.below(shape.topk + 1));
                         while (slots.size() > wanted)
                           slots.erase(slots.begin() + random.below(static_cast<int64_t>(slots.size())));
                         if (row == 3) {
                           for (size_t i = 0; i < slots.size(); i += 3) slots[i] = -1;
                         }
                         slots.resize(static_cast<size_t>(shape.topk), -1);
                         indices.insert(indices.end(), slots.begin(), slots.end());
                       }
                       builder.input("q", &Args::q,
                                     normal_rows(71, "q", rows, int64_t{shape.heads} * HD_MLA_DIM,
                                                 int64_t{shape.heads} * HD_MLA_DIM, shape.q_size),
                                     args.q_dtype);
                       auto cache = mla_cache(71, shape.format, shape.pages, shape.pow2, used);
                       if (shape.mixed) cache = with_a_plain_scale(cache);
                       builder.input("cache", &Args::cache, cache).offset = 16;
                       builder.input("indices", &Args::indices, indices);
                       add_attended(builder, rows.size(), shape.lse);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> dense_mla_cases() {
  struct Shape {
    int m, heads, sequences, max_pages;
    int32_t format;
    bool lse = true;
    bool nan = false;  // The last token but one of each sequence is NaN: not all rows see it, row 4 by one.
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 1, 1, HD_MLA_BF16},
                             {17, 16, 3, 2, HD_MLA_BF16},
                             {4, 128, 2, 2, HD_MLA_BF16, false},
                             {5, 33, 2, 3, HD_MLA_F32},
                             {4, 16, 1, 4, HD_MLA_FP8},
                             {4, 6, 2, 2, HD_MLA_FP8_F32},
                             {16, 3, 2, 2, HD_MLA_FP8},
                             {1, 33, 1, 20, HD_MLA_FP8},
                             {24, 2, 1, 10, HD_MLA_BF16, true, true},
                             {3, 20, 2, 2, HD_MLA_BF16},
                             {40, 5, 3, 1, HD_MLA_FP8, false, true}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_" +
                             std::to_string(shape.sequences) + "s" + std::to_string(shape.max_pages) + "p_" +
                             format_name(shape.format) + (shape.lse ? "_lse" : "") + (shape.nan ? "_nan" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_dense_mla_args;
           Builder<Args> builder(name, HD_OP_DENSE_MLA);
           auto& args = builder.args;
           const int pages = 1 + shape.sequences * shape.max_pages;
           const int longest = shape.max_pages * HD_PAGE_TOKENS - 11;
           args.q_dtype = is_f32(shape.format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
           args.format = shape.format;
           args.m = count_of(rows);
           args.heads = shape.heads;
           args.pages = pages;
           args.sequences = shape.sequences;
           args.max_pages = shape.max_pages;
           args.softmax_scale = 0.1352f;
           const std::vector<int32_t> table = block_table(shape.sequences, shape.max_pages);
           std::vector<bool> used(static_cast<size_t>(pages * HD_PAGE_TOKENS));
           for (int sequence = 0; sequence < shape.sequences; ++sequence) {
             for (int i = 0; i < longest; ++i) {
               if (shape.nan && i == longest - 2) continue;
               const int page = table[static_cast<size_t>(sequence * shape.max_pages + i / HD_PAGE_TOKENS)];
               used[static_cast<size_t>(page * HD_PAGE_TOKENS + i % HD_PAGE_TOKENS)] = true;
             }
           }
           std::vector<int32_t> row_sequence;
           std::vector<int32_t> visible;
           for (const int row : rows) {
             row_sequence.push_back(row % shape.sequences);
             visible.push_back(row == 1                ? 0
                               : row == 2              ? 1
                               : row == 3              ? 64
                               : row == 0              ? longest
                               : row == 4 && shape.nan ? longest - 2
                                                       : Random(72, "visible", row).below(longest + 1));
             visible.back() = std::min(visible.back(), longest);
           }
           builder.input(
               "q", &Args::q,
               normal_rows(72, "q", rows, int64_t{shape.heads} * HD_MLA_DIM, int64_t{shape.heads} * HD_MLA_DIM),
               args.q_dtype);
           builder
               .input("cache", &Args::cache,
                      mla_cache(72, shape.format, pages, true,
                                [&](int slot) { return static_cast<bool>(used[static_cast<size_t>(slot)]); }))
               .offset = 16;
           builder.input("block_table", &Args::block_table, table);
           builder.input("row_sequence", &Args::row_sequence, row_sequence);
           builder.input("visible", &Args::visible, visible);
           add_attended(builder, rows.size(), shape.lse);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> masked_mha_cases() {
  struct Shape {
    int m, heads, keys, nope, v, topk;
    int32_t dtype;
    int gap = 0;
    bool nan = false;  // A key before the last is NaN: not all rows see it.
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 1, 1, 1, 0, HD_DTYPE_F32},
                             {5, 2, 100, 128, 128, 0, HD_DTYPE_BF16},
                             {17, 3, 70, 128, 128, 64, HD_DTYPE_BF16, 1},
                             {16, 2, 130, 16, 24, 0, HD_DTYPE_F32, 3},
                             {4, 4, 65, 33, 17, 64, HD_DTYPE_F32},
                             {3, 2, 300, 128, 128, 128, HD_DTYPE_BF16},
                             {300, 1, 200, 64, 32, 0, HD_DTYPE_BF16, 0, true},
                             {290, 2, 150, 128, 128, 64, HD_DTYPE_BF16, 0, true},
                             {5, 20, 70, 192, 256, 0, HD_DTYPE_BF16},
                             {3, 64, 40, 192, 256, 64, HD_DTYPE_BF16},
                             {2, 3, 50, 192, 256, 0, HD_DTYPE_F32},
                             {2, 2, 0, 8, 8, 0, HD_DTYPE_BF16}}) {
    const std::string name =
        std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_" + std::to_string(shape.keys) + "k_" +
        std::to_string(shape.nope) + "_" + std::to_string(shape.v) + "_top" + std::to_string(shape.topk) +
        (shape.dtype == HD_DTYPE_F32 ? "_f32" : "_bf16") + (shape.gap ? "_strided" : "") + (shape.nan ? "_nan" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_masked_mha_args;
                       Builder<Args> builder(name, HD_OP_MASKED_MHA);
                       auto& args = builder.args;
                       args.q_dtype = shape.dtype;
                       args.m = count_of(rows);
                       args.heads = shape.heads;
                       args.keys = shape.keys;
                       args.nope_dim = shape.nope;
                       args.v_dim = shape.v;
                       args.topk = shape.topk;
                       args.softmax_scale = 0.1352f;
                       args.k_rope_stride = HD_ROPE_DIM + shape.gap;
                       const std::vector<int> keys = iota(shape.keys);
                       const int64_t kv_width = int64_t{shape.heads} * (shape.nope + shape.v);
                       std::vector<float> kv = normal_rows(73, "kv", keys, kv_width, kv_width);
                       std::vector<float> k_rope = normal_rows(73, "k_rope", keys, HD_ROPE_DIM, args.k_rope_stride);
                       // The last key is seen by nobody.
                       const int most = std::max(0, shape.keys - 1);
                       if (shape.keys > 0) {
                         std::fill(kv.end() - kv_width, kv.end(), std::numeric_limits<float>::quiet_NaN());
                         std::fill(k_rope.end() - HD_ROPE_DIM, k_rope.end(), std::numeric_limits<float>::quiet_NaN());
                       }
                       if (shape.nan) {
                         const auto end = kv.begin() + (most - 20) * kv_width;
                         std::fill(end - kv_width, end, std::numeric_limits<float>::quiet_NaN());
                       }
                       std::vector<int32_t> visible;
                       std::vector<int32_t> positions;
                       for (const int row : rows) {
                         Random random(73, "visible", row);
                         const int seen = row == 0 ? most : row == 1 ? 0 : random.below(most + 1);
                         visible.push_back(seen);
                         std::vector<int32_t> chosen = iota(seen);
                         const int wanted = std::min(seen, row % 3 == 2 ? random.below(shape.topk + 1) : shape.topk);
                         while (static_cast<int>(chosen.size()) > wanted) {
                           chosen.erase(chosen.begin() + random.below(static_cast<int64_t>(chosen.size())));
                         }
                         chosen.resize(static_cast<size_t>(shape.topk), -1);
                         positions.insert(positions.end(), chosen.begin(), chosen.end());
                       }
                       const int64_t q_width = int64_t{shape.heads} * (shape.nope + HD_ROPE_DIM);
                       builder.input("q", &Args::q, normal_rows(73, "q", rows, q_width, q_width), shape.dtype);
                       builder.input("kv", &Args::kv, kv, shape.dtype);
                       builder.input("k_rope", &Args::k_rope, k_rope, shape.dtype);
                       builder.input("visible", &Args::visible, visible);
                       if (shape.topk != 0) builder.input("positions", &Args::positions, positions);
                       const int64_t width = int64_t{shape.heads} * shape.v;
                       strided_rows(builder.output("out", &Args::out, type_of(shape.dtype), args.m * width,
                                                   attention_tolerance(shape.dtype)),
                                    rows.size(), width, width);
                       return builder.finish();
                     }});
  }
  return cases;
}

}  // namespace hadal::tests
