// What the two decode kernels of FlashMLA want beside their operands.
#pragma once

#include "carve.h"
#include "kernel.h"
#include "upstream/flashmla.h"

namespace hadal::cuda {

// Queries of one launch: partial results of more would take too much workspace.
constexpr int64_t kDecodeRows = 256;

inline int64_t decode_rows(int64_t m) {
  return m < kDecodeRows ? m : kDecodeRows;
}

// Partial results, and the lse of `rows` queries where the caller wants none.
inline upstream::DecodeWorkspace decode_workspace(Carve& carve, int parts, int64_t rows, int64_t heads) {
  upstream::DecodeWorkspace workspace{};
  workspace.parts = parts;
  workspace.schedule = carve.take<int32_t>(int64_t{parts} * 8);
  workspace.splits = carve.take<int32_t>(rows + 1);
  workspace.lse = carve.take<float>((rows + parts) * heads);
  workspace.out = carve.take<float>((rows + parts) * heads * HD_LATENT_DIM);
  return workspace;
}

// FlashMLA's lse of an empty row is +inf, and hadal.h's -inf.
static __global__ void convert_empty(float* lse, int64_t count) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i < count && lse[i] == __uint_as_float(0x7f800000u)) lse[i] = __uint_as_float(0xff800000u);
}

inline int32_t convert_empty_rows(float* lse, int64_t count, cudaStream_t stream, const char* name) {
  convert_empty<<<static_cast<unsigned>(ceil_div(count, 256)), 256, 0, stream>>>(lse, count);
  return launched(name);
}

}  // namespace hadal::cuda
