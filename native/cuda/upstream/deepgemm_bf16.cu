// DeepGEMM's bf16 GEMM, plain and batched (the absorbed projections, csrc/apis/einsum.hpp).

#include <deep_gemm/impls/sm90_bf16_gemm.cuh>

#include "deepgemm_launch.cuh"

namespace upstream {
namespace {

using deep_gemm::GemmType;
using Major = cute::UMMA::Major;

constexpr int kBlockM = 64, kBlockN = 128, kBlockK = 64, kStages = 6;
constexpr int kSharedBytes = kBlockM * kBlockN * 2 + kStages * ((kBlockM + kBlockN) * kBlockK * 2 + 16);

template <Major kMajorB, GemmType kType, int kGroups>
cudaError_t Launch(const CUtensorMap& a, const CUtensorMap& b, const CUtensorMap& d, int m, int n, int k,
                   cudaStream_t stream) {
  const auto kernel =
      &deep_gemm::sm90_bf16_gemm_impl<Major::K, kMajorB, 0, 0, 0, kGroups, kBlockM, kBlockN, kBlockK, 128, 128, 128,
                                      kStages, 128, 128, 1, false, kDeepGemmSms, kType, false, cutlass::bfloat16_t>;
  // The host code reserves room for B's scales whatever the type.
  const int shared_bytes = kSharedBytes + Align(CeilDiv(k, kBlockK) * 4 * 2, 8);
  return LaunchKernel(kernel, kDeepGemmSms, 256, shared_bytes, 1, stream, static_cast<int*>(nullptr), uint32_t(m),
                      uint32_t(n), uint32_t(Align(k, 64)), a, b, d);
}

constexpr auto kType = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;

template <Major kMajorB>
cudaError_t LaunchPlain(const Bf16Product& p, cudaStream_t stream) {
  const auto map_b = p.b_is_kn ? TensorMap2D(kType, p.b, p.n, p.k, kBlockN, kBlockK, p.b_stride, 128)
                               : TensorMap2D(kType, p.b, p.k, p.n, kBlockK, kBlockN, p.b_stride, 128);
  return Launch<kMajorB, GemmType::Normal, 1>(
      TensorMap2D(kType, p.a, p.k, p.m, kBlockK, kBlockM, p.a_stride, 128), map_b,
      TensorMap2D(kType, p.d, p.n, p.m, kBlockN, kBlockM, p.d_stride, 128), p.m, p.n, p.k, stream);
}

// Batches from the real count to kBatches fall outside of the tensor maps.
template <Major kMajorB, int kBatches>
cudaError_t LaunchBatched(const Bf16Product& p, cudaStream_t stream) {
  const auto map_b =
      p.b_is_kn ? TensorMap3D(kType, p.b, p.n, p.k, p.batch, kBlockN, kBlockK, 1, p.b_stride, p.b_batch_stride, 128)
                : TensorMap3D(kType, p.b, p.k, p.n, p.batch, kBlockK, kBlockN, 1, p.b_stride, p.b_batch_stride, 128);
  return Launch<kMajorB, GemmType::Batched, kBatches>(
      TensorMap3D(kType, p.a, p.k, p.m, p.batch, kBlockK, kBlockM, 1, p.a_stride, p.a_batch_stride, 128), map_b,
      TensorMap3D(kType, p.d, p.n, p.m, p.batch, kBlockN, kBlockM, 1, p.d_stride, p.d_batch_stride, 128), p.m, p.n, p.k,
      stream);
}

template <Major kMajorB>
cudaError_t LaunchAny(const Bf16Product& p, cudaStream_t stream) {
  if (p.batch == 1) return LaunchPlain<kMajorB>(p, stream);
  if (p.batch <= 16) return LaunchBatched<kMajorB, 16>(p, stream);
  return LaunchBatched<kMajorB, kMaxBatch>(p, stream);
}

}  // namespace

cudaError_t RunBf16Product(const Bf16Product& product, cudaStream_t stream) {
  return WithTensorMaps(
      [&] { return product.b_is_kn ? LaunchAny<Major::MN>(product, stream) : LaunchAny<Major::K>(product, stream); });
}

cudaError_t Bf16Gemm(const uint16_t* a, const uint16_t* b, uint16_t* d, int m, int n, int k, cudaStream_t stream) {
  return RunBf16Product({a, b, d, 1, m, n, k, false, k, 0, k, 0, n, 0}, stream);
}

cudaError_t Bf16GemmBatched(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                            cudaStream_t stream) {
  return RunBf16Product({a, w, d, h, b, n, k, false, int64_t{h} * k, k, k, int64_t{n} * k, int64_t{h} * n, n}, stream);
}

cudaError_t Bf16GemmBatchedMnMajor(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                                   cudaStream_t stream) {
  return RunBf16Product({a, w, d, h, b, n, k, true, int64_t{h} * k, k, n, int64_t{n} * k, int64_t{h} * n, n}, stream);
}

}  // namespace upstream
