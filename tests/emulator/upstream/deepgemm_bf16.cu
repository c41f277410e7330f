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

// Batches beyond the real count fall outside of the tensor maps.
constexpr int kMaxHeads = 8;
constexpr auto kType = CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;

}  // namespace

cudaError_t Bf16Gemm(const uint16_t* a, const uint16_t* b, uint16_t* d, int m, int n, int k, cudaStream_t stream) {
  return WithTensorMaps([&] {
    return Launch<Major::K, GemmType::Normal, 1>(
        TensorMap2D(kType, a, k, m, kBlockK, kBlockM, k, 128), TensorMap2D(kType, b, k, n, kBlockK, kBlockN, k, 128),
        TensorMap2D(kType, d, n, m, kBlockN, kBlockM, n, 128), m, n, k, stream);
  });
}

cudaError_t Bf16GemmBatched(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                            cudaStream_t stream) {
  return WithTensorMaps([&] {
    return Launch<Major::K, GemmType::Batched, kMaxHeads>(
        TensorMap3D(kType, a, k, b, h, kBlockK, kBlockM, 1, uint64_t(h) * k, k, 128),
        TensorMap3D(kType, w, k, n, h, kBlockK, kBlockN, 1, k, uint64_t(n) * k, 128),
        TensorMap3D(kType, d, n, b, h, kBlockN, kBlockM, 1, uint64_t(h) * n, n, 128), b, n, k, stream);
  });
}

cudaError_t Bf16GemmBatchedMnMajor(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                                   cudaStream_t stream) {
  return WithTensorMaps([&] {
    return Launch<Major::MN, GemmType::Batched, kMaxHeads>(
        TensorMap3D(kType, a, k, b, h, kBlockK, kBlockM, 1, uint64_t(h) * k, k, 128),
        TensorMap3D(kType, w, n, k, h, kBlockN, kBlockK, 1, n, uint64_t(n) * k, 128),
        TensorMap3D(kType, d, n, b, h, kBlockN, kBlockM, 1, uint64_t(h) * n, n, 128), b, n, k, stream);
  });
}

}  // namespace upstream
