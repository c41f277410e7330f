#include "cpu/fp8_gemm/fp8_gemm.h"
#include "cpu/fp8_gemm/fp8_gemm_dot.h"
#include "cpu/simd/dot_avx512f.h"

namespace hadal::cpu {
namespace {

// Products of f32: b is kept times 2^-8, as it comes out of e4m3_to_f32_shifted, and a times 2^8.
struct F32Products : DotF32 {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 4;
  static constexpr int kBlockedRows = 4;
  static constexpr int kBlockedTurnedRows = 4;
  static constexpr int64_t kChunk = 32;
  static constexpr int64_t kChunkBytes = 32;
  static constexpr bool kScaled = true;
  static constexpr bool kFolds = false;

  struct Expand {
    [[gnu::always_inline]] explicit Expand(const float*) {}
    [[gnu::always_inline]] void operator()(const std::byte* b, Operand& first, Operand& second) const {
      first = e4m3_to_f32_shifted(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b)));
      second = e4m3_to_f32_shifted(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 16)));
    }
  };

  static void pack_block(const uint8_t* codes, const float*, Operand* operands, int64_t stride) {
    for (int64_t i = 0; i < HD_SCALE_BLOCK / 16; ++i) {
      const auto sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i * 16));
      operands[i * stride] = e4m3_to_f32_shifted(sixteen) * floats_of(0x1p16f);
    }
  }
};

}  // namespace

template <class Args>
uint64_t Fp8GemmAvx512f<Args>::workspace(const Args& args, int threads) {
  return fp8_gemm_workspace<F32Products>(args, threads);
}

template <class Args>
int32_t Fp8GemmAvx512f<Args>::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return fp8_gemm<F32Products>(args, pool, workspace);
}

template struct Fp8GemmAvx512f<hd_fp8_gemm_args>;
template struct Fp8GemmAvx512f<hd_fp8_gemm_multi_args>;
template struct Fp8GemmAvx512f<hd_fp8_gemm_contiguous_args>;
template struct Fp8GemmAvx512f<hd_fp8_gemm_masked_args>;

}  // namespace hadal::cpu
