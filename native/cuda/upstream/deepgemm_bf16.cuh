#pragma once

// Launches DeepGEMM's bf16 GEMM.

#include <deep_gemm/impls/sm90_bf16_gemm.cuh>

#include "deepgemm_launch.cuh"

namespace upstream {

// One product, or kGroups of them: those beyond the real count fall outside of the tensor maps.
template <BlockShape kShape, cute::UMMA::Major kMajorB, int kGroups>
cudaError_t LaunchBf16(const Bf16Product& p, cudaStream_t stream) {
  constexpr int kBlockM = kShape.m, kBlockN = kShape.n, kBlockK = 64;
  constexpr int kSwizzleD = kBlockN * 2 >= 128 ? 128 : kBlockN * 2;
  constexpr int kMathThreads = kBlockM <= 64 ? 128 : 256;
  constexpr bool kBatched = kGroups > 1, kIsKn = kMajorB == cute::UMMA::Major::MN;
  static_assert(!kIsKn || kBlockN >= 64, "rows of B's tiles as wide as the swizzle");
  // As many stages as fit.
  constexpr int kBytesOfD = kBlockM * kBlockN * 2;
  constexpr int kStageBytes = (kBlockM + kBlockN) * kBlockK * 2 + 16;
  constexpr int kStages = (kSharedCapacity - kBytesOfD) / kStageBytes;
  const auto kernel = &deep_gemm::sm90_bf16_gemm_impl < cute::UMMA::Major::K, kMajorB, 0, 0, 0, kGroups, kBlockM,
             kBlockN, kBlockK, 128, 128, kSwizzleD, kStages, 128, kMathThreads, kShape.multicast, false, kDeepGemmSms,
             kBatched ? deep_gemm::GemmType::Batched : deep_gemm::GemmType::Normal, false, cutlass::bfloat16_t > ;
  const auto map = [&](const uint16_t* data, uint64_t inner, uint64_t outer, int box_inner, int box_outer,
                       int64_t stride, int64_t batch_stride, int swizzle) {
    constexpr auto kType = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    return kBatched
               ? TensorMap3D(kType, data, inner, outer, p.batch, box_inner, box_outer, 1, stride, batch_stride, swizzle)
               : TensorMap2D(kType, data, inner, outer, box_inner, box_outer, stride, swizzle);
  };
  return WithTensorMaps([&] {
    const auto map_a = map(p.a, p.k, p.m, kBlockK, kBlockM, p.a_stride, p.a_batch_stride, 128);
    const auto map_b = kIsKn ? map(p.b, p.n, p.k, kBlockN, kBlockK, p.b_stride, p.b_batch_stride, 128)
                             : map(p.b, p.k, p.n, kBlockK, kBlockN, p.b_stride, p.b_batch_stride, 128);
    const auto map_d = map(p.d, p.n, p.m, kBlockN, kBlockM, p.d_stride, p.d_batch_stride, kSwizzleD);
    return LaunchKernel(kernel, kDeepGemmSms, 128 + kMathThreads, kBytesOfD + kStages * kStageBytes, kShape.multicast,
                        stream, static_cast<int*>(nullptr), uint32_t(p.m), uint32_t(p.n), uint32_t(Align(p.k, 64)),
                        map_a, map_b, map_d);
  });
}

// In deepgemm_bf16_batched.cu.
cudaError_t RunBf16Batched(const Bf16Product& product, cudaStream_t stream, const GemmOverrides& overrides);

}  // namespace upstream
