// The group step of hd_moe_route.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "hadal.h"

namespace hadal::cpu {
namespace {

constexpr float kNone = -std::numeric_limits<float>::infinity();
constexpr int32_t kMostExperts = 1024;

// Leaves -inf in all groups but the best. The scores of experts are finite, but a group's sum of two may be an
// infinity, so that none stands for a group that is taken already.
[[maybe_unused]] inline void keep_groups(const hd_moe_route_args& args, float* biased) {
  const int32_t size = args.experts / args.groups;
  float score[kMostExperts];
  for (int32_t g = 0; g < args.groups; ++g) {
    float first = kNone;
    float second = kNone;
    for (int32_t e = g * size; e < (g + 1) * size; ++e) {
      second = std::max(second, std::min(first, biased[e]));
      first = std::max(first, biased[e]);
    }
    score[g] = size == 1 ? first : first + second;
  }
  bool kept[kMostExperts] = {};
  for (int32_t i = 0; i < args.top_groups; ++i) {
    int32_t best = -1;
    for (int32_t g = 0; g < args.groups; ++g) {
      if (!kept[g] && (best < 0 || score[g] > score[best])) best = g;
    }
    kept[best] = true;
  }
  for (int32_t g = 0; g < args.groups; ++g) {
    if (!kept[g]) std::fill_n(biased + g * size, size, kNone);
  }
}

}  // namespace
}  // namespace hadal::cpu
