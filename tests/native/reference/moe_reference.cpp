#include <algorithm>
#include <vector>

#include "reference/reference.h"

namespace hadal::tests {

Results reference_of(const hd_moe_route_args& args) {
  Results results;
  const auto experts = static_cast<size_t>(args.experts);
  const auto size = experts / static_cast<size_t>(args.groups);
  for (int64_t token = 0; token < args.m; ++token) {
    std::vector<double> score(experts);
    std::vector<float> biased(experts);
    for (size_t e = 0; e < experts; ++e) {
      const double logit = static_cast<double>(args.logits[token * args.experts + static_cast<int64_t>(e)]);
      score[e] = 1 / (1 + std::exp(-logit));
      biased[e] = static_cast<float>(score[e]) + (args.bias == nullptr ? 0.0f : args.bias[e]);
    }
    std::vector<size_t> groups(static_cast<size_t>(args.groups));
    std::vector<float> group_score(groups.size());
    for (size_t g = 0; g < groups.size(); ++g) {
      groups[g] = g;
      std::vector<float> members(biased.begin() + static_cast<int64_t>(g * size),
                                 biased.begin() + static_cast<int64_t>((g + 1) * size));
      std::sort(members.rbegin(), members.rend());
      group_score[g] = members[0] + (size > 1 ? members[1] : 0.0f);
    }
    std::stable_sort(groups.begin(), groups.end(), [&](size_t a, size_t b) { return group_score[a] > group_score[b]; });
    groups.resize(static_cast<size_t>(args.top_groups));
    std::vector<size_t> candidates;
    for (size_t e = 0; e < experts; ++e) {
      if (std::find(groups.begin(), groups.end(), e / size) != groups.end()) candidates.push_back(e);
    }
    std::stable_sort(candidates.begin(), candidates.end(), [&](size_t a, size_t b) { return biased[a] > biased[b]; });
    candidates.resize(static_cast<size_t>(args.top_experts));
    std::sort(candidates.begin(), candidates.end());
    double sum = 0;
    for (const size_t e : candidates) sum += score[e];
    for (size_t i = 0; i < candidates.size(); ++i) {
      const int64_t at_slot = token * args.top_experts + static_cast<int64_t>(i);
      put(results["ids"], at_slot, static_cast<double>(candidates[i]));
      put(results["weights"], at_slot,
          score[candidates[i]] / (args.normalize != 0 ? sum : 1) * static_cast<double>(args.scale));
    }
  }
  return results;
}

Results reference_of(const hd_moe_permute_args& args) {
  Results results;
  const bool plain = args.x_dtype == HD_DTYPE_BF16 || args.x_dtype == HD_DTYPE_F32;
  const int64_t blocks = plain ? 0 : args.k / HD_SCALE_BLOCK;
  Expected& y = results["y"];
  y.values.resize(static_cast<size_t>(args.rows) * static_cast<size_t>(args.k));
  y.written.resize(y.values.size());
  Expected& scale = results["y_scale"];
  if (!plain) {
    scale.values.resize(
        static_cast<size_t>((args.rows - 1) * args.y_scale_row_stride + (blocks - 1) * args.y_scale_block_stride + 1));
  }
  scale.written.resize(scale.values.size());
  results["row_of"];
  int64_t row = 0;
  for (int32_t expert = 0; expert < args.experts; ++expert) {
    for (int64_t slot = 0; slot < int64_t{args.m} * args.top_experts; ++slot) {
      if (args.ids[slot] != expert) continue;
      const int64_t token = slot / args.top_experts;
      put(results["row_of"], slot, static_cast<double>(row));
      put(results["grouped_layout"], row, expert);
      for (int64_t i = 0; i < args.k; ++i) {
        const int64_t from = token * args.k + i;
        put(y, row * args.k + i, plain ? at(args.x, args.x_dtype, from) : args.x[from]);
      }
      for (int64_t block = 0; block < blocks; ++block) {
        put(scale, row * args.y_scale_row_stride + block * args.y_scale_block_stride,
            static_cast<double>(args.x_scale[token * args.x_scale_row_stride + block * args.x_scale_block_stride]));
      }
      ++row;
    }
    for (; row % args.alignment != 0; ++row) put(results["grouped_layout"], row, -1);
  }
  for (; row < args.rows; ++row) put(results["grouped_layout"], row, -1);
  return results;
}

Results reference_of(const hd_moe_combine_args& args) {
  Results results;
  for (int64_t token = 0; token < args.m; ++token) {
    for (int64_t i = 0; i < args.n; ++i) {
      double sum = args.shared == nullptr ? 0 : at(args.shared, args.x_dtype, token * args.n + i);
      for (int64_t slot = token * args.top_experts; slot < (token + 1) * args.top_experts; ++slot) {
        sum += static_cast<double>(args.weights[slot]) *
               at(args.x, args.x_dtype, static_cast<int64_t>(args.row_of[slot]) * args.n + i);
      }
      put(results["y"], token * args.n + i, sum);
    }
  }
  return results;
}

}  // namespace hadal::tests
