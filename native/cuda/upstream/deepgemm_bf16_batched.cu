// The absorbed projections (DeepGEMM's csrc/apis/einsum.hpp), one product a head.

#include "deepgemm_bf16.cuh"

namespace upstream {
namespace {

using Major = cute::UMMA::Major;

template <Major kMajorB, int kBatches>
cudaError_t Run(const Bf16Product& product, cudaStream_t stream, const GemmOverrides& overrides) {
  return WithShape(kBf16BatchedShapes, overrides.shape, {product.m, product.n, product.batch},
                   [&]<size_t i>() { return LaunchBf16<kBf16BatchedShapes[i], kMajorB, kBatches>(product, stream); });
}

}  // namespace

cudaError_t RunBf16Batched(const Bf16Product& product, cudaStream_t stream, const GemmOverrides& overrides) {
  const bool few = product.batch <= 16;
  const auto run = product.b_is_kn ? (few ? Run<Major::MN, 16> : Run<Major::MN, kMaxBatch>)
                                   : (few ? Run<Major::K, 16> : Run<Major::K, kMaxBatch>);
  return run(product, stream, overrides);
}

}  // namespace upstream
