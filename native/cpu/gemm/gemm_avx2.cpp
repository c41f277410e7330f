#include <cstring>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/gemm_columns.h"
#include "cpu/gemm/gemm_dot.h"
#include "cpu/simd/dot_avx2.h"

namespace hadal::cpu {
namespace {

// bf16 or f32 by bf16, in f32: of 16 elements the even ones come first, then the odd ones, in a and b alike.
struct ByBf16 : DotF32 {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 4;
  static constexpr int64_t kChunk = 16;
  static constexpr int64_t kChunkBytes = 32;
  static constexpr bool kScaled = false;

  [[gnu::always_inline]] static void widen(__m256i pairs, Operand& even, Operand& odd) {
    even = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    odd = _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, int, Operand& even, Operand& odd) const {
      widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)), even, odd);
    }
  };

  struct ExpandTail {
    explicit ExpandTail(int64_t left) : count(left) {}
    void operator()(const std::byte* b, int, Operand& even, Operand& odd) const {
      alignas(32) std::byte tail[32] = {};
      std::memcpy(tail, b, static_cast<size_t>(2 * count));
      widen(_mm256_load_si256(reinterpret_cast<const __m256i*>(tail)), even, odd);
    }
    int64_t count;
  };

  static void pack(const GemmLeft& a, int64_t index, Operand* operands, int64_t stride) {
    for (int64_t i = 0; i < a.k; i += kChunk) {
      const int64_t left = a.k - i;
      const __m256 low = load_floats(a.data, a.dtype, index + i, left);
      const __m256 high = left > kFloats ? load_floats(a.data, a.dtype, index + i + kFloats, left - kFloats) : zero();
      const auto in_order = [](__m256 x) { return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8)); };
      operands[0] = in_order(_mm256_shuffle_ps(low, high, 0x88));
      operands[stride] = in_order(_mm256_shuffle_ps(low, high, 0xdd));
      operands += 2 * stride;
    }
  }
};

}  // namespace

bool GemmAvx2::serves(const Args& args) {
  return args.b_dtype == HD_WEIGHT_BF16;
}

uint64_t GemmAvx2::workspace(const Args& args, int threads) {
  return args.b_is_kn != 0 ? 0 : gemm_dot_workspace<ByBf16>(args, threads);
}

int32_t GemmAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (args.b_is_kn == 0) return gemm_dot<ByBf16>(args, pool, workspace);
  ColumnGemm(args).run(pool);
  return HD_STATUS_OK;
}

bool GemmContiguousAvx2::serves(const Args& args) {
  return args.b_format == HD_WEIGHT_BF16;
}

uint64_t GemmContiguousAvx2::workspace(const Args& args, int threads) {
  return gemm_dot_workspace<ByBf16>(args, threads);
}

int32_t GemmContiguousAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return gemm_dot<ByBf16>(args, pool, workspace);
}

}  // namespace hadal::cpu
