#include <cstring>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/gemm_columns.h"
#include "cpu/gemm/gemm_dot.h"
#include "cpu/simd/dot_avx512f.h"

namespace hadal::cpu {
namespace {

// bf16 or f32 by bf16, in f32: of 32 elements the even ones come first, then the odd ones, in a and b alike.
struct ByBf16 : DotF32 {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 4;
  static constexpr int64_t kChunk = 32;
  static constexpr int64_t kChunkBytes = 64;
  static constexpr bool kScaled = false;

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
    void operator()(const std::byte* b, int, Operand& even, Operand& odd) const {
      alignas(64) std::byte tail[64] = {};
      std::memcpy(tail, b, static_cast<size_t>(2 * count));
      widen(_mm512_load_si512(tail), even, odd);
    }
    int64_t count;
  };

  static void pack(const GemmLeft& a, int64_t index, Operand* operands, int64_t stride) {
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for (int64_t i = 0; i < a.k; i += kChunk) {
      const int64_t left = a.k - i;
      const __m512 low = load_floats(a.data, a.dtype, index + i, left);
      const __m512 high = left > kFloats ? load_floats(a.data, a.dtype, index + i + kFloats, left - kFloats) : zero();
      operands[0] = _mm512_permutex2var_ps(low, even, high);
      operands[stride] = _mm512_permutex2var_ps(low, odd, high);
      operands += 2 * stride;
    }
  }
};

}  // namespace

bool GemmAvx512f::serves(const Args& args) {
  return args.b_dtype == HD_WEIGHT_BF16;
}

uint64_t GemmAvx512f::workspace(const Args& args, int threads) {
  return args.b_is_kn != 0 ? 0 : gemm_dot_workspace<ByBf16>(args, threads);
}

int32_t GemmAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (args.b_is_kn == 0) return gemm_dot<ByBf16>(args, pool, workspace);
  ColumnGemm(args).run(pool);
  return HD_STATUS_OK;
}

bool GemmContiguousAvx512f::serves(const Args& args) {
  return args.b_format == HD_WEIGHT_BF16;
}

uint64_t GemmContiguousAvx512f::workspace(const Args& args, int threads) {
  return gemm_dot_workspace<ByBf16>(args, threads);
}

int32_t GemmContiguousAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return gemm_dot<ByBf16>(args, pool, workspace);
}

}  // namespace hadal::cpu
