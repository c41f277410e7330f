#include "cpu/fp8_gemm/fp8_gemm.h"
#include "cpu/fp8_gemm/fp8_gemm_dot.h"
#include "cpu/simd/scaled_e4m3_avx512.h"

namespace hadal::cpu {
namespace {

// Products of bf16 pairs: e4m3 is exact in bf16, with its scale where that is a power of two. The operands of 64 codes
// hold them in the order of E4m3ToBf16::by_lane, in a and b alike.
struct Bf16Products {
  using Vector = __m512;
  using Operand = __m512i;
  static constexpr int kRegisters = 32;
  static constexpr int kRows = 6;
  static constexpr int kTurningRows = 4;
  static constexpr int kBlockedRows = 3;
  static constexpr int kBlockedTurningRows = 2;
  static constexpr int kTurnedRows = 20;
  static constexpr int64_t kChunk = 64;
  static constexpr int64_t kChunkBytes = 64;
  static constexpr bool kScaled = true;
  static constexpr bool kFolds = true;

  using Expand = ScaledE4m3;

  static void pack_block(const uint8_t* codes, const float* scale, Operand* operands, int64_t stride) {
    const Expand expand(scale);
    for (int chunk = 0; chunk < 2; ++chunk) {
      Operand first, second;
      expand(reinterpret_cast<const std::byte*>(codes + chunk * kChunk), first, second);
      operands[2 * chunk * stride] = first;
      operands[(2 * chunk + 1) * stride] = second;
    }
  }

  [[gnu::always_inline]] static Vector zero() { return _mm512_setzero_ps(); }
  [[gnu::always_inline]] static Operand load(const Operand* x) { return _mm512_load_si512(x); }
  [[gnu::always_inline]] static void store(Operand* x, Operand value) { _mm512_store_si512(x, value); }
  [[gnu::always_inline]] static Vector dot(Vector sum, Operand a, Operand b) { return dot_bf16(sum, a, b); }
  [[gnu::always_inline]] static Vector times(Vector sum, float scale) { return sum * floats_of(scale); }
  [[gnu::always_inline]] static Vector scale_add(Vector sum, Vector part, float scale) {
    return _mm512_fmadd_ps(part, _mm512_set1_ps(scale), sum);
  }
  [[gnu::always_inline]] static __m128 sum4(Vector a, Vector b, Vector c, Vector d) {
    return hadal::cpu::sum4(a, b, c, d);
  }
  [[gnu::always_inline]] static void store4(void* d, int32_t dtype, int64_t index, __m128 value, int64_t count) {
    store_four(d, dtype, index, value, count);
  }
};

}  // namespace

template <class Args>
uint64_t Fp8GemmAvx512<Args>::workspace(const Args& args, int threads) {
  return DotGemm<Bf16Products>::workspace(most_rows(args), args.n, args.k, threads);
}

template <class Args>
int32_t Fp8GemmAvx512<Args>::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return fp8_gemm<Bf16Products>(args, pool, workspace);
}

template struct Fp8GemmAvx512<hd_fp8_gemm_args>;
template struct Fp8GemmAvx512<hd_fp8_gemm_contiguous_args>;
template struct Fp8GemmAvx512<hd_fp8_gemm_masked_args>;

}  // namespace hadal::cpu
