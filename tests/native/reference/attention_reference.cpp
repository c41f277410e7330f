#include <algorithm>

#include "reference/cache_reference.h"

namespace hadal::tests {
namespace {

using Vector = std::vector<double>;

// softmax(scale * q . k) . v over tokens of keys and values; the log of the sum of exponentials.
double attend(const Vector& q, const std::vector<Vector>& keys, const std::vector<Vector>& values, double scale,
              Vector& out) {
  if (keys.empty()) return -kInfinity;
  Vector scores;
  for (const Vector& key : keys) {
    double dot = 0;
    for (size_t i = 0; i < q.size(); ++i) dot += q[i] * key[i];
    scores.push_back(dot * scale);
  }
  const double highest = *std::max_element(scores.begin(), scores.end());
  double total = 0;
  for (const double score : scores) total += std::exp(score - highest);
  for (size_t t = 0; t < keys.size(); ++t) {
    const double weight = std::exp(scores[t] - highest) / total;
    for (size_t i = 0; i < out.size(); ++i) out[i] += weight * values[t][i];
  }
  return highest + std::log(total);
}

// Every head of a row over the same tokens of an MLA cache, which are both keys and values.
template <class Args>
void mla_row(const Args& args, int64_t row, const std::vector<int64_t>& slots, Results& results) {
  std::vector<Vector> tokens;
  for (const int64_t slot : slots) tokens.push_back(mla_token(args.cache, args.format, slot));
  for (int64_t head = 0; head < args.heads; ++head) {
    const int64_t item = row * args.heads + head;
    Vector q;
    for (int64_t i = 0; i < HD_MLA_DIM; ++i) q.push_back(at(args.q, args.q_dtype, item * HD_MLA_DIM + i));
    Vector out(HD_LATENT_DIM);
    const double lse = attend(q, tokens, tokens, static_cast<double>(args.softmax_scale), out);
    for (int64_t i = 0; i < HD_LATENT_DIM; ++i) {
      put(results["out"], item * HD_LATENT_DIM + i, out[static_cast<size_t>(i)]);
    }
    if (args.lse != nullptr) put(results["lse"], item, lse);
  }
}

}  // namespace

Results reference_of(const hd_sparse_mla_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    std::vector<int64_t> slots;
    for (int64_t i = 0; i < args.topk; ++i) {
      if (args.indices[row * args.topk + i] >= 0) slots.push_back(args.indices[row * args.topk + i]);
    }
    mla_row(args, row, slots, results);
  }
  return results;
}

Results reference_of(const hd_dense_mla_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    std::vector<int64_t> slots;
    for (int64_t i = 0; i < args.visible[row]; ++i) slots.push_back(slot_at(args, row, i));
    mla_row(args, row, slots, results);
  }
  return results;
}

Results reference_of(const hd_masked_mha_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    std::vector<int64_t> chosen;
    for (int64_t i = 0; i < (args.positions == nullptr ? args.visible[row] : args.topk); ++i) {
      const int64_t key = args.positions == nullptr ? i : args.positions[row * args.topk + i];
      if (key >= 0) chosen.push_back(key);
    }
    for (int64_t head = 0; head < args.heads; ++head) {
      const int64_t item = row * args.heads + head;
      const int64_t q_dim = args.nope_dim + HD_ROPE_DIM;
      const int64_t kv_dim = args.nope_dim + args.v_dim;
      Vector q;
      for (int64_t i = 0; i < q_dim; ++i) q.push_back(at(args.q, args.q_dtype, item * q_dim + i));
      std::vector<Vector> keys;
      std::vector<Vector> values;
      for (const int64_t key : chosen) {
        const int64_t kv = (key * args.heads + head) * kv_dim;
        Vector& k = keys.emplace_back();
        for (int64_t i = 0; i < args.nope_dim; ++i) k.push_back(at(args.kv, args.q_dtype, kv + i));
        for (int64_t i = 0; i < HD_ROPE_DIM; ++i) {
          k.push_back(at(args.k_rope, args.q_dtype, key * args.k_rope_stride + i));
        }
        Vector& v = values.emplace_back();
        for (int64_t i = 0; i < args.v_dim; ++i) v.push_back(at(args.kv, args.q_dtype, kv + args.nope_dim + i));
      }
      Vector out(static_cast<size_t>(args.v_dim));
      attend(q, keys, values, static_cast<double>(args.softmax_scale), out);
      for (int64_t i = 0; i < args.v_dim; ++i) {
        put(results["out"], item * args.v_dim + i, out[static_cast<size_t>(i)]);
      }
    }
  }
  return results;
}

}  // namespace hadal::tests
