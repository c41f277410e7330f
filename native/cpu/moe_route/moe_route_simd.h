// hd_moe_route on vectors of floats.
#pragma once

#include <algorithm>
#include <bit>

#include "cpu/moe_route/groups.h"
#include "cpu/moe_route/logits.h"
#include "cpu/simd/exp.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Index of the largest of `count` values, the lowest one of equals. The array reaches to a multiple of kFloats.
inline int32_t best_of(const float* values, int64_t count) {
  Floats most = floats_of(kNone);
  for (int64_t i = 0; i < count; i += kFloats) most = larger(load_floats(values, HD_DTYPE_F32, i), most);
  const float best = largest(most);
  for (int64_t i = 0;; i += kFloats) {
    const uint32_t here = equal_to(load_floats(values, HD_DTYPE_F32, i), best);
    if (here != 0) return static_cast<int32_t>(i) + std::countr_zero(here);
  }
}

inline void route(const hd_moe_route_args& args, int64_t token) {
  float score[kMostExperts + kFloats];
  float biased[kMostExperts + kFloats];
  const Floats one = floats_of(1.0f);
  for (int64_t e = 0; e < args.experts; e += kFloats) {
    const int64_t left = args.experts - e;
    const Floats logit = load_floats(args.logits, HD_DTYPE_F32, token * args.experts + e, left);
    const Floats sigmoid = one / (one + exp_f32(-logit));
    store_floats(score, HD_DTYPE_F32, e, sigmoid);
    const Floats bias = args.bias == nullptr ? Floats{} : load_floats(args.bias, HD_DTYPE_F32, e, left);
    store_floats(biased, HD_DTYPE_F32, e, sigmoid + bias);
  }
  std::fill_n(biased + args.experts, kFloats, kNone);
  if (args.groups > 1) keep_groups(args, biased);
  int32_t* ids = args.ids + token * args.top_experts;
  for (int32_t i = 0; i < args.top_experts; ++i) {
    ids[i] = best_of(biased, args.experts);
    biased[ids[i]] = kNone;
  }
  std::sort(ids, ids + args.top_experts);
  float sum = 0.0f;
  for (int32_t i = 0; i < args.top_experts; ++i) sum += score[ids[i]];
  for (int32_t i = 0; i < args.top_experts; ++i) {
    const float weight = score[ids[i]];
    args.weights[token * args.top_experts + i] = (args.normalize != 0 ? weight / sum : weight) * args.scale;
  }
}

inline int32_t moe_route(const hd_moe_route_args& args, ThreadPool& pool) {
  if (const int32_t status = check_logits(args)) return status;
  // A score costs about as much as sixteen plain elements.
  for_rows(pool, args.m, 16 * static_cast<int64_t>(args.experts), [&](int64_t token) { route(args, token); });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
