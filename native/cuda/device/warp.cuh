// Work of one warp together. Every lane of the warp takes part.
#pragma once

#include "device/number.cuh"

namespace hadal::cuda {

constexpr uint32_t kAllLanes = 0xffffffffu;

__device__ inline float warp_sum(float x) {
  for (int lane = 16; lane > 0; lane /= 2) x += __shfl_xor_sync(kAllLanes, x, lane);
  return x;
}

__device__ inline float warp_max(float x) {
  for (int lane = 16; lane > 0; lane /= 2) x = fmaxf(x, __shfl_xor_sync(kAllLanes, x, lane));
  return x;
}

// Sum over a block of a whole number of warps, in an order that depends on the block's size alone; `warps` is shared
// memory of one float a warp. All threads get the sum.
__device__ inline float block_sum(float x, float* warps) {
  x = warp_sum(x);
  const int count = static_cast<int>(blockDim.x) / 32;
  if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = x;
  __syncthreads();
  float sum = 0.0f;
  for (int i = 0; i < count; ++i) sum += warps[i];
  __syncthreads();
  return sum;
}

// Quantises 128 values, four a lane, by the rule of hd_fp8_quantize: q receives the codes of this lane's four. Returns
// the scale, the same in every lane.
__device__ inline float warp_quantize(const float (&x)[4], uchar4& q, int32_t scale_format) {
  float amax = 0.0f;
  for (const float value : x) amax = fabsf(value) > amax ? fabsf(value) : amax;
  const float scale = scale_of(warp_max(amax), scale_format);
  q = make_uchar4(to_e4m3(__fdiv_rn(x[0], scale)), to_e4m3(__fdiv_rn(x[1], scale)), to_e4m3(__fdiv_rn(x[2], scale)),
                  to_e4m3(__fdiv_rn(x[3], scale)));
  return scale;
}

}  // namespace hadal::cuda
