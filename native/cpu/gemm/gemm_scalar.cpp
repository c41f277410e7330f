#include <algorithm>

#include "cpu/gemm/gemm.h"
#include "cpu/grouped_rows.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kLanes = 16;   // Partial sums of a dot product, folded pairwise at its end.
constexpr int kDepth = 512;  // Elements of K converted at a time.
constexpr int kTile = 16;    // Columns of d that one work item computes.

void convert(const void* x, int32_t dtype, int64_t first, int64_t stride, int count, float* y) {
  for (int i = 0; i < count; ++i) y[i] = load(x, dtype, first + i * stride);
  for (int i = count; i % kLanes != 0; ++i) y[i] = 0.0f;
}

// Column n of d takes b from k0 on.
void convert_b(const hd_gemm_args& args, int64_t batch, int64_t n, int64_t k0, int count, float* y) {
  const bool is_kn = args.b_is_kn != 0;
  const int64_t first = batch * args.b_batch_stride + (is_kn ? k0 * args.b_stride + n : n * args.b_stride + k0);
  const int64_t step = is_kn ? args.b_stride : 1;
  if (args.b_dtype != HD_WEIGHT_FP8) return convert(args.b, args.b_dtype, first, step, count, y);
  const float* scales = args.b_scale + batch * args.b_scale_batch_stride;
  for (int i = 0; i < count; ++i) {
    const int64_t row = (is_kn ? k0 + i : n) / HD_SCALE_BLOCK;
    const int64_t column = (is_kn ? n : k0 + i) / HD_SCALE_BLOCK;
    const float value = from_e4m3(static_cast<const uint8_t*>(args.b)[first + i * step]);
    y[i] = from_bf16(to_bf16(value * scales[row * args.b_scale_stride + column]));
  }
  for (int i = count; i % kLanes != 0; ++i) y[i] = 0.0f;
}

// Adds to the lanes; a lane's sum runs over K in ascending order.
void accumulate(const float* a, const float* b, int count, float* sum) {
  for (int i = 0; i < count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
}

float fold(float* sum) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  }
  return sum[0];
}

int64_t tiles(int64_t n) {
  return (n + kTile - 1) / kTile;
}

// All rows of a batch times the columns [n0, n0 + 16).
void multiply_tile(const hd_gemm_args& args, int64_t batch, int64_t n0) {
  const int columns = static_cast<int>(std::min<int64_t>(kTile, args.n - n0));
  float a[kDepth];
  float b[kTile][kDepth];
  constexpr int kRows = 32;
  float sum[kRows][kTile][kLanes];
  for (int64_t m0 = 0; m0 < args.m; m0 += kRows) {
    const int rows = static_cast<int>(std::min<int64_t>(kRows, args.m - m0));
    std::fill_n(&sum[0][0][0], kRows * kTile * kLanes, 0.0f);
    for (int64_t k0 = 0; k0 < args.k; k0 += kDepth) {
      const int depth = static_cast<int>(std::min<int64_t>(kDepth, args.k - k0));
      for (int j = 0; j < columns; ++j) convert_b(args, batch, n0 + j, k0, depth, b[j]);
      for (int i = 0; i < rows; ++i) {
        convert(args.a, args.a_dtype, batch * args.a_batch_stride + (m0 + i) * args.a_stride + k0, 1, depth, a);
        for (int j = 0; j < columns; ++j) accumulate(a, b[j], depth, sum[i][j]);
      }
    }
    for (int i = 0; i < rows; ++i) {
      for (int j = 0; j < columns; ++j) {
        store(args.d, args.d_dtype, batch * args.d_batch_stride + (m0 + i) * args.d_stride + n0 + j, fold(sum[i][j]));
      }
    }
  }
}

const std::byte* row_of(const void* data, int32_t dtype, int64_t row, int64_t width) {
  return static_cast<const std::byte*>(data) + row * width * (dtype == HD_DTYPE_F32 ? 4 : 2);
}

// Rows of one group as a plain product.
hd_gemm_args product_of(const hd_gemm_contiguous_args& args, int32_t group, int64_t first, int64_t count) {
  hd_gemm_args product{};
  product.a_dtype = args.a_dtype;
  product.b_dtype = args.b_format;
  product.d_dtype = args.d_dtype;
  product.batch = 1;
  product.m = static_cast<int32_t>(count);
  product.n = args.n;
  product.k = args.k;
  product.a = row_of(args.a, args.a_dtype, first, args.k);
  product.a_stride = args.k;
  product.b = args.b[group];
  product.b_stride = args.k;
  product.d = const_cast<std::byte*>(row_of(args.d, args.d_dtype, first, args.n));
  product.d_stride = args.n;
  return product;
}

}  // namespace

int32_t GemmScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.batch * tiles(args.n), [&](int64_t item, int) {
    multiply_tile(args, item / tiles(args.n), item % tiles(args.n) * kTile);
  });
  return HD_STATUS_OK;
}

int32_t GemmContiguousScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_layout("hd_gemm_contiguous", args)) return status;
  pool.parallel_for(tiles(args.n), [&](int64_t tile, int) {
    for_groups(args, [&](int32_t group, int64_t first, int64_t count) {
      multiply_tile(product_of(args, group, first, count), 0, tile * kTile);
    });
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
