// Attention of 16 heads of one query over a list of tokens, with the softmax taken online, 64 tokens at a time.
#pragma once

#include "device/mla_page.cuh"
#include "device/mma.cuh"
#include "device/warp.cuh"
#include "kernel.h"

namespace hadal::cuda {

constexpr int kAttendThreads = 128;  // Four warps: of the scores, 16 tokens each; of the output, 128 columns each.
constexpr int kAttendHeads = 16;
constexpr int kAttendTokens = 64;
constexpr int kAttendStride = HD_MLA_DIM + 8;

struct AttendTiles {
  bf16 token[kAttendTokens][kAttendStride];
  bf16 q[kAttendHeads][kAttendStride];
  bf16 weight[kAttendHeads][kAttendTokens + 8];
  float score[kAttendHeads][kAttendTokens];
  float maximum[kAttendHeads];
  float total[kAttendHeads];
  float shrink[kAttendHeads];
};

// slot_of(i) is the slot of token i of `tokens`, or negative. q, out and lse point at the first of `heads` heads.
template <class SlotOf>
__device__ void attend(AttendTiles& tiles, const std::byte* cache, int32_t format, int64_t slots, int32_t tokens,
                       const SlotOf& slot_of, int heads, const bf16* q, float softmax_scale, bf16* out, float* lse) {
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / 32;
  const int g = thread % 32 / 4;
  const int t = thread % 4;
  const float none = __uint_as_float(0xff800000u);
  for (int i = thread; i < kAttendHeads * HD_MLA_DIM; i += kAttendThreads) {
    const int head = i / HD_MLA_DIM;
    tiles.q[head][i % HD_MLA_DIM] = head < heads ? q[i] : bf16{0};
  }
  if (thread < kAttendHeads) {
    tiles.maximum[thread] = none;
    tiles.total[thread] = 0.0f;
  }
  MmaSum sum[16];
  for (int32_t first = 0; first < tokens; first += kAttendTokens) {
    __syncthreads();
    for (int i = warp; i < kAttendTokens; i += 4) {
      const int64_t slot = first + i < tokens ? slot_of(first + i) : -1;
      const bool inside = slot >= 0 && slot < slots;
      const std::byte* token = cache + (inside ? slot : 0) * token_bytes(format);
      for (int j = thread % 32; j < HD_MLA_DIM; j += 32) {
        tiles.token[i][j] = inside ? to_bf16(read_element(token, format, j)) : bf16{0};
      }
      if (thread % 32 == 0) tiles.score[0][i] = inside ? 0.0f : none;
    }
    __syncthreads();
    const float mask[2][2] = {{tiles.score[0][warp * 16 + 2 * t], tiles.score[0][warp * 16 + 2 * t + 1]},
                              {tiles.score[0][warp * 16 + 8 + 2 * t], tiles.score[0][warp * 16 + 8 + 2 * t + 1]}};
    MmaSum dot[2];
    for (int depth = 0; depth < HD_MLA_DIM; depth += 16) {
      uint32_t a[4];
      load_a(a, &tiles.q[0][depth], kAttendStride);
      for (int j = 0; j < 2; ++j) {
        uint32_t b[2];
        load_b(b, &tiles.token[warp * 16 + j * 8][depth], kAttendStride);
        mma(dot[j], a, b);
      }
    }
    __syncthreads();
    for (int j = 0; j < 2; ++j) {
      for (int e = 0; e < 4; ++e) {
        tiles.score[e / 2 * 8 + g][warp * 16 + j * 8 + 2 * t + e % 2] = dot[j].x[e] * softmax_scale + mask[j][e % 2];
      }
    }
    __syncthreads();
    for (int head = warp; head < kAttendHeads; head += 4) {
      const int lane = thread % 32;
      const float a = tiles.score[head][lane];
      const float b = tiles.score[head][lane + 32];
      const float before = tiles.maximum[head];
      const float highest = fmaxf(before, warp_max(fmaxf(a, b)));
      const float wa = highest == none ? 0.0f : expf(a - highest);
      const float wb = highest == none ? 0.0f : expf(b - highest);
      tiles.weight[head][lane] = to_bf16(wa);
      tiles.weight[head][lane + 32] = to_bf16(wb);
      const float added = warp_sum(wa + wb);
      __syncwarp();
      if (lane == 0) {
        tiles.shrink[head] = highest == none ? 1.0f : expf(before - highest);
        tiles.total[head] = tiles.total[head] * tiles.shrink[head] + added;
        tiles.maximum[head] = highest;
      }
    }
    __syncthreads();
    for (int j = 0; j < 16; ++j) {
      for (int e = 0; e < 4; ++e) sum[j].x[e] *= tiles.shrink[e / 2 * 8 + g];
    }
    for (int depth = 0; depth < kAttendTokens; depth += 16) {
      uint32_t a[4];
      load_a(a, &tiles.weight[0][depth], kAttendTokens + 8);
      for (int j = 0; j < 16; ++j) {
        uint32_t b[2];
        load_b_kn(b, &tiles.token[depth][warp * 128 + j * 8], kAttendStride);
        mma(sum[j], a, b);
      }
    }
  }
  __syncthreads();
  for (int half = 0; half < 2; ++half) {
    const int head = half * 8 + g;
    if (head >= heads) continue;
    const float total = tiles.total[head];
    const float scale = total == 0.0f ? 0.0f : __fdiv_rn(1.0f, total);
    for (int j = 0; j < 16; ++j) {
      for (int e = 0; e < 2; ++e) {
        out[head * HD_LATENT_DIM + warp * 128 + j * 8 + 2 * t + e] = to_bf16(sum[j].x[half * 2 + e] * scale);
      }
    }
  }
  if (lse != nullptr && thread < heads) {
    lse[thread] = tiles.total[thread] == 0.0f ? none : tiles.maximum[thread] + logf(tiles.total[thread]);
  }
}

// Lets a kernel have an AttendTiles of dynamic shared memory, once a process and card.
template <class Kernel>
int32_t allow_tiles(Kernel* kernel, const char* name) {
  return status_of(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(AttendTiles)),
                   name);
}

}  // namespace hadal::cuda
