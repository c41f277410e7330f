// DeepGEMM's indexer logits, over contiguous keys and over pages.

#include <deep_gemm/impls/sm90_fp8_mqa_logits.cuh>
#include <deep_gemm/impls/sm90_fp8_paged_mqa_logits.cuh>

#include "deepgemm_launch.cuh"

namespace upstream {
namespace {

constexpr int kHeadDim = 128, kStages = 3;
constexpr auto kBytes = CU_TENSOR_MAP_DATA_TYPE_UINT8;
constexpr auto kFloats = CU_TENSOR_MAP_DATA_TYPE_FLOAT32;

template <int kHeads>
cudaError_t LaunchContiguous(const uint8_t* q, const uint8_t* k, const float* k_scale, const float* weights,
                             const int* start, const int* end, float* logits, int s_q, int s_kv, int stride,
                             cudaStream_t stream) {
  constexpr int kBlockQ = 128 / kHeads, kBlockKv = 256;
  const auto kernel =
      &deep_gemm::sm90_fp8_mqa_logits<kHeads, kHeadDim, false, kBlockQ, kBlockKv, kStages, kStages, 128, 512>;
  const int shared_bytes =
      kStages * (kBlockQ * kHeads * (kHeadDim + 4) + kBlockKv * (kHeadDim + 4)) + (kStages * 4 + 512 / 128 * 2) * 8 + 4;
  return WithTensorMaps([&] {
    return LaunchKernel(kernel, kDeepGemmSms, 128 + 512, shared_bytes, 1, stream, uint32_t(s_q), uint32_t(s_kv), 0u,
                        uint64_t(stride), reinterpret_cast<uint32_t*>(const_cast<int*>(start)),
                        reinterpret_cast<uint32_t*>(const_cast<int*>(end)), logits,
                        TensorMap2D(kBytes, q, kHeadDim, uint64_t(s_q) * kHeads, kHeadDim, 128, kHeadDim, kHeadDim),
                        TensorMap2D(kBytes, k, kHeadDim, s_kv, kHeadDim, kBlockKv, kHeadDim, kHeadDim),
                        TensorMap2D(kFloats, k_scale, s_kv, 1, kBlockKv, 1, 0, 0),
                        TensorMap2D(kFloats, weights, kHeads, s_q, kHeads, kBlockQ, kHeads, 0));
  });
}

template <int kNextN>
cudaError_t LaunchPaged(const uint8_t* q, const uint8_t* pages, const float* weights, const int* context_lens,
                        const int* block_table, const int* schedule, float* logits, int b, int page_count,
                        int table_stride, int stride, cudaStream_t stream) {
  constexpr int kHeads = 64, kPage = 64, kMathGroups = 4, kPageBytes = kPage * (kHeadDim + 4);
  const auto kernel = &deep_gemm::sm90_fp8_paged_mqa_logits<kNextN, kHeads, kHeadDim, kPage, false, kStages, kStages,
                                                            kPage * kMathGroups, 128, kMathGroups * 128>;
  constexpr int kAlignment = kHeadDim * 8;
  const int q_pipe =
      kStages * (kNextN * kHeads * kHeadDim + Align(kNextN * kHeads * 4, kAlignment)) + Align(kStages * 16, kAlignment);
  const int kv_pipe = kStages * (kPage * kHeadDim + Align(kPage * 4, kAlignment)) + Align(kStages * 16, kAlignment);
  const int shared_bytes = q_pipe + kMathGroups * kv_pipe + kMathGroups * 16 + 4;
  return WithTensorMaps([&] {
    return LaunchKernel(
        kernel, kDeepGemmSms, 128 + kMathGroups * 128, shared_bytes, 1, stream, uint32_t(b), uint64_t(stride),
        uint64_t(table_stride), reinterpret_cast<const uint32_t*>(context_lens), logits,
        reinterpret_cast<const uint32_t*>(block_table), reinterpret_cast<const uint32_t*>(schedule),
        TensorMap2D(kBytes, q, kHeadDim, uint64_t(b) * kNextN * kHeads, kHeadDim, kNextN * kHeads, kHeadDim, kHeadDim),
        TensorMap3D(kBytes, pages, kHeadDim, kPage, page_count, kHeadDim, kPage, 1, kHeadDim, kPageBytes, kHeadDim),
        TensorMap2D(kFloats, pages + kPage * kHeadDim, kPage, page_count, kPage, 1, kPageBytes / 4, 0),
        TensorMap2D(kFloats, weights, kNextN * kHeads, b, kNextN * kHeads, 1, kNextN * kHeads, 0));
  });
}

}  // namespace

cudaError_t MqaLogits(const uint8_t* q, const uint8_t* k, const float* k_scale, const float* weights, const int* start,
                      const int* end, float* logits, int s_q, int s_kv, int h, int stride, cudaStream_t stream) {
  const auto launch = h == 64 ? &LaunchContiguous<64> : h == 32 ? &LaunchContiguous<32> : nullptr;
  return launch ? launch(q, k, k_scale, weights, start, end, logits, s_q, s_kv, stride, stream) : cudaErrorInvalidValue;
}

cudaError_t PagedMqaMetadata(const int* context_lens, int* schedule, int b, cudaStream_t stream) {
  return LaunchKernel(&deep_gemm::smxx_paged_mqa_logits_metadata<kPagedRows, 256, kDeepGemmSms>, 1, 32, 0, 1, stream,
                      uint32_t(b), 1u, false, reinterpret_cast<const uint32_t*>(context_lens),
                      reinterpret_cast<uint32_t*>(schedule));
}

cudaError_t PagedMqaLogits(const uint8_t* q, const uint8_t* pages, const float* weights, const int* context_lens,
                           const int* block_table, const int* schedule, float* logits, int b, int next_n,
                           int page_count, int table_stride, int stride, cudaStream_t stream) {
  const auto launch = next_n == 1 ? &LaunchPaged<1> : next_n == 2 ? &LaunchPaged<2> : nullptr;
  return launch ? launch(q, pages, weights, context_lens, block_table, schedule, logits, b, page_count, table_stride,
                         stride, stream)
                : cudaErrorInvalidValue;
}

}  // namespace upstream
