// On the tensor cores by bf16 products, which hold products of e4m3 exactly: an f32 partial per 128 of K, times the
// scales, summed in f32 in ascending K.
#include "device/mma.cuh"
#include "fp8_gemm/fp8_gemm.h"
#include "fp8_gemm/groups.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 128;  // Four warps, each 32 x 32 of the tile.
constexpr int kTile = 64;      // Rows of a, and rows of b, of a block's tile.
constexpr int kDepth = 64;     // K of a step; two of them make a scale block.
constexpr int kStride = kDepth + 8;

// Rows of a that share one weight.
struct Product {
  const uint8_t* a;
  const float* a_scale;  // Element (i, j) at i * row_stride + j * block_stride.
  int64_t row_stride;
  int64_t block_stride;
  const uint8_t* b;
  const float* b_scale;
  void* d;
  int64_t d_stride;
  int32_t d_dtype;
  int32_t n;
  int32_t k;
};

// Converts a [64, 64] tile of codes to bf16, zero beyond `rows`.
__device__ void fetch(bf16 (*tile)[kStride], const uint8_t* codes, int64_t k, int64_t rows) {
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth / 4; i += kThreads) {
    const int row = i / (kDepth / 4);
    const int column = i % (kDepth / 4) * 4;
    uchar4 code = make_uchar4(0, 0, 0, 0);
    if (row < rows) code = *reinterpret_cast<const uchar4*>(codes + row * k + column);
    // e4m3 has no more mantissa than bf16, so the upper half of the f32 is all of it.
    tile[row][column] = static_cast<bf16>(__float_as_uint(from_e4m3(code.x)) >> 16);
    tile[row][column + 1] = static_cast<bf16>(__float_as_uint(from_e4m3(code.y)) >> 16);
    tile[row][column + 2] = static_cast<bf16>(__float_as_uint(from_e4m3(code.z)) >> 16);
    tile[row][column + 3] = static_cast<bf16>(__float_as_uint(from_e4m3(code.w)) >> 16);
  }
}

// The tile of d at (m0, n0): rows [m0, m_end) are read, rows [first, last) of them written.
__device__ void multiply(const Product& p, int64_t m0, int64_t m_end, int64_t first, int64_t last, int64_t n0) {
  __shared__ bf16 a[kTile][kStride];
  __shared__ bf16 b[kTile][kStride];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int row = warp / 2 * 32;
  const int column = warp % 2 * 32;
  const int g = static_cast<int>(threadIdx.x) % 32 / 4;
  const int t = static_cast<int>(threadIdx.x) % 4;
  const int64_t blocks = p.k / HD_SCALE_BLOCK;
  float sum[2][4][4] = {};
  for (int64_t block = 0; block < blocks; ++block) {
    MmaSum partial[2][4];
    for (int half = 0; half < 2; ++half) {
      const int64_t k0 = block * HD_SCALE_BLOCK + half * kDepth;
      __syncthreads();
      fetch(a, p.a + m0 * p.k + k0, p.k, m_end - m0);
      fetch(b, p.b + n0 * p.k + k0, p.k, p.n - n0);
      __syncthreads();
      for (int depth = 0; depth < kDepth; depth += 16) {
        uint32_t a_part[2][4];
        for (int i = 0; i < 2; ++i) load_a(a_part[i], &a[row + i * 16][depth], kStride);
        for (int j = 0; j < 4; ++j) {
          uint32_t b_part[2];
          load_b(b_part, &b[column + j * 8][depth], kStride);
          for (int i = 0; i < 2; ++i) mma(partial[i][j], a_part[i], b_part);
        }
      }
    }
    for (int i = 0; i < 4; ++i) {  // Rows g, g + 8, g + 16, g + 24 of the warp.
      const int64_t m = m0 + row + i * 8 + g;
      if (m >= m_end) continue;
      const float a_scale = p.a_scale[m * p.row_stride + block * p.block_stride];
      // 32 columns from a multiple of 32 lie in one scale block.
      const int64_t n_block = (n0 + column) / HD_SCALE_BLOCK;
      const float scale = n0 + column < p.n ? a_scale * p.b_scale[n_block * blocks + block] : 0.0f;
      for (int j = 0; j < 4; ++j) {
        for (int e = 0; e < 2; ++e) sum[i / 2][j][i % 2 * 2 + e] += partial[i / 2][j].x[i % 2 * 2 + e] * scale;
      }
    }
  }
  for (int i = 0; i < 4; ++i) {
    const int64_t m = m0 + row + i * 8 + g;
    if (m < first || m >= last) continue;
    for (int j = 0; j < 4; ++j) {
      for (int e = 0; e < 2; ++e) {
        const int64_t n = n0 + column + j * 8 + 2 * t + e;
        if (n < p.n) store(p.d, p.d_dtype, m * p.d_stride + n, sum[i / 2][j][i % 2 * 2 + e]);
      }
    }
  }
}

__global__ void __launch_bounds__(kThreads) plain(Product p, int32_t m) {
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kTile);
  const int64_t m_end = m0 + kTile < m ? m0 + kTile : m;
  multiply(p, m0, m_end, m0, m_end, blockIdx.x * static_cast<int64_t>(kTile));
}

// A tile takes its runs of rows of one group in turn.
__global__ void __launch_bounds__(kThreads)
    contiguous(Product p, int32_t m, int32_t groups, const int32_t* layout, int64_t b_step, int64_t scale_step) {
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kTile);
  const int64_t m_end = m0 + kTile < m ? m0 + kTile : m;
  for (int64_t first = m0; first < m_end;) {
    const int32_t group = layout[first];
    int64_t last = first + 1;
    while (last < m_end && layout[last] == group) ++last;
    if (group >= 0 && group < groups) {
      Product of_group = p;
      of_group.b += group * b_step;
      of_group.b_scale += group * scale_step;
      multiply(of_group, m0, m_end, first, last, blockIdx.x * static_cast<int64_t>(kTile));
    }
    first = last;
  }
}

__global__ void __launch_bounds__(kThreads) masked(Product p, int32_t m_max, const int32_t* masked_m,
                                                   int64_t a_scale_group_stride, int64_t b_step, int64_t scale_step) {
  const int64_t group = blockIdx.z;
  const int64_t count = masked_m[group] < m_max ? masked_m[group] : m_max;
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kTile);
  if (m0 >= count) return;
  const int64_t m_end = m0 + kTile < count ? m0 + kTile : count;
  p.a += group * m_max * p.k;
  p.a_scale += group * a_scale_group_stride;
  p.b += group * b_step;
  p.b_scale += group * scale_step;
  p.d = static_cast<std::byte*>(p.d) + group * m_max * p.n * (p.d_dtype == HD_DTYPE_F32 ? 4 : 2);
  multiply(p, m0, m_end, m0, m_end, blockIdx.x * static_cast<int64_t>(kTile));
}

unsigned tiles(int64_t count) {
  return static_cast<unsigned>(ceil_div(count, kTile));
}

}  // namespace

int32_t Fp8GemmPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const Product p{args.a,
                  args.a_scale,
                  args.a_scale_row_stride,
                  args.a_scale_block_stride,
                  args.b,
                  args.b_scale,
                  args.d,
                  args.d_stride,
                  args.d_dtype,
                  args.n,
                  args.k};
  plain<<<dim3(tiles(args.n), tiles(args.m)), kThreads, 0, stream>>>(p, args.m);
  return launched("fp8_gemm");
}

int32_t Fp8GemmContiguousPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  GroupedWeights weights;
  if (const int32_t status =
          read_groups("hd_fp8_gemm_contiguous", "b", "b_scale", args.groups, args.b, args.b_scale, weights)) {
    return status;
  }
  const Product p{args.a,
                  args.a_scale,
                  args.a_scale_row_stride,
                  args.a_scale_block_stride,
                  weights.b,
                  weights.b_scale,
                  args.d,
                  args.n,
                  args.d_dtype,
                  args.n,
                  args.k};
  contiguous<<<dim3(tiles(args.n), tiles(args.m)), kThreads, 0, stream>>>(p, args.m, args.groups, args.grouped_layout,
                                                                          weights.b_step, weights.scale_step);
  return launched("fp8_gemm_contiguous");
}

int32_t Fp8GemmMaskedPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  GroupedWeights weights;
  if (const int32_t status =
          read_groups("hd_fp8_gemm_masked", "b", "b_scale", args.groups, args.b, args.b_scale, weights)) {
    return status;
  }
  const Product p{args.a,
                  args.a_scale,
                  args.a_scale_row_stride,
                  args.a_scale_block_stride,
                  weights.b,
                  weights.b_scale,
                  args.d,
                  args.n,
                  args.d_dtype,
                  args.n,
                  args.k};
  masked<<<dim3(tiles(args.n), tiles(args.m_max), static_cast<unsigned>(args.groups)), kThreads, 0, stream>>>(
      p, args.m_max, args.masked_m, args.a_scale_group_stride, weights.b_step, weights.scale_step);
  return launched("fp8_gemm_masked");
}

}  // namespace hadal::cuda
