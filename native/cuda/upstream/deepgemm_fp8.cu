// DeepGEMM's FP8 GEMM 1d2d: scales of 1×128 on A and 128×128 on B.

#include <deep_gemm/impls/sm90_fp8_gemm_1d2d.cuh>

#include "deepgemm_launch.cuh"

namespace upstream {
namespace {

using deep_gemm::GemmType;

template <int kGroups, int kBlockM, int kBlockN, int kStages, int kMulticast, GemmType kType>
cudaError_t Launch(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d, int* layout,
                   int a_groups, int b_groups, int m, int n, int k, cudaStream_t stream, GemmFaults faults = {},
                   int64_t d_stride = 0) {
  constexpr int kBlockK = 128, kSwizzleD = kBlockN * 2 >= 128 ? 128 : kBlockN * 2;
  constexpr int kMathThreads = kBlockM <= 64 ? 128 : 256;
  const auto kernel =
      &deep_gemm::sm90_fp8_gemm_1d2d_impl<cute::UMMA::Major::K, 0, 0, 0, kGroups, kBlockM, kBlockN, kBlockK, 128, 128,
                                          kSwizzleD, kStages, 0, 128, kMathThreads, kMulticast, false, kDeepGemmSms,
                                          kType, deep_gemm::EpilogueIdentity>;
  const int blocks_k = CeilDiv(k, kBlockK);
  const int shared_bytes = Align(kBlockM * kBlockN * 2, 1024) +
                           kStages * (kBlockM * kBlockK + kBlockN * kBlockK + Align(kBlockM * 4, 128) + 16) +
                           Align(blocks_k * 4 * (kBlockK % kBlockN == 0 ? 1 : 2), 8);
  return WithTensorMaps([&] {
    const auto map_a = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_UINT8, a, k, uint64_t(m) * a_groups + faults.extra_rows_of_a,
                                   kBlockK, kBlockM, k, 128);
    const auto map_b = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_UINT8, b, k, uint64_t(n) * b_groups, kBlockK, kBlockN, k,
                                   faults.wrong_swizzle_of_b ? 64 : 128);
    const auto map_d = TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, d, n, uint64_t(m) * a_groups, kBlockN, kBlockM,
                                   d_stride == 0 ? n : d_stride, kSwizzleD);
    const int aligned_m = Align(m, 4);
    const auto map_sfa =
        TensorMap2D(CU_TENSOR_MAP_DATA_TYPE_FLOAT32, sfa, m, uint64_t(blocks_k) * a_groups, kBlockM, 1, aligned_m, 0);
    return LaunchKernel(kernel, kDeepGemmSms, 128 + kMathThreads, shared_bytes, kMulticast, stream,
                        const_cast<float*>(sfb), layout, uint32_t(m), uint32_t(n), uint32_t(Align(k, 128)), map_a,
                        map_b, map_d, map_sfa);
  });
}

}  // namespace

cudaError_t Fp8Gemm(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d, int m, int n,
                    int k, cudaStream_t stream, GemmFaults faults, int64_t d_stride) {
  return Launch<1, 64, 128, 6, 1, GemmType::Normal>(a, sfa, b, sfb, d, nullptr, 1, 1, m, n, k, stream, faults,
                                                    d_stride);
}

cudaError_t Fp8GemmContiguous(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                              const int* group_of_row, int groups, int m, int n, int k, cudaStream_t stream) {
  return Launch<1, 128, 128, 5, 2, GemmType::MGroupedContiguous>(a, sfa, b, sfb, d, const_cast<int*>(group_of_row), 1,
                                                                 groups, m, n, k, stream);
}

cudaError_t Fp8GemmMasked(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                          const int* rows_of_group, int groups, int max_m, int n, int k, cudaStream_t stream) {
  return Launch<kMaskedGroups, 64, 64, 8, 1, GemmType::MGroupedMasked>(
      a, sfa, b, sfb, d, const_cast<int*>(rows_of_group), groups, groups, max_m, n, k, stream);
}

}  // namespace upstream
