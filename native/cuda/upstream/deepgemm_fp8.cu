#include "deepgemm_fp8.cuh"

namespace upstream {

cudaError_t Fp8Gemm(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d, int m, int n,
                    int k, cudaStream_t stream, int64_t d_stride, GemmOverrides overrides) {
  const Fp8Product product{a, sfa, b, sfb, d, nullptr, 1, 1, m, n, k, d_stride == 0 ? n : d_stride};
  return WithShape(kFp8Shapes, overrides.shape, {m, n}, [&]<size_t i>() {
    return LaunchFp8<kFp8Shapes[i], 1, deep_gemm::GemmType::Normal>(product, stream, overrides);
  });
}

}  // namespace upstream
