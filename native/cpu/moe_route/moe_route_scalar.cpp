#include <algorithm>

#include "cpu/moe_route/groups.h"
#include "cpu/moe_route/logits.h"
#include "cpu/moe_route/moe_route.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

// Index of the largest value, the lowest one of equals. One of them is more than -inf.
int best_of(const float* values, int count) {
  int best = 0;
  for (int i = 1; i < count; ++i) {
    if (values[i] > values[best]) best = i;
  }
  return best;
}

void route(const hd_moe_route_args& args, int64_t token) {
  float score[kMostExperts];
  float biased[kMostExperts];
  for (int e = 0; e < args.experts; ++e) {
    score[e] = 1.0f / (1.0f + std::exp(-args.logits[token * args.experts + e]));
    biased[e] = score[e] + (args.bias == nullptr ? 0.0f : args.bias[e]);
  }
  if (args.groups > 1) keep_groups(args, biased);
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
