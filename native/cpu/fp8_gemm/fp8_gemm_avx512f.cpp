#include "cpu/fp8_gemm/fp8_gemm.h"
#include "cpu/fp8_gemm/fp8_gemm_dot.h"
#include "cpu/fp8_gemm/fp8_gemm_f32.h"
#include "cpu/simd/dot_avx512f.h"
#include "cpu/simd/e4m3_halves_avx512f.h"

namespace hadal::cpu {
namespace {

struct F32Products : F32ProductsOf<DotF32, E4m3Halves> {
  static constexpr int kTurningRows = 4;
  static constexpr int kTurnedRows = 4;
  static constexpr int kBlockedRows = 4;
  static constexpr int kBlockedTurnedRows = 4;
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
