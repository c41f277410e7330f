#include "device/mma.cuh"
#include "device/warp.cuh"
#include "gemm/gemm.h"

namespace hadal::cuda {
namespace {

// Element (row, column) of a batch's b as it lies; e4m3 as its dequantised bf16.
__device__ inline float b_at(const hd_gemm_args& args, int64_t batch, int64_t row, int64_t column) {
  const int64_t index = batch * args.b_batch_stride + row * args.b_stride + column;
  if (args.b_dtype != HD_DTYPE_F8_E4M3) return load(args.b, args.b_dtype, index);
  const float scale = args.b_scale[batch * args.b_scale_batch_stride + row / HD_SCALE_BLOCK * args.b_scale_stride +
                                   column / HD_SCALE_BLOCK];
  return from_bf16(to_bf16(from_e4m3(static_cast<const uint8_t*>(args.b)[index]) * scale));
}

// bf16 by bf16, or by e4m3, on the tensor cores: a block of four warps makes a 64 x 64 tile of d.
constexpr int kThreads = 128;
constexpr int kTile = 64;
constexpr int kDepth = 64;
constexpr int kStride = kDepth + 8;

__global__ void __launch_bounds__(kThreads) multiply_bf16(hd_gemm_args args) {
  __shared__ bf16 a[kTile][kStride];
  __shared__ bf16 b[kTile][kStride];  // [n, k] or, with b_is_kn, [k, n].
  const int64_t batch = blockIdx.z;
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kTile);
  const int64_t n0 = blockIdx.x * static_cast<int64_t>(kTile);
  const bf16* a_batch = static_cast<const bf16*>(args.a) + batch * args.a_batch_stride;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = warp / 2 * 32;
  const int column = warp % 2 * 32;
  MmaSum sum[2][4];
  for (int64_t k0 = 0; k0 < args.k; k0 += kDepth) {
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
      const int r = i / kDepth;
      const int c = i % kDepth;
      a[r][c] = m0 + r < args.m && k0 + c < args.k ? a_batch[(m0 + r) * args.a_stride + k0 + c] : bf16{0};
      const int64_t n = n0 + (args.b_is_kn != 0 ? c : r);
      const int64_t k = k0 + (args.b_is_kn != 0 ? r : c);
      const bool is_kn = args.b_is_kn != 0;
      b[r][c] = n < args.n && k < args.k ? to_bf16(b_at(args, batch, is_kn ? k : n, is_kn ? n : k)) : bf16{0};
    }
    __syncthreads();
    for (int depth = 0; depth < kDepth; depth += 16) {
      uint32_t a_part[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i) load_a(a_part[i], &a[row + i * 16][depth], kStride);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        uint32_t b_part[2];
        if (args.b_is_kn != 0) {
          load_b_kn(b_part, &b[depth][column + j * 8], kStride);
        } else {
          load_b(b_part, &b[column + j * 8][depth], kStride);
        }
#pragma unroll
        for (int i = 0; i < 2; ++i) mma(sum[i][j], a_part[i], b_part);
      }
    }
  }
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int64_t m = m0 + row + i * 16 + e / 2 * 8 + g;
        const int64_t n = n0 + column + j * 8 + 2 * t + e % 2;
        if (m < args.m && n < args.n) {
          store(args.d, args.d_dtype, batch * args.d_batch_stride + m * args.d_stride + n, sum[i][j].x[e]);
        }
      }
    }
  }
}

// Products with f32 operands (the router, the head) have few rows, and are bound by reading b: a warp takes one column
// of d and up to eight rows, its lanes along k.
constexpr int kRows = 8;
constexpr int kWarps = 8;

__global__ void __launch_bounds__(kWarps * 32) multiply_f32(hd_gemm_args args) {
  const int64_t n = blockIdx.x * static_cast<int64_t>(kWarps) + threadIdx.x / 32;
  if (n >= args.n) return;
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kRows);
  const int64_t batch = blockIdx.z;
  const int64_t a_first = batch * args.a_batch_stride + m0 * args.a_stride;
  float sum[kRows] = {};
  for (int64_t k = threadIdx.x % 32; k < args.k; k += 32) {
    const float b = args.b_is_kn != 0 ? b_at(args, batch, k, n) : b_at(args, batch, n, k);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (m0 + i < args.m) sum[i] += load(args.a, args.a_dtype, a_first + i * args.a_stride + k) * b;
    }
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const float total = warp_sum(sum[i]);
    if (threadIdx.x % 32 == 0 && m0 + i < args.m) {
      store(args.d, args.d_dtype, batch * args.d_batch_stride + (m0 + i) * args.d_stride + n, total);
    }
  }
}

}  // namespace

int32_t GemmPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const auto batch = static_cast<unsigned>(args.batch);
  if (args.a_dtype == HD_DTYPE_BF16 && args.b_dtype != HD_DTYPE_F32) {
    const dim3 grid(static_cast<unsigned>(ceil_div(args.n, kTile)), static_cast<unsigned>(ceil_div(args.m, kTile)),
                    batch);
    multiply_bf16<<<grid, kThreads, 0, stream>>>(args);
  } else {
    const dim3 grid(static_cast<unsigned>(ceil_div(args.n, kWarps)), static_cast<unsigned>(ceil_div(args.m, kRows)),
                    batch);
    multiply_f32<<<grid, kWarps * 32, 0, stream>>>(args);
  }
  return launched("gemm");
}

}  // namespace hadal::cuda
