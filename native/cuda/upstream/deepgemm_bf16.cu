#include "deepgemm_bf16.cuh"

namespace upstream {
namespace {

using Major = cute::UMMA::Major;

cudaError_t RunPlain(const Bf16Product& product, cudaStream_t stream, const GemmOverrides& overrides) {
  if (product.b_is_kn) {
    return WithShape(kBf16BatchedShapes, overrides.shape, {product.m, product.n},
                     [&]<size_t i>() { return LaunchBf16<kBf16BatchedShapes[i], Major::MN, 1>(product, stream); });
  }
  return WithShape(kBf16Shapes, overrides.shape, {product.m, product.n},
                   [&]<size_t i>() { return LaunchBf16<kBf16Shapes[i], Major::K, 1>(product, stream); });
}

}  // namespace

cudaError_t RunBf16Product(const Bf16Product& product, cudaStream_t stream, GemmOverrides overrides) {
  return (product.batch == 1 ? RunPlain : RunBf16Batched)(product, stream, overrides);
}

cudaError_t Bf16Gemm(const uint16_t* a, const uint16_t* b, uint16_t* d, int m, int n, int k, cudaStream_t stream,
                     GemmOverrides overrides) {
  return RunBf16Product({a, b, d, 1, m, n, k, false, k, 0, k, 0, n, 0}, stream, overrides);
}

cudaError_t Bf16GemmBatched(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                            cudaStream_t stream, GemmOverrides overrides) {
  return RunBf16Product({a, w, d, h, b, n, k, false, int64_t{h} * k, k, k, int64_t{n} * k, int64_t{h} * n, n}, stream,
                        overrides);
}

cudaError_t Bf16GemmBatchedMnMajor(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                                   cudaStream_t stream, GemmOverrides overrides) {
  return RunBf16Product({a, w, d, h, b, n, k, true, int64_t{h} * k, k, n, int64_t{n} * k, int64_t{h} * n, n}, stream,
                        overrides);
}

}  // namespace upstream
