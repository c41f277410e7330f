#pragma once

// Launches DeepGEMM's FP8 GEMM 1d2d: scales of 1×128 on A and 128×128 on B.

#include <deep_gemm/impls/sm90_fp8_gemm_1d2d.cuh>

#include "deepgemm_launch.cuh"

namespace upstream {

// a [a_groups, m, k] and d [a_groups, m, n], b [b_groups, n, k].
struct Fp8Product {
  const uint8_t* a;
  const float* sfa;
  const uint8_t* b;
  const float* sfb;
  uint16_t* d;
  const int* layout;
  int a_groups, b_groups, m, n, k;
  int64_t d_stride;
};

template <BlockShape kShape, int kGroups, deep_gemm::GemmType kType>
cudaError_t LaunchFp8(const Fp8Product& p, cudaStream_t stream, const GemmOverrides& overrides) {
  constexpr int kBlockM = kShape.m, kBlockN = kShape.n, kBlockK = 128;
  static_assert(kBlockK % kBlockN == 0, "one scale of B a tile");
  constexpr int kSwizzleD = kBlockN * 2 >= 128 ? 128 : kBlockN * 2;
  constexpr int kMathThreads = kBlockM <= 64 ? 128 : 256;
  // As many stages as fit.
  constexpr int kBytesOfD = (kBlockM * kBlockN * 2 + 1023) / 1024 * 1024;
  constexpr int kStageBytes = (kBlockM + kBlockN) * kBlockK + (kBlockM * 4 + 127) / 128 * 128 + 16;
  constexpr int kStages = (kSharedCapacity - kBytesOfD - kMostFp8K / kBlockK * 4) / kStageBytes;
  const auto kernel =
      &deep_gemm::sm90_fp8_gemm_1d2d_impl<cute::UMMA::Major::K, 0, 0, 0, kGroups, kBlockM, kBlockN, kBlockK, 128, 128,
                                          kSwizzleD, kStages, 0, 128, kMathThreads, kShape.multicast, false,
                                          kDeepGemmSms, kType, deep_gemm::EpilogueIdentity>;
  const int blocks_k = CeilDiv(p.k, kBlockK);
  const int shared_bytes = kBytesOfD + kStages * kStageBytes + Align(blocks_k * 4, 8);
  return WithTensorMaps([&] {
    const uint64_t rows = uint64_t(p.m) * p.a_groups;
    const auto map_a = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_UINT8, p.a, p.k, rows + overrides.extra_rows_of_a, kBlockK,
                                   kBlockM, p.k, 128);
    const auto map_b = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_UINT8, p.b, p.k, uint64_t(p.n) * p.b_groups, kBlockK,
                                   kBlockN, p.k, overrides.wrong_swizzle_of_b ? 64 : 128);
    const auto map_d =
        TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, p.d, p.n, rows, kBlockN, kBlockM, p.d_stride, kSwizzleD);
    const auto map_sfa = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, p.sfa, p.m, uint64_t(blocks_k) * p.a_groups,
                                     kBlockM, 1, Align(p.m, 4), 0);
    return LaunchKernel(kernel, kDeepGemmSms, 128 + kMathThreads, shared_bytes, kShape.multicast, stream,
                        const_cast<float*>(p.sfb), const_cast<int*>(p.layout), uint32_t(p.m), uint32_t(p.n),
                        uint32_t(Align(p.k, 128)), map_a, map_b, map_d, map_sfa);
  });
}

}  // namespace upstream
