#include <algorithm>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/gemm_dot.h"
#include "cpu/simd/avx512.h"

namespace hadal::cpu {
namespace {

// What both schemes share: partial sums of 16 f32.
struct DotAvx512 {
  using Vector = __m512;
  static constexpr int kRegisters = 32;
  static constexpr int kRows = 6;
  static constexpr int kTurningRows = 6;
  static constexpr int kBlockedRows = 1;
  static constexpr int kBlockedTurningRows = 1;
  static constexpr int kTurnedRows = 6;
  static constexpr bool kScaled = false;

  [[gnu::always_inline]] static Vector zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static __m128 sum4(Vector a, Vector b, Vector c, Vector d) {
    return hadal::cpu::sum4(a, b, c, d);
  }
  [[gnu::always_inline]] static void store4(void* d, int32_t dtype, int64_t index, __m128 value, int64_t count) {
    store_floats(d, dtype, index, _mm512_castps128_ps512(value), count);
  }
};

// The 32 bf16 from `first` on of `count`, zeros after its end.
[[gnu::always_inline]] inline __m512i load_bf16(const std::byte* x, int64_t first, int64_t count) {
  const int64_t left = count - first;
  const __mmask32 mask = left >= 32 ? ~0u : left <= 0 ? 0u : (1u << left) - 1u;
  return _mm512_maskz_loadu_epi16(mask, x + 2 * first);
}

// bf16 by bf16: products of pairs.
struct Bf16ByBf16 : DotAvx512 {
  using Operand = __m512i;
  static constexpr int64_t kChunk = 64;
  static constexpr int64_t kChunkBytes = 128;

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, Operand& first, Operand& second) const {
      first = _mm512_loadu_si512(b);
      second = _mm512_loadu_si512(b + 64);
    }
  };

  struct ExpandTail {
    explicit ExpandTail(int64_t left) : count(left) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, Operand& first, Operand& second) const {
      first = load_bf16(b, 0, count);
      second = load_bf16(b, 32, count);
    }
    int64_t count;
  };

  static void pack(const hd_gemm_args& args, int64_t index, Operand* operands, int64_t stride) {
    const auto* a = static_cast<const std::byte*>(args.a) + 2 * index;
    const int64_t count = (args.k + kChunk - 1) / kChunk * 2;
    for (int64_t i = 0; i < count; ++i) operands[i * stride] = load_bf16(a, 32 * i, args.k);
  }

  [[gnu::always_inline]] static Operand load(const Operand* x) { return _mm512_load_si512(x); }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { _mm512_store_si512(x, value); }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return dot_bf16(sum, a, b); }
};

// f32 by bf16, in f32: of 32 elements the even ones come first, then the odd ones, in a and b alike.
struct F32ByBf16 : DotAvx512 {
  using Operand = __m512;
  static constexpr int64_t kChunk = 32;
  static constexpr int64_t kChunkBytes = 64;

  [[gnu::always_inline]] static void widen(__m512i pairs, Operand& even, Operand& odd) {
    even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, Operand& even, Operand& odd) const {
      widen(_mm512_loadu_si512(b), even, odd);
    }
  };

  struct ExpandTail {
    explicit ExpandTail(int64_t left) : count(left) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, Operand& even, Operand& odd) const {
      widen(load_bf16(b, 0, count), even, odd);
    }
    int64_t count;
  };

  static void pack(const hd_gemm_args& args, int64_t index, Operand* operands, int64_t stride) {
    const float* a = static_cast<const float*>(args.a) + index;
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for (int64_t i = 0; i < args.k; i += kChunk) {
      const __m512 low = load_floats(a, HD_DTYPE_F32, i, args.k - i);
      const __m512 high = i + 16 < args.k ? load_floats(a, HD_DTYPE_F32, i + 16, args.k - i - 16) : zero();
      operands[0] = _mm512_permutex2var_ps(low, even, high);
      operands[stride] = _mm512_permutex2var_ps(low, odd, high);
      operands += 2 * stride;
    }
  }

  [[gnu::always_inline]] static Operand load(const Operand* x) { return *x; }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { *x = value; }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return _mm512_fmadd_ps(a, b, sum); }
};

// b [k, n], bf16 by bf16: columns in the lanes. Two rows of b are interleaved to pairs, which a pair of a, broadcast,
// meets; a column's sum runs over the pairs of K in ascending order.
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
  static constexpr int64_t kRowsAhead = 8;

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
      dispatch<kRows>(rows, call);
    }
  }

  template <int kMost, class Call>
  static void dispatch(int64_t rows, const Call& call) {
    if constexpr (kMost > 1) {
      if (rows < kMost) return dispatch<kMost - 1>(rows, call);
    }
    call.template operator()<kMost>();
  }

  // Pairs of the columns of two rows: within 32 columns, lanes of four: columns 0-3, 8-11, ... then 4-7, 12-15, ...
  template <int kM, int kWidth, bool kFromMemory, bool kKeep>
  [[gnu::noinline]] void multiply(int64_t batch, int64_t row, int64_t column, __m512i* panel) const {
    constexpr int kVectors = kWidth / 16;
    const auto* b = static_cast<const std::byte*>(args_.b) + 2 * (batch * args_.b_batch_stride + column);
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
        const std::byte* upper = b + 2 * (2 * pair * args_.b_stride);
        // A narrow tile's next is the same rows of the next columns, a wide one's some rows further on.
        const std::byte* next = upper + (kWidth == kColumns ? 2 * kWidth : 2 * kRowsAhead * args_.b_stride);
#pragma GCC unroll 8
        for (int half = 0; half < kVectors / 2; ++half) {
          const __m512i first = load_bf16(upper, 32 * half, width);
          const __m512i second = whole ? load_bf16(upper + 2 * args_.b_stride, 32 * half, width) : __m512i{};
          __builtin_prefetch(next + 64 * half, 0, 2);
          __builtin_prefetch(next + 2 * args_.b_stride + 64 * half, 0, 2);
          y[2 * half] = _mm512_unpacklo_epi16(first, second);
          y[2 * half + 1] = _mm512_unpackhi_epi16(first, second);
        }
        if constexpr (kKeep) {
#pragma GCC unroll 4
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
#pragma GCC unroll 8
      for (int half = 0; half < kVectors / 2; ++half) {
        const __m512d low = _mm512_castps_pd(sums[i][2 * half]);
        const __m512d high = _mm512_castps_pd(sums[i][2 * half + 1]);
        const __m512d first = _mm512_permutex2var_pd(low, _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high);
        const __m512d second = _mm512_permutex2var_pd(low, _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15), high);
        store_part(d, 32 * half, width, _mm512_castpd_ps(first));
        store_part(d, 32 * half + 16, width, _mm512_castpd_ps(second));
      }
    }
  }

  void store_part(int64_t d, int64_t first, int64_t width, __m512 value) const {
    if (first < width) store_floats(args_.d, args_.d_dtype, d + first, value, width - first);
  }

  const hd_gemm_args& args_;
  int64_t pairs_;
};

}  // namespace

bool GemmAvx512::serves(const Args& args) {
  return args.b_dtype == HD_DTYPE_BF16 && (args.a_dtype == HD_DTYPE_BF16 || args.b_is_kn == 0);
}

uint64_t GemmAvx512::workspace(const Args& args, int threads) {
  if (args.b_is_kn != 0) return ColumnGemm(args).workspace(threads);
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot_workspace<Bf16ByBf16>(args, threads)
                                       : gemm_dot_workspace<F32ByBf16>(args, threads);
}

int32_t GemmAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (args.b_is_kn != 0) {
    ColumnGemm(args).run(pool, workspace);
    return HD_STATUS_OK;
  }
  return args.a_dtype == HD_DTYPE_BF16 ? gemm_dot<Bf16ByBf16>(args, pool, workspace)
                                       : gemm_dot<F32ByBf16>(args, pool, workspace);
}

}  // namespace hadal::cpu
