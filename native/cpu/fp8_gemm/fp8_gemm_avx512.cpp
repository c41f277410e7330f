#include "cpu/fp8_gemm/fp8_gemm.h"
#include "cpu/fp8_gemm/fp8_gemm_dot.h"
#include "cpu/simd/dot_avx512.h"
#include "cpu/simd/scaled_e4m3_avx512.h"

namespace hadal::cpu {
namespace {

// Products of bf16 pairs: e4m3 is exact in bf16, with its scale where that is a power of two. The operands of 64 codes
// hold them in the order of E4m3ToBf16::by_lane, in a and b alike.
struct Bf16Products : DotBf16 {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 20;
  static constexpr int kBlockedRows = 4;
  static constexpr int kBlockedTurnedRows = 8;
  static constexpr int64_t kChunk = 64;
  static constexpr int64_t kChunkBytes = 64;
  static constexpr bool kScaled = true;
  static constexpr bool kFoldsAny = false;

  using Expand = ScaledE4m3;

  static bool folds(float scale) { return hadal::cpu::folds(scale); }

  static void pack_block(const uint8_t* codes, const float* scale, Operand* operands, int64_t stride) {
    const Expand expand(scale);
    for (int chunk = 0; chunk < 2; ++chunk) {
      Operand first, second;
      expand(reinterpret_cast<const std::byte*>(codes + chunk * kChunk), 0, first, second);
      operands[2 * chunk * stride] = first;
      operands[(2 * chunk + 1) * stride] = second;
    }
  }
};

}  // namespace

template <class Args>
uint64_t Fp8GemmAvx512<Args>::workspace(const Args& args, int threads) {
  return fp8_gemm_workspace<Bf16Products>(args, threads);
}

template <class Args>
int32_t Fp8GemmAvx512<Args>::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return fp8_gemm<Bf16Products>(args, pool, workspace);
}

template struct Fp8GemmAvx512<hd_fp8_gemm_args>;
template struct Fp8GemmAvx512<hd_fp8_gemm_multi_args>;
template struct Fp8GemmAvx512<hd_fp8_gemm_contiguous_args>;
template struct Fp8GemmAvx512<hd_fp8_gemm_masked_args>;

}  // namespace hadal::cpu
