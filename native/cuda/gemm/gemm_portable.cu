#include "device/mma.cuh"
#include "device/warp.cuh"
#include "gemm/gemm.h"
#include "spaced.h"

namespace hadal::cuda {
namespace {

// Element (row, column) of a batch's b as it lies; e4m3 as its dequantised bf16.
__device__ inline float b_at(const hd_gemm_args& args, int64_t batch, int64_t row, int64_t column) {
  const int64_t index = batch * args.b_batch_stride + row * args.b_stride + column;
  if (args.b_dtype != HD_WEIGHT_FP8) return load(args.b, args.b_dtype, index);
  const float scale = args.b_scale[batch * args.b_scale_batch_stride + row / HD_SCALE_BLOCK * args.b_scale_stride +
                                   column / HD_SCALE_BLOCK];
  return from_bf16(to_bf16(from_e4m3(static_cast<const uint8_t*>(args.b)[index]) * scale));
}

// bf16 by bf16, or by e4m3, on the tensor cores: a block of four warps makes a 64 x 64 tile of d.
constexpr int kThreads = 128;
constexpr int kTile = 64;
constexpr int kDepth = 64;
constexpr int kStride = kDepth + 8;

// The tile of d at (m0, n0), of which the rows [first, last) are written.
__device__ void multiply_bf16(const hd_gemm_args& args, int64_t batch, int64_t m0, int64_t first, int64_t last,
                              int64_t n0) {
  __shared__ bf16 a[kTile][kStride];
  __shared__ bf16 b[kTile][kStride];  // [n, k] or, with b_is_kn, [k, n].
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
        if (m >= first && m < last && n < args.n) {
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

// Column n of the rows [first, last), eight at most.
__device__ void multiply_f32(const hd_gemm_args& args, int64_t batch, int64_t first, int64_t last, int64_t n) {
  const int64_t a_first = batch * args.a_batch_stride + first * args.a_stride;
  float sum[kRows] = {};
  for (int64_t k = threadIdx.x % 32; k < args.k; k += 32) {
    const float b = args.b_is_kn != 0 ? b_at(args, batch, k, n) : b_at(args, batch, n, k);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (first + i < last) sum[i] += load(args.a, args.a_dtype, a_first + i * args.a_stride + k) * b;
    }
  }
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const float total = warp_sum(sum[i]);
    if (threadIdx.x % 32 == 0 && first + i < last) {
      store(args.d, args.d_dtype, batch * args.d_batch_stride + (first + i) * args.d_stride + n, total);
    }
  }
}

__device__ inline int64_t at_most(int64_t x, int64_t most) {
  return x < most ? x : most;
}

// Calls body(first, last) for the rows [m0, m0 + rows) of a plain product.
struct AllRows {
  template <class Body>
  __device__ void operator()(hd_gemm_args& args, int64_t m0, int rows, const Body& body) const {
    body(m0, at_most(m0 + rows, args.m));
  }
};

// Calls it for each run of rows of one group in turn, whose weight is then b.
struct RowsOfGroups {
  const int32_t* layout;
  int32_t groups;
  Spaced b;

  template <class Body>
  __device__ void operator()(hd_gemm_args& args, int64_t m0, int rows, const Body& body) const {
    const int64_t end = at_most(m0 + rows, args.m);
    for (int64_t first = m0; first < end;) {
      const int32_t group = layout[first];
      int64_t last = first + 1;
      while (last < end && layout[last] == group) ++last;
      if (group >= 0 && group < groups) {
        args.b = b.first + group * b.step;
        body(first, last);
      }
      first = last;
    }
  }
};

template <class Rows>
__global__ void __launch_bounds__(kThreads) tiles_bf16(hd_gemm_args args, Rows rows) {
  const int64_t m0 = blockIdx.y * static_cast<int64_t>(kTile);
  const int64_t n0 = blockIdx.x * static_cast<int64_t>(kTile);
  rows(args, m0, kTile, [&](int64_t first, int64_t last) { multiply_bf16(args, blockIdx.z, m0, first, last, n0); });
}

template <class Rows>
__global__ void __launch_bounds__(kWarps * 32) columns_f32(hd_gemm_args args, Rows rows) {
  const int64_t n = blockIdx.x * static_cast<int64_t>(kWarps) + threadIdx.x / 32;
  if (n >= args.n) return;
  rows(args, blockIdx.y * static_cast<int64_t>(kRows), kRows,
       [&](int64_t first, int64_t last) { multiply_f32(args, blockIdx.z, first, last, n); });
}

template <class Rows>
void launch(const hd_gemm_args& args, const Rows& rows, cudaStream_t stream) {
  const auto grid = [&](int columns_each, int rows_each) {
    return dim3(static_cast<unsigned>(ceil_div(args.n, columns_each)),
                static_cast<unsigned>(ceil_div(args.m, rows_each)), static_cast<unsigned>(args.batch));
  };
  if (args.a_dtype == HD_DTYPE_BF16 && args.b_dtype != HD_WEIGHT_F32) {
    tiles_bf16<<<grid(kTile, kTile), kThreads, 0, stream>>>(args, rows);
  } else {
    columns_f32<<<grid(kWarps, kRows), kWarps * 32, 0, stream>>>(args, rows);
  }
}

}  // namespace

int32_t GemmPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  launch(args, AllRows{}, stream);
  return launched("gemm");
}

int32_t GemmContiguousPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const uint64_t element = args.b_format == HD_WEIGHT_F32 ? 4 : 2;
  Spaced b;
  if (const int32_t status = read_spaced("hd_gemm_contiguous", "b", args.groups, args.b, element, b)) return status;
  hd_gemm_args rows{};
  rows.a_dtype = args.a_dtype;
  rows.b_dtype = args.b_format;
  rows.d_dtype = args.d_dtype;
  rows.batch = 1;
  rows.m = args.m;
  rows.n = args.n;
  rows.k = args.k;
  rows.a = args.a;
  rows.a_stride = rows.b_stride = args.k;
  rows.d = args.d;
  rows.d_stride = args.n;
  launch(rows, RowsOfGroups{args.grouped_layout, args.groups, b}, stream);
  return launched("gemm_contiguous");
}

}  // namespace hadal::cuda
