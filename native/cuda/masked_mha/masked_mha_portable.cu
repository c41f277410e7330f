#include "device/warp.cuh"
#include "masked_mha/masked_mha.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kMaxDim = 1024;  // Of nope_dim and of v_dim.

// One block a query and head; the softmax is taken online over 128 keys at a time, one a thread.
__global__ void __launch_bounds__(kThreads) masked_mha(hd_masked_mha_args args) {
  __shared__ float q[kMaxDim + HD_ROPE_DIM];
  __shared__ float weight[kThreads];
  __shared__ int32_t key_at[kThreads];
  __shared__ float warps[kThreads / 32];
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t row = blockIdx.x;
  const int64_t head = blockIdx.y;
  const int64_t item = row * args.heads + head;
  const int64_t q_head = args.nope_dim + HD_ROPE_DIM;
  const int64_t kv_head = args.nope_dim + args.v_dim;
  const float none = __uint_as_float(0xff800000u);
  for (int64_t i = thread; i < q_head; i += kThreads) q[i] = load(args.q, args.q_dtype, item * q_head + i);
  const int32_t visible = args.visible[row];
  const int32_t count = args.positions == nullptr ? visible : args.topk;
  float sum[kMaxDim / kThreads] = {};
  float maximum = none;
  float total = 0.0f;
  for (int32_t first = 0; first < count; first += kThreads) {
    const int32_t i = first + thread;
    int32_t key = -1;
    if (i < count) key = args.positions == nullptr ? i : args.positions[row * args.topk + i];
    if (key >= visible) key = -1;
    __syncthreads();
    float score = none;
    if (key >= 0) {
      float dot = 0.0f;
      const int64_t k = (key * static_cast<int64_t>(args.heads) + head) * kv_head;
      for (int32_t j = 0; j < args.nope_dim; ++j) dot += q[j] * load(args.kv, args.q_dtype, k + j);
      for (int32_t j = 0; j < HD_ROPE_DIM; ++j) {
        dot += q[args.nope_dim + j] * load(args.k_rope, args.q_dtype, key * args.k_rope_stride + j);
      }
      score = dot * args.softmax_scale;
    }
    const float warp_highest = warp_max(score);
    if (thread % 32 == 0) warps[thread / 32] = warp_highest;
    key_at[thread] = key;
    __syncthreads();
    float highest = maximum;
    for (const float x : warps) highest = fmaxf(highest, x);
    __syncthreads();
    if (highest == none) continue;
    const float w = key >= 0 ? expf(score - highest) : 0.0f;
    weight[thread] = rounded(w, args.q_dtype);
    const float shrink = expf(maximum - highest);
    total = total * shrink + block_sum(w, warps);
    maximum = highest;
#pragma unroll
    for (int n = 0; n < kMaxDim / kThreads; ++n) {
      const int32_t j = thread + n * kThreads;
      if (j >= args.v_dim) break;
      float x = sum[n] * shrink;
      for (int k = 0; k < kThreads; ++k) {
        if (key_at[k] < 0) continue;
        const int64_t v = (key_at[k] * static_cast<int64_t>(args.heads) + head) * kv_head + args.nope_dim;
        x += weight[k] * load(args.kv, args.q_dtype, v + j);
      }
      sum[n] = x;
    }
  }
#pragma unroll
  for (int n = 0; n < kMaxDim / kThreads; ++n) {
    const int32_t j = thread + n * kThreads;
    if (j < args.v_dim)
      store(args.out, args.q_dtype, item * args.v_dim + j, total == 0.0f ? 0.0f : __fdiv_rn(sum[n], total));
  }
}

}  // namespace

int32_t MaskedMhaPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  masked_mha<<<dim3(static_cast<unsigned>(args.m), static_cast<unsigned>(args.heads)), kThreads, 0, stream>>>(args);
  return launched("masked_mha");
}

}  // namespace hadal::cuda
