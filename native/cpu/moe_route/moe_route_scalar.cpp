#include <algorithm>
#include <limits>

#include "cpu/moe_route/logits.h"
#include "cpu/moe_route/moe_route.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();

// Index of the largest value, the lowest one of equals; -1 where all are -inf.
int best_of(const float* values, int count) {
  int best = -1;
  for (int i = 0; i < count; ++i) {
    if (values[i] > (best < 0 ? kNone : values[best])) best = i;
  }
  return best;
}

void route(const hd_moe_route_args& args, int64_t token) {
  float score[1024];
  float biased[1024];
  for (int e = 0; e < args.experts; ++e) {
    score[e] = 1.0f / (1.0f + std::exp(-args.logits[token * args.experts + e]));
    biased[e] = score[e] + (args.bias == nullptr ? 0.0f : args.bias[e]);
  }
  if (args.groups > 1) {
    const int size = args.experts / args.groups;
    float group_score[1024];
    for (int g = 0; g < args.groups; ++g) {
      float first = kNone;
      float second = kNone;
      for (int e = g * size; e < (g + 1) * size; ++e) {
        second = std::max(second, std::min(first, biased[e]));
        first = std::max(first, biased[e]);
      }
      group_score[g] = size == 1 ? first : first + second;
    }
    bool kept[1024] = {};
    for (int i = 0; i < args.top_groups; ++i) {
      const int g = best_of(group_score, args.groups);
      kept[g] = true;
      group_score[g] = kNone;
    }
    for (int e = 0; e < args.experts; ++e) {
      if (!kept[e / size]) biased[e] = kNone;
    }
  }
  int32_t* ids = args.ids + token * args.top_experts;
  for (int i = 0; i < args.top_experts; ++i) {
    const int e = best_of(biased, args.experts);
    ids[i] = e;
    biased[e] = kNone;
  }
  std::sort(ids, ids + args.top_experts);
  float sum = 0.0f;
  for (int i = 0; i < args.top_experts; ++i) sum += score[ids[i]];
  for (int i = 0; i < args.top_experts; ++i) {
    const float weight = score[ids[i]];
    args.weights[token * args.top_experts + i] = (args.normalize != 0 ? weight / sum : weight) * args.scale;
  }
}

}  // namespace

int32_t MoeRouteScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_logits(args)) return status;
  pool.parallel_for(args.m, [&](int64_t token, int) { route(args, token); });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
