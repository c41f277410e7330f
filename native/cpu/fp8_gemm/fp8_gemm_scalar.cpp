#include <algorithm>
#include <array>
#include <cmath>

#include "cpu/fp8_gemm/fp8_gemm.h"
#include "cpu/fp8_gemm/groups.h"
#include "cpu/grouped_rows.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kTile = 32;   // Rows of a, and rows of b, that one tile takes.
constexpr int kLanes = 16;  // Partial sums of a dot product, folded pairwise at its end.

const std::array<float, 256> kValueOf = [] {
  std::array<float, 256> values{};
  for (int code = 0; code < 256; ++code) values[static_cast<size_t>(code)] = from_e4m3(static_cast<uint8_t>(code));
  return values;
}();

void decode(const uint8_t* codes, float* values) {
  for (int i = 0; i < HD_SCALE_BLOCK; ++i) values[i] = kValueOf[codes[i]];
}

float dot(const float* a, const float* b) {
  float sum[kLanes] = {};
  for (int i = 0; i < HD_SCALE_BLOCK; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  }
  return sum[0];
}

struct Weight {
  const uint8_t* codes;  // [n, k]
  const float* scale;    // [ceil(n / 128), k / 128]
};

// A run of rows that share one weight, or, for a SwiGLU, two.
struct Rows {
  const uint8_t* a;      // [count, k]
  const float* a_scale;  // Element (i, j) at i * row_stride + j * block_stride.
  int64_t row_stride;
  int64_t block_stride;
  Weight b;
  Weight up;  // Null codes: none.
  void* d;
  int64_t d_first;  // Index of the first row's first element in d.
  int64_t d_stride;
  int64_t count;
};

using Sums = float[kTile][kTile];

void multiply_tile(const Rows& rows, const Weight& weight, int64_t m0, int64_t n0, int tile_m, int tile_n, int64_t k,
                   Sums& sum) {
  const int64_t blocks = k / HD_SCALE_BLOCK;
  float a[kTile][HD_SCALE_BLOCK];
  float b[kTile][HD_SCALE_BLOCK];
  for (int64_t block = 0; block < blocks; ++block) {
    for (int i = 0; i < tile_m; ++i) decode(rows.a + (m0 + i) * k + block * HD_SCALE_BLOCK, a[i]);
    for (int j = 0; j < tile_n; ++j) decode(weight.codes + (n0 + j) * k + block * HD_SCALE_BLOCK, b[j]);
    for (int i = 0; i < tile_m; ++i) {
      const float a_scale = rows.a_scale[(m0 + i) * rows.row_stride + block * rows.block_stride];
      for (int j = 0; j < tile_n; ++j) {
        const float b_scale = weight.scale[(n0 + j) / HD_SCALE_BLOCK * blocks + block];
        sum[i][j] += dot(a[i], b[j]) * (a_scale * b_scale);
      }
    }
  }
}

void multiply_tile(const Rows& rows, int64_t m0, int64_t n0, int64_t n, int64_t k, int32_t d_dtype) {
  const int tile_m = static_cast<int>(std::min<int64_t>(kTile, rows.count - m0));
  const int tile_n = static_cast<int>(std::min<int64_t>(kTile, n - n0));
  Sums sum = {};
  Sums up = {};
  multiply_tile(rows, rows.b, m0, n0, tile_m, tile_n, k, sum);
  if (rows.up.codes != nullptr) multiply_tile(rows, rows.up, m0, n0, tile_m, tile_n, k, up);
  for (int i = 0; i < tile_m; ++i) {
    for (int j = 0; j < tile_n; ++j) {
      const int64_t index = rows.d_first + (m0 + i) * rows.d_stride + n0 + j;
      store(rows.d, d_dtype, index, sum[i][j]);
      if (rows.up.codes == nullptr) continue;
      const float gate = load(rows.d, d_dtype, index);
      store(rows.d, d_dtype, index, up[i][j]);
      store(rows.d, d_dtype, index, gate / (1.0f + std::exp(-gate)) * load(rows.d, d_dtype, index));
    }
  }
}

// All rows of a run times the b rows [n0, n0 + 32).
void multiply_column(const Rows& rows, int64_t n0, int64_t n, int64_t k, int32_t d_dtype) {
  for (int64_t m0 = 0; m0 < rows.count; m0 += kTile) multiply_tile(rows, m0, n0, n, k, d_dtype);
}

int64_t tiles(int64_t n) {
  return (n + kTile - 1) / kTile;
}

template <class Args>
Weight up_of(const Args& args, int32_t group) {
  return args.has_up != 0 ? Weight{args.up[group], args.up_scale[group]} : Weight{};
}

}  // namespace

int32_t Fp8GemmScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  const Rows rows{args.a,
                  args.a_scale,
                  args.a_scale_row_stride,
                  args.a_scale_block_stride,
                  {args.b, args.b_scale},
                  {args.up, args.up_scale},
                  args.d,
                  0,
                  args.d_stride,
                  args.m};
  pool.parallel_for(tiles(args.n),
                    [&](int64_t tile, int) { multiply_column(rows, tile * kTile, args.n, args.k, args.d_dtype); });
  return HD_STATUS_OK;
}

int32_t Fp8GemmMultiScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  for (int32_t i = 0; i < args.count; ++i) {
    const Rows rows{args.a,
                    args.a_scale,
                    args.a_scale_row_stride,
                    args.a_scale_block_stride,
                    {args.b[i], args.b_scale[i]},
                    {},
                    args.d[i],
                    0,
                    args.d_stride[i],
                    args.m};
    pool.parallel_for(tiles(args.n[i]),
                      [&](int64_t tile, int) { multiply_column(rows, tile * kTile, args.n[i], args.k, args.d_dtype); });
  }
  return HD_STATUS_OK;
}

int32_t Fp8GemmContiguousScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_layout("hd_fp8_gemm_contiguous", args)) return status;
  pool.parallel_for(tiles(args.n), [&](int64_t tile, int) {
    for_groups(args, [&](int32_t group, int64_t first, int64_t count) {
      const Rows rows{args.a + first * args.k,
                      args.a_scale + first * args.a_scale_row_stride,
                      args.a_scale_row_stride,
                      args.a_scale_block_stride,
                      {args.b[group], args.b_scale[group]},
                      up_of(args, group),
                      args.d,
                      first * args.n,
                      args.n,
                      count};
      multiply_column(rows, tile * kTile, args.n, args.k, args.d_dtype);
    });
  });
  return HD_STATUS_OK;
}

int32_t Fp8GemmMaskedScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_groups(args)) return status;
  pool.parallel_for(args.groups * tiles(args.n), [&](int64_t item, int) {
    const auto group = static_cast<int32_t>(item / tiles(args.n));
    const int64_t first = static_cast<int64_t>(group) * args.m_max;
    const Rows rows{args.a + first * args.k,
                    args.a_scale + group * args.a_scale_group_stride,
                    args.a_scale_row_stride,
                    args.a_scale_block_stride,
                    {args.b[group], args.b_scale[group]},
                    up_of(args, group),
                    args.d,
                    first * args.n,
                    args.n,
                    args.masked_m[group]};
    multiply_column(rows, item % tiles(args.n) * kTile, args.n, args.k, args.d_dtype);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
