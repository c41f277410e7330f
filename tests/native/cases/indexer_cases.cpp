#include <algorithm>
#include <numeric>

#include "support/caches.h"

namespace hadal::tests {
namespace {

constexpr int32_t kF = HD_DTYPE_F32;

struct Paging {
  int sequences;
  int max_pages;

  int pages() const { return 1 + sequences * max_pages; }
  int sequence_of(int row) const { return row % sequences; }
  // Row 2 sees nothing, row 3 everything, the others anything between.
  int visible_of(int row) const {
    const int most = max_pages * HD_PAGE_TOKENS;
    return row == 2 ? 0 : row == 3 ? most : Random(61, "visible", row).below(most + 1);
  }
};

template <class Args>
void add_paging(Builder<Args>& builder, const Paging& paging, std::span<const int> rows) {
  builder.args.pages = paging.pages();
  builder.args.sequences = paging.sequences;
  builder.args.max_pages = paging.max_pages;
  std::vector<int32_t> row_sequence;
  std::vector<int32_t> visible;
  for (const int row : rows) {
    row_sequence.push_back(paging.sequence_of(row));
    visible.push_back(paging.visible_of(row));
  }
  builder.input("block_table", &Args::block_table, block_table(paging.sequences, paging.max_pages));
  builder.input("row_sequence", &Args::row_sequence, row_sequence);
  builder.input("visible", &Args::visible, visible);
}

std::vector<float> head_weights(std::span<const int> rows, int heads, Codes codes) {
  std::vector<float> weights = normal_rows(61, "weights", rows, heads, heads, 0.3f);
  if (codes == Codes::whole) {
    for (float& weight : weights) weight = std::round(weight * 6);
  }
  return weights;
}

// The sums of a whole-numbered case are exact, so its bits are.
Tolerance logits_tolerance(Codes codes) {
  return codes == Codes::whole ? kExact : kF32;
}

std::string codes_name(Codes codes) {
  return codes == Codes::whole ? "_whole" : codes == Codes::any ? "_any" : codes == Codes::small ? "_small" : "";
}

}  // namespace

std::vector<CaseMaker> indexer_weights_cases() {
  std::vector<CaseMaker> cases;
  struct Shape {
    int m, heads;
    bool in_place;
  };
  for (const Shape& shape : {Shape{1, 1, false}, {17, 64, false}, {16, 33, true}, {3, 16, true}}) {
    const std::string name =
        std::to_string(shape.m) + "x" + std::to_string(shape.heads) + (shape.in_place ? "_in_place" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_indexer_weights_args;
                       Builder<Args> builder(name, HD_OP_INDEXER_WEIGHTS);
                       builder.args.m = count_of(rows);
                       builder.args.heads = shape.heads;
                       builder.args.head_scale = 1.0f / std::sqrt(static_cast<float>(shape.heads));
                       builder.args.softmax_scale = 0.088388347f;
                       const std::vector<float> x = normal_rows(61, "x", rows, shape.heads, shape.heads);
                       builder.input("q_scale", &Args::q_scale,
                                     normal_rows(61, "q_scale", rows, shape.heads, shape.heads), kF);
                       Tensor* y;
                       if (shape.in_place) {
                         y = &builder.updated("y", &Args::y, x, kF, kExact);
                         y->fields.push_back(builder.field(&Args::x));
                       } else {
                         builder.input("x", &Args::x, x, kF);
                         y = &builder.output("y", &Args::y, Type::f32, static_cast<int64_t>(x.size()), kExact);
                       }
                       strided_rows(*y, rows.size(), shape.heads, shape.heads);
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> indexer_logits_cases() {
  struct Shape {
    int m, heads, keys;
    Codes codes;
    int gap = 0;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 1, Codes::any},
                             {3, 16, 300, Codes::normal, 5},
                             {17, 64, 130, Codes::normal},
                             {4, 128, 65, Codes::any},
                             {5, 7, 100, Codes::small, 1},
                             {16, 64, 97, Codes::whole},
                             {2, 33, 600, Codes::whole, 3},
                             {1, 64, 256, Codes::normal}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_" +
                             std::to_string(shape.keys) + codes_name(shape.codes) + (shape.gap ? "_strided" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_indexer_logits_args;
           Builder<Args> builder(name, HD_OP_INDEXER_LOGITS);
           auto& args = builder.args;
           args.m = count_of(rows);
           args.heads = shape.heads;
           args.keys = shape.keys;
           args.logits_stride = shape.keys + shape.gap;
           builder.input("q", &Args::q, code_rows(62, "q", rows, int64_t{shape.heads} * HD_INDEX_DIM, shape.codes));
           builder.input("weights", &Args::weights, head_weights(rows, shape.heads, shape.codes), kF);
           const std::vector<int> keys = iota(shape.keys);
           builder.input("k", &Args::k, code_rows(62, "k", keys, HD_INDEX_DIM, shape.codes)).offset = 1;
           std::vector<float> scales;
           Random random(62, "k_scale");
           for (int key = 0; key < shape.keys; ++key) {
             scales.push_back(shape.codes == Codes::whole ? random.power_of_two(-2, 2)
                                                          : static_cast<float>(0.01 + 0.02 * random.uniform()));
           }
           builder.input("k_scale", &Args::k_scale, scales, kF);
           std::vector<int32_t> start;
           std::vector<int32_t> end;
           for (const int row : rows) {
             // Row 1 sees nothing, row 0 everything.
             Random bounds(62, "bounds", row);
             const int a = bounds.below(shape.keys + 1);
             const int b = bounds.below(shape.keys + 1);
             start.push_back(row == 0 ? 0 : std::min(a, b));
             end.push_back(row == 0 ? shape.keys : row == 1 ? std::min(a, b) : std::max(a, b));
           }
           builder.input("start", &Args::start, start);
           builder.input("end", &Args::end, end);
           strided_rows(builder.output("logits", &Args::logits, Type::f32,
                                       (args.m - 1) * args.logits_stride + shape.keys, logits_tolerance(shape.codes)),
                        rows.size(), args.logits_stride, shape.keys);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> indexer_logits_paged_cases() {
  struct Shape {
    int m, heads;
    Paging paging;
    Codes codes;
    int gap = 0;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, {1, 1}, Codes::any},
                             {4, 16, {1, 5}, Codes::normal, 3},
                             {17, 64, {3, 3}, Codes::normal},
                             {5, 128, {2, 2}, Codes::any},
                             {6, 9, {2, 3}, Codes::small, 1},
                             {16, 64, {4, 2}, Codes::whole},
                             {4, 31, {1, 9}, Codes::whole, 2}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_" +
                             std::to_string(shape.paging.sequences) + "s" + std::to_string(shape.paging.max_pages) +
                             "p" + codes_name(shape.codes) + (shape.gap ? "_strided" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_indexer_logits_paged_args;
           Builder<Args> builder(name, HD_OP_INDEXER_LOGITS_PAGED);
           auto& args = builder.args;
           args.m = count_of(rows);
           args.heads = shape.heads;
           args.logits_stride = shape.paging.max_pages * HD_PAGE_TOKENS + shape.gap;
           builder.input("q", &Args::q, code_rows(63, "q", rows, int64_t{shape.heads} * HD_INDEX_DIM, shape.codes));
           builder.input("weights", &Args::weights, head_weights(rows, shape.heads, shape.codes), kF);
           builder.input("cache", &Args::cache, index_cache(63, shape.paging.pages(), shape.codes)).offset = 16;
           add_paging(builder, shape.paging, rows);
           strided_rows(builder.output("logits", &Args::logits, Type::f32, args.m * args.logits_stride,
                                       logits_tolerance(shape.codes)),
                        rows.size(), args.logits_stride, args.logits_stride);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> topk_cases() {
  enum class Fill { normal, levels, relu, equal, ascending, descending, special };
  struct Shape {
    int m, topk, width;
    Fill fill;
    int outputs;  // 1: positions. 2: indices. 3: both.
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 64, 1, Fill::normal, 1},
                             {17, 64, 1000, Fill::normal, 3},
                             {8, 128, 999, Fill::levels, 2},
                             {8, 64, 777, Fill::relu, 3},
                             {4, 64, 300, Fill::equal, 1},
                             {4, 192, 3000, Fill::ascending, 1},
                             {4, 192, 3000, Fill::descending, 2},
                             {16, 64, 400, Fill::special, 3},
                             {3, 2048, 9000, Fill::normal, 1},
                             {5, 2048, 2200, Fill::levels, 3},
                             {2, 64, 70000, Fill::relu, 1},
                             {2, 512, 40000, Fill::normal, 2},
                             {3, 1024, 65, Fill::normal, 3},
                             {3, 64, 20000, Fill::levels, 1},
                             {3, 1024, 20000, Fill::levels, 1},
                             {1, 2048, 66000, Fill::normal, 1},
                             {1, 2048, 66000, Fill::relu, 1}}) {
    const std::string name = std::to_string(shape.m) + "_top" + std::to_string(shape.topk) + "_of" +
                             std::to_string(shape.width) + "_fill" + std::to_string(static_cast<int>(shape.fill)) +
                             "_out" + std::to_string(shape.outputs);
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_topk_args;
           Builder<Args> builder(name, HD_OP_TOPK);
           auto& args = builder.args;
           args.m = count_of(rows);
           args.topk = shape.topk;
           args.scores_stride = shape.width;
           std::vector<float> scores;
           std::vector<int32_t> visible;
           std::vector<int32_t> row_sequence;
           constexpr int kSequences = 2;
           for (const int row : rows) {
             Random random(64, "scores", row);
             // Row 0 sees all; some rows see just as many as are asked for, one more, one less, or none.
             const int near = row % 8 == 2   ? shape.topk
                              : row % 8 == 3 ? shape.topk + 1
                              : row % 8 == 4 ? shape.topk - 1
                              : row % 8 == 5 ? 0
                              : row == 0     ? shape.width
                                             : shape.width / 2 + random.below(shape.width - shape.width / 2 + 1);
             const int seen = std::min(near, shape.width);
             visible.push_back(seen);
             row_sequence.push_back(row % kSequences);
             for (int i = 0; i < shape.width; ++i) {
               float score = random.normal();
               if (shape.fill == Fill::levels) score = static_cast<float>(random.below(5) - 2);
               if (shape.fill == Fill::relu) score = std::max(0.0f, score - 2.0f);
               if (shape.fill == Fill::equal) score = -1.5f;
               if (shape.fill == Fill::ascending) score = static_cast<float>(i);
               if (shape.fill == Fill::descending) score = static_cast<float>(-i);
               if (shape.fill == Fill::special) {
                 // Zeros of both signs are equal; infinities and subnormals have their places.
                 constexpr float kInf = std::numeric_limits<float>::infinity();
                 const float values[] = {0.0f, -0.0f, kInf, -kInf, 1e-45f, -1e-45f, 1e-40f, score, 3.4e38f, -3.4e38f};
                 score = values[random.below(10)];
               }
               scores.push_back(i < seen ? score : std::numeric_limits<float>::quiet_NaN());
             }
           }
           builder.input("scores", &Args::scores, scores, kF);
           builder.input("visible", &Args::visible, visible);
           if (shape.outputs != 1) {
             args.sequences = kSequences;
             args.max_pages = (shape.width + HD_PAGE_TOKENS - 1) / HD_PAGE_TOKENS;
             builder.input("block_table", &Args::block_table, block_table(kSequences, args.max_pages));
             builder.input("row_sequence", &Args::row_sequence, row_sequence);
           }
           const int64_t count = int64_t{args.m} * shape.topk;
           if ((shape.outputs & 1) != 0) {
             strided_rows(builder.output("positions", &Args::positions, Type::i32, count, kExact), rows.size(),
                          shape.topk, shape.topk);
           }
           if ((shape.outputs & 2) != 0) {
             strided_rows(builder.output("indices", &Args::indices, Type::i32, count, kExact), rows.size(), shape.topk,
                          shape.topk);
           }
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> indexer_topk_cases() {
  struct Shape {
    int m, heads, topk;
    Paging paging;
    Codes codes;
    int outputs;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, 1, 64, {1, 1}, Codes::whole, 3},
                             {17, 16, 64, {3, 4}, Codes::whole, 3},
                             {16, 64, 128, {2, 5}, Codes::whole, 1},
                             {4, 33, 64, {1, 20}, Codes::whole, 2},
                             {5, 64, 192, {2, 3}, Codes::whole, 3},
                             {5, 64, 64, {2, 3}, Codes::normal, 3},
                             {4, 4, 512, {1, 30}, Codes::whole, 3},
                             {1, 5, 64, {1, 80}, Codes::whole, 3},
                             {1, 16, 512, {1, 90}, Codes::whole, 3},
                             {3, 2, 128, {2, 70}, Codes::whole, 1},
                             {3, 65, 64, {2, 3}, Codes::whole, 3},
                             {2, 128, 64, {1, 4}, Codes::whole, 3}}) {
    const std::string name = std::to_string(shape.m) + "x" + std::to_string(shape.heads) + "h_top" +
                             std::to_string(shape.topk) + "_" + std::to_string(shape.paging.sequences) + "s" +
                             std::to_string(shape.paging.max_pages) + "p" + codes_name(shape.codes) + "_out" +
                             std::to_string(shape.outputs);
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_indexer_topk_args;
           Builder<Args> builder(name, HD_OP_INDEXER_TOPK);
           auto& args = builder.args;
           args.m = count_of(rows);
           args.heads = shape.heads;
           args.topk = shape.topk;
           builder.input("q", &Args::q, code_rows(65, "q", rows, int64_t{shape.heads} * HD_INDEX_DIM, shape.codes));
           builder.input("weights", &Args::weights, head_weights(rows, shape.heads, shape.codes), kF);
           builder.input("cache", &Args::cache, index_cache(65, shape.paging.pages(), shape.codes)).offset = 16;
           add_paging(builder, shape.paging, rows);
           const int64_t count = int64_t{args.m} * shape.topk;
           if ((shape.outputs & 1) != 0) {
             strided_rows(builder.output("positions", &Args::positions, Type::i32, count, kExact), rows.size(),
                          shape.topk, shape.topk);
           }
           if ((shape.outputs & 2) != 0) {
             strided_rows(builder.output("indices", &Args::indices, Type::i32, count, kExact), rows.size(), shape.topk,
                          shape.topk);
           }
           return builder.finish();
         }});
  }
  return cases;
}

}  // namespace hadal::tests
