#include <algorithm>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/gemm_dot.h"
#include "cpu/simd/dot_avx512.h"
#include "cpu/simd/scaled_e4m3_avx512.h"

namespace hadal::cpu {
namespace {

// The 32 bf16 from `first` on of `count`, zeros after its end.
[[gnu::always_inline]] inline __m512i load_bf16(const std::byte* x, int64_t first, int64_t count) {
  const int64_t left = count - first;
  const __mmask32 mask = left >= 32 ? ~0u : left <= 0 ? 0u : (1u << left) - 1u;
  return _mm512_maskz_loadu_epi16(mask, x + 2 * first);
}

// bf16 by bf16: products of pairs.
struct Bf16ByBf16 : DotBf16 {
  static constexpr int kTurningRows = 6;
  static constexpr int kTurnedRows = 6;
  static constexpr bool kScaled = false;
  static constexpr int64_t kChunk = 64;
  static constexpr int64_t kChunkBytes = 128;

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, int, Operand& first, Operand& second) const {
      first = _mm512_loadu_si512(b);
      second = _mm512_loadu_si512(b + 64);
    }
  };

  struct ExpandTail {
    explicit ExpandTail(int64_t left) : count(left) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, int, Operand& first, Operand& second) const {
      first = load_bf16(b, 0, count);
      second = load_bf16(b, 32, count);
    }
    int64_t count;
  };

  static void pack(const GemmLeft& a, int64_t index, Operand* operands, int64_t stride) {
    const auto* row = static_cast<const std::byte*>(a.data) + 2 * index;
    const int64_t count = (a.k + kChunk - 1) / kChunk * 2;
    for (int64_t i = 0; i < count; ++i) operands[i * stride] = load_bf16(row, 32 * i, a.k);
  }
};

// bf16 by e4m3 whose scales fold: products of pairs, the operands of 64 elements in the order of E4m3ToBf16::by_lane.
struct Bf16ByE4m3 : DotBf16 {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 20;
  static constexpr bool kScaled = true;
  static constexpr int64_t kChunk = 64;
  static constexpr int64_t kChunkBytes = 64;
  using Expand = ScaledE4m3;

  static void pack(const GemmLeft& a, int64_t index, Operand* operands, int64_t stride) {
    const auto* row = static_cast<const std::byte*>(a.data) + 2 * index;
    for (int64_t i = 0; i < a.k; i += kChunk) {
      const __m512i low = _mm512_loadu_si512(row + 2 * i);
      const __m512i high = _mm512_loadu_si512(row + 2 * i + 64);
      operands[0] = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(0, 1, 4, 5, 8, 9, 12, 13), high);
      operands[stride] = _mm512_permutex2var_epi64(low, _mm512_setr_epi64(2, 3, 6, 7, 10, 11, 14, 15), high);
      operands += 2 * stride;
    }
  }
};

// f32 by bf16, in f32: of 32 elements the even ones come first, then the odd ones, in a and b alike.
struct F32ByBf16 : DotAvx512 {
  using Operand = __m512;
  static constexpr int kTurningRows = 6;
  static constexpr int kTurnedRows = 6;
  static constexpr bool kScaled = false;
  static constexpr int64_t kChunk = 32;
  static constexpr int64_t kChunkBytes = 64;

  [[gnu::always_inline]] static void widen(__m512i pairs, Operand& even, Operand& odd) {
    even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, int, Operand& even, Operand& odd) const {
      widen(_mm512_loadu_si512(b), even, odd);
    }
  };

  struct ExpandTail {
    explicit ExpandTail(int64_t left) : count(left) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, int, Operand& even, Operand& odd) const {
      widen(load_bf16(b, 0, count), even, odd);
    }
    int64_t count;
  };

  static void pack(const GemmLeft& a, int64_t index, Operand* operands, int64_t stride) {
    const float* row = static_cast<const float*>(a.data) + index;
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for (int64_t i = 0; i < a.k; i += kChunk) {
      const __m512 low = load_floats(row, HD_DTYPE_F32, i, a.k - i);
      const __m512 high = i + 16 < a.k ? load_floats(row, HD_DTYPE_F32, i + 16, a.k - i - 16) : zero();
      operands[0] = _mm512_permutex2var_ps(low, even, high);
      operands[stride] = _mm512_permutex2var_ps(low, odd, high);
      operands += 2 * stride;
    }
  }

  [[gnu::always_inline]] static Operand load(const Operand* x) { return *x; }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { *x = value; }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return _mm512_fmadd_ps(a, b, sum); }
};

// b [k, n], bf16 by bf16 or by e4m3 whose scales fold: columns in the lanes. Two rows of b are interleaved to pairs,
// which a pair of a, broadcast, meets; a column's sum runs over the pairs of K in ascending order.
template <bool kE4m3>
class ColumnGemm {
 public:
  explicit ColumnGemm(const hd_gemm_args& args) : args_(args), pairs_((args.k + 1) / 2) {}

  uint64_t workspace(int threads) const {
    return args_.m > kRows ? static_cast<uint64_t>(threads) * panel_size() * sizeof(__m512i) : 0;
  }

  void run(ThreadPool& pool, std::byte* workspace) const {
    // One row has registers for more columns, and reads rows of b in longer pieces.
    const int64_t width = args_.m == 1 ? kWideColumns : kColumns;
    const int64_t tiles = (args_.n + width - 1) / width;
    // A batch is one item where there are enough of them: consecutive tiles share the rows of b in the cache.
    const int64_t fair = args_.batch * tiles / (4 * pool.threads());
    const int64_t step = std::clamp<int64_t>(fair, 1, tiles);
    const int64_t items = (tiles + step - 1) / step;
    pool.parallel_for(args_.batch * items, [&](int64_t item, int worker) {
      auto* panel = reinterpret_cast<__m512i*>(workspace) + worker * panel_size();
      const int64_t first = item % items * step;
      for (int64_t tile = first; tile < std::min(first + step, tiles); ++tile) {
        if (width == kWideColumns) {
          multiply<1, kWideColumns, true, false>(item / items, 0, tile * width, nullptr);
        } else {
          columns(item / items, tile * width, panel);
        }
      }
    });
  }

 private:
  static constexpr int kRows = 6;
  static constexpr int kColumns = 64;
  static constexpr int kWideColumns = 256;
  static constexpr int64_t kRowsAhead = 16;
  static constexpr int64_t kBytes = kE4m3 ? 1 : 2;

  uint64_t panel_size() const { return static_cast<uint64_t>(pairs_ * kColumns / 16); }

  // Columns [column, column + 64) of a batch.
  void columns(int64_t batch, int64_t column, __m512i* panel) const {
    const int64_t tiles = (args_.m + kRows - 1) / kRows;
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = args_.m * t / tiles;
      const int64_t rows = args_.m * (t + 1) / tiles - first;
      const auto call = [&]<int kM>() {
        if (t > 0) {
          multiply<kM, kColumns, false, false>(batch, first, column, panel);
        } else if (tiles > 1) {
          multiply<kM, kColumns, true, true>(batch, first, column, panel);
        } else {
          multiply<kM, kColumns, true, false>(batch, first, column, panel);
        }
      };
      with_rows<kRows>(rows, call);
    }
  }

  // Pairs of the columns of two rows, two vectors of them for 32 columns of bf16: lanes of four, columns 0-3, 8-11, ...
  // then 4-7, 12-15, ... Four vectors for 64 columns of e4m3: lanes of four, columns 0-3, 16-19, ... then 4-7, 20-23,
  // ...
  template <int kM, int kWidth, bool kFromMemory, bool kKeep>
  [[gnu::noinline]] void multiply(int64_t batch, int64_t row, int64_t column, __m512i* panel) const {
    constexpr int kVectors = kWidth / 16;
    const auto* b = static_cast<const std::byte*>(args_.b) + kBytes * (batch * args_.b_batch_stride + column);
    const int64_t stride = kBytes * args_.b_stride;
    const auto* a = static_cast<const bf16*>(args_.a) + batch * args_.a_batch_stride + row * args_.a_stride;
    const int64_t width = args_.n - column;
    __m512 sums[kM][kVectors];
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < kVectors; ++j) sums[i][j] = _mm512_setzero_ps();
    }
    const auto step = [&](int64_t pair, bool whole) __attribute__((always_inline)) {
      __m512i y[kVectors];
      __m512i* kept = panel + pair * kVectors;
      if constexpr (kFromMemory) {
        const std::byte* upper = b + 2 * pair * stride;
        // A narrow tile's next is the same rows of the next columns, a wide one's some rows further on.
        const std::byte* next = upper + (kWidth == kColumns ? kBytes * kWidth : kRowsAhead * stride);
#pragma GCC unroll 8
        for (int at = 0; at < kBytes * kWidth; at += 64) {
          __builtin_prefetch(next + at, 0, 2);
          __builtin_prefetch(next + stride + at, 0, 2);
        }
        if constexpr (kE4m3) {
          const float* scales = args_.b_scale + batch * args_.b_scale_batch_stride +
                                2 * pair / HD_SCALE_BLOCK * args_.b_scale_stride + column / HD_SCALE_BLOCK;
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; j += 4) {
            if (16 * j >= width) {
              y[j] = y[j + 1] = y[j + 2] = y[j + 3] = __m512i{};
              continue;
            }
            const ScaledE4m3 expand(scales + 16 * j / HD_SCALE_BLOCK);
            __m512i upper_first, upper_second, lower_first, lower_second;
            expand(upper + 16 * j, 0, upper_first, upper_second);
            expand(upper + stride + 16 * j, 0, lower_first, lower_second);
            y[j] = _mm512_unpacklo_epi16(upper_first, lower_first);
            y[j + 1] = _mm512_unpackhi_epi16(upper_first, lower_first);
            y[j + 2] = _mm512_unpacklo_epi16(upper_second, lower_second);
            y[j + 3] = _mm512_unpackhi_epi16(upper_second, lower_second);
          }
        } else {
#pragma GCC unroll 8
          for (int j = 0; j < kVectors; j += 2) {
            const __m512i first = load_bf16(upper, 16 * j, width);
            const __m512i second = whole ? load_bf16(upper + stride, 16 * j, width) : __m512i{};
            y[j] = _mm512_unpacklo_epi16(first, second);
            y[j + 1] = _mm512_unpackhi_epi16(first, second);
          }
        }
        if constexpr (kKeep) {
#pragma GCC unroll 16
          for (int j = 0; j < kVectors; ++j) _mm512_store_si512(kept + j, y[j]);
        }
      } else {
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) y[j] = _mm512_load_si512(kept + j);
      }
#pragma GCC unroll 8
      for (int i = 0; i < kM; ++i) {
        int32_t two = 0;
        std::memcpy(&two, a + i * args_.a_stride + 2 * pair, whole ? 4 : 2);
        const __m512i x = _mm512_set1_epi32(two);
#pragma GCC unroll 16
        for (int j = 0; j < kVectors; ++j) sums[i][j] = dot_bf16(sums[i][j], x, y[j]);
      }
    };
    for (int64_t pair = 0; pair < args_.k / 2; ++pair) step(pair, true);
    if (args_.k % 2 != 0) step(pairs_ - 1, false);
#pragma GCC unroll 8
    for (int i = 0; i < kM; ++i) {
      const int64_t d = batch * args_.d_batch_stride + (row + i) * args_.d_stride + column;
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; j += kE4m3 ? 4 : 2) {
        if constexpr (kE4m3) {
          store_columns(d, 16 * j, width, sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]);
        } else {
          store_columns(d, 16 * j, width, sums[i][j], sums[i][j + 1]);
        }
      }
    }
  }

  // 32 columns of bf16's order.
  void store_columns(int64_t d, int64_t first, int64_t width, __m512 a, __m512 b) const {
    const __m512d low = _mm512_castps_pd(a);
    const __m512d high = _mm512_castps_pd(b);
    store_part(d, first, width,
               _mm512_castpd_ps(_mm512_permutex2var_pd(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high)));
    store_part(d, first + 16, width,
               _mm512_castpd_ps(_mm512_permutex2var_pd(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high)));
  }

  // 64 columns of e4m3's order.
  void store_columns(int64_t d, int64_t first, int64_t width, __m512 a, __m512 b, __m512 c, __m512 e) const {
    const __m512 ab_low = _mm512_shuffle_f32x4(a, b, 0x44);
    const __m512 ab_high = _mm512_shuffle_f32x4(a, b, 0xee);
    const __m512 ce_low = _mm512_shuffle_f32x4(c, e, 0x44);
    const __m512 ce_high = _mm512_shuffle_f32x4(c, e, 0xee);
    store_part(d, first, width, _mm512_shuffle_f32x4(ab_low, ce_low, 0x88));
    store_part(d, first + 16, width, _mm512_shuffle_f32x4(ab_low, ce_low, 0xdd));
    store_part(d, first + 32, width, _mm512_shuffle_f32x4(ab_high, ce_high, 0x88));
    store_part(d, first + 48, width, _mm512_shuffle_f32x4(ab_high, ce_high, 0xdd));
  }

  void store_part(int64_t d, int64_t first, int64_t width, __m512 value) const {
    if (first < width) store_floats(args_.d, args_.d_dtype, d + first, value, width - first);
  }

  const hd_gemm_args& args_;
  int64_t pairs_;
};

bool scales_fold(const hd_gemm_args& args) {
  const int64_t rows = (args.b_is_kn != 0 ? args.k : args.n) + HD_SCALE_BLOCK - 1;
  const int64_t columns = (args.b_is_kn != 0 ? args.n : args.k) + HD_SCALE_BLOCK - 1;
  bool all = true;
  for (int64_t batch = 0; batch < args.batch; ++batch) {
    for (int64_t i = 0; i < rows / HD_SCALE_BLOCK; ++i) {
      const float* scales = args.b_scale + batch * args.b_scale_batch_stride + i * args.b_scale_stride;
      for (int64_t j = 0; j < columns / HD_SCALE_BLOCK; ++j) all &= folds(scales[j]);
    }
  }
  return all;
}

}  // namespace

bool GemmAvx512::serves(const Args& args) {
  const bool is_bf16 = args.a_dtype == HD_DTYPE_BF16;
  if (args.b_dtype == HD_WEIGHT_BF16) return is_bf16 || args.b_is_kn == 0;
  if (args.b_dtype != HD_WEIGHT_FP8 || !is_bf16 || args.b_scale_is_pow2 == 0) return false;
  if (args.b_is_kn != 0) return args.n % 64 == 0 && args.k % 2 == 0;
  return args.k % HD_SCALE_BLOCK == 0 && args.b_scale_stride == args.k / HD_SCALE_BLOCK;
}

uint64_t GemmAvx512::workspace(const Args& args, int threads) {
  if (args.b_dtype == HD_WEIGHT_FP8) {
    return args.b_is_kn != 0 ? ColumnGemm<true>(args).workspace(threads)
                             : gemm_dot_workspace<Bf16ByE4m3>(args, threads);
  }
  if (args.b_is_kn != 0) return ColumnGemm<false>(args).workspace(threads);
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot_workspace<Bf16ByBf16>(args, threads)
                                       : gemm_dot_workspace<F32ByBf16>(args, threads);
}

int32_t GemmAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (args.b_dtype == HD_WEIGHT_FP8) {
    // Powers of two beyond what folds are no real weights'.
    if (!scales_fold(args)) return GemmScalar::run(args, pool, workspace);
    if (args.b_is_kn == 0) return gemm_dot<Bf16ByE4m3>(args, pool, workspace);
    ColumnGemm<true>(args).run(pool, workspace);
    return HD_STATUS_OK;
  }
  if (args.b_is_kn != 0) {
    ColumnGemm<false>(args).run(pool, workspace);
    return HD_STATUS_OK;
  }
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot<Bf16ByBf16>(args, pool, workspace)
                                       : gemm_dot<F32ByBf16>(args, pool, workspace);
}

bool GemmContiguousAvx512::serves(const Args& args) {
  return args.b_format == HD_WEIGHT_BF16;
}

uint64_t GemmContiguousAvx512::workspace(const Args& args, int threads) {
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot_workspace<Bf16ByBf16>(args, threads)
                                       : gemm_dot_workspace<F32ByBf16>(args, threads);
}

int32_t GemmContiguousAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot<Bf16ByBf16>(args, pool, workspace)
                                       : gemm_dot<F32ByBf16>(args, pool, workspace);
}

}  // namespace hadal::cpu
