#include <algorithm>

#include "reference/cache_reference.h"

namespace hadal::tests {
namespace {

// I[t, s] of one query and one key.
double index_score(const uint8_t* q, const float* weights, int64_t heads, const uint8_t* k, double k_scale) {
  double sum = 0;
  for (int64_t head = 0; head < heads; ++head) {
    double dot = 0;
    for (int64_t i = 0; i < HD_INDEX_DIM; ++i) dot += decode_e4m3(q[head * HD_INDEX_DIM + i]) * decode_e4m3(k[i]);
    sum += static_cast<double>(weights[head]) * std::max(dot, 0.0);
  }
  return k_scale * sum;
}

// The best columns, ascending, then -1: what is chosen from scores by a full sort.
std::vector<int32_t> best(const std::vector<double>& scores, int64_t topk) {
  std::vector<int32_t> order;
  for (size_t i = 0; i < scores.size(); ++i) order.push_back(static_cast<int32_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
  });
  if (static_cast<int64_t>(order.size()) > topk) order.resize(static_cast<size_t>(topk));
  std::sort(order.begin(), order.end());
  order.resize(static_cast<size_t>(topk), -1);
  return order;
}

template <class Args>
void put_chosen(const Args& args, int64_t row, const std::vector<int32_t>& chosen, Results& results) {
  for (int64_t i = 0; i < args.topk; ++i) {
    const int32_t position = chosen[static_cast<size_t>(i)];
    if (args.positions != nullptr) put(results["positions"], row * args.topk + i, position);
    if (args.indices != nullptr) {
      put(results["indices"], row * args.topk + i,
          position < 0 ? -1 : static_cast<double>(slot_at(args, row, position)));
    }
  }
}

template <class Args>
std::vector<double> paged_scores(const Args& args, int64_t row) {
  std::vector<double> scores;
  for (int64_t position = 0; position < args.visible[row]; ++position) {
    const IndexToken token = IndexToken::of(args.cache, slot_at(args, row, position));
    scores.push_back(index_score(args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads,
                                 token.codes, token.scale));
  }
  return scores;
}

Expected blank(int64_t count) {
  return {std::vector<double>(static_cast<size_t>(count)), std::vector<bool>(static_cast<size_t>(count))};
}

}  // namespace

Results reference_of(const hd_indexer_weights_args& args) {
  Results results;
  for (int64_t i = 0; i < int64_t{args.m} * args.heads; ++i) {
    // The header fixes the order of the products, hence their roundings.
    float y = args.x[i] * args.head_scale;
    y *= args.q_scale[i];
    y *= args.softmax_scale;
    put(results["y"], i, static_cast<double>(y));
  }
  return results;
}

Results reference_of(const hd_indexer_logits_args& args) {
  Expected logits = blank((args.m - 1) * args.logits_stride + args.keys);
  for (int64_t row = 0; row < args.m; ++row) {
    for (int64_t key = args.start[row]; key < args.end[row]; ++key) {
      put(logits, row * args.logits_stride + key,
          index_score(args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads,
                      args.k + key * HD_INDEX_DIM, static_cast<double>(args.k_scale[key])));
    }
  }
  return {{"logits", logits}};
}

Results reference_of(const hd_indexer_logits_paged_args& args) {
  Expected logits = blank(args.m * args.logits_stride);
  for (int64_t row = 0; row < args.m; ++row) {
    const std::vector<double> scores = paged_scores(args, row);
    for (size_t i = 0; i < scores.size(); ++i) {
      put(logits, row * args.logits_stride + static_cast<int64_t>(i), scores[i]);
    }
  }
  return {{"logits", logits}};
}

Results reference_of(const hd_topk_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    std::vector<double> scores;
    for (int64_t i = 0; i < args.visible[row]; ++i) {
      scores.push_back(static_cast<double>(args.scores[row * args.scores_stride + i]));
    }
    put_chosen(args, row, best(scores, args.topk), results);
  }
  return results;
}

Results reference_of(const hd_indexer_topk_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    put_chosen(args, row, best(paged_scores(args, row), args.topk), results);
  }
  return results;
}

}  // namespace hadal::tests
