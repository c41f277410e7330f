#include "device/warp.cuh"
#include "moe_route/moe_route.h"

namespace hadal::cuda {
namespace {

constexpr int kMaxExperts = 1024;

__device__ float minus_infinity() {
  return __uint_as_float(0xff800000u);
}

// NaN ranks below every number.
__device__ float ranked(float value) {
  return isnan(value) ? minus_infinity() : value;
}

// Index of the largest of `count` values that are not taken, the lowest one of equals; there is one. Every lane gets
// it.
__device__ int best_of(const float* values, const bool* taken, int count) {
  float best = minus_infinity();
  int at = -1;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += 32) {
    if (!taken[i] && (at < 0 || values[i] > best)) {
      best = values[i];
      at = i;
    }
  }
  for (int lane = 16; lane > 0; lane /= 2) {
    const float other = __shfl_xor_sync(kAllLanes, best, lane);
    const int other_at = __shfl_xor_sync(kAllLanes, at, lane);
    if (other_at >= 0 && (at < 0 || other > best || (other == best && other_at < at))) {
      best = other;
      at = other_at;
    }
  }
  return at;
}

// One warp a token.
__global__ void __launch_bounds__(32) route(hd_moe_route_args args) {
  __shared__ float score[kMaxExperts];
  __shared__ float biased[kMaxExperts];
  __shared__ float group_score[kMaxExperts];
  __shared__ bool kept[kMaxExperts];   // Groups.
  __shared__ bool taken[kMaxExperts];  // Experts that can't be chosen: they are already, or their group isn't kept.
  const int64_t token = blockIdx.x;
  const int lane = static_cast<int>(threadIdx.x);
  for (int e = lane; e < args.experts; e += 32) {
    score[e] = __fdiv_rn(1.0f, 1.0f + expf(-args.logits[token * args.experts + e]));
    biased[e] = ranked(score[e] + (args.bias == nullptr ? 0.0f : args.bias[e]));
    taken[e] = false;
  }
  __syncwarp();
  const int size = args.experts / args.groups;
  if (args.groups > 1) {
    for (int g = lane; g < args.groups; g += 32) {
      float first = minus_infinity();
      float second = minus_infinity();
      for (int e = g * size; e < (g + 1) * size; ++e) {
        second = fmaxf(second, fminf(first, biased[e]));
        first = fmaxf(first, biased[e]);
      }
      group_score[g] = ranked(size == 1 ? first : first + second);
      kept[g] = false;
    }
    __syncwarp();
    for (int i = 0; i < args.top_groups; ++i) {
      const int g = best_of(group_score, kept, args.groups);
      __syncwarp();
      if (lane == 0) kept[g] = true;
      __syncwarp();
    }
    for (int e = lane; e < args.experts; e += 32) taken[e] = !kept[e / size];
    __syncwarp();
  }
  for (int i = 0; i < args.top_experts; ++i) {
    const int e = best_of(biased, taken, args.experts);
    __syncwarp();
    if (lane == 0) taken[e] = true;
    __syncwarp();
  }
  if (lane != 0) return;
  int32_t* ids = args.ids + token * args.top_experts;
  float* weights = args.weights + token * args.top_experts;
  float sum = 0.0f;
  int count = 0;
  for (int e = 0; e < args.experts; ++e) {
    if (!taken[e] || (args.groups > 1 && !kept[e / size])) continue;
    ids[count] = e;
    weights[count++] = score[e];
    sum += score[e];
  }
  for (int i = 0; i < args.top_experts; ++i) {
    weights[i] = (args.normalize != 0 ? __fdiv_rn(weights[i], sum) : weights[i]) * args.scale;
  }
}

}  // namespace

int32_t MoeRoutePortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  route<<<static_cast<unsigned>(args.m), 32, 0, stream>>>(args);
  return launched("moe_route");
}

}  // namespace hadal::cuda
