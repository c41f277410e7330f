#include "deepgemm_fp8.cuh"

namespace upstream {

cudaError_t Fp8GemmContiguous(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                              const int* group_of_row, int groups, int m, int n, int k, cudaStream_t stream,
                              GemmOverrides overrides) {
  const Fp8Product product{a, sfa, b, sfb, d, group_of_row, 1, groups, m, n, k, n};
  return WithShape(kFp8ContiguousShapes, overrides.shape, {m, n}, [&]<size_t i>() {
    return LaunchFp8<kFp8ContiguousShapes[i], 1, deep_gemm::GemmType::MGroupedContiguous>(product, stream, overrides);
  });
}

cudaError_t Fp8GemmMasked(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                          const int* rows_of_group, int groups, int max_m, int n, int k, cudaStream_t stream,
                          GemmOverrides overrides) {
  const Fp8Product product{a, sfa, b, sfb, d, rows_of_group, groups, groups, max_m, n, k, n};
  return WithShape(kFp8MaskedShapes, overrides.shape, {64, n, groups}, [&]<size_t i>() {
    return LaunchFp8<kFp8MaskedShapes[i], kMaskedGroups, deep_gemm::GemmType::MGroupedMasked>(product, stream,
                                                                                              overrides);
  });
}

}  // namespace upstream
