#include <cuda.h>

#include <cstdint>

#include "asynchronous_kernels.h"

namespace {

__device__ uint32_t SharedAddress(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

__global__ void TensorCopy(const __grid_constant__ CUtensorMap map, float* out, Mistake mistake) {
  extern __shared__ __align__(1024) float tile[];
  __shared__ __align__(8) uint64_t barrier;
  const uint32_t bar = SharedAddress(&barrier);
  if (threadIdx.x == 0) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(bar) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    const uint32_t bytes = kTileRows * kTileColumns * 4 + (mistake == Mistake::kTooFewBytes ? 16 : 0);
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes) : "memory");
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
            SharedAddress(tile)),
        "l"(&map), "r"(0), "r"(0), "r"(bar)
        : "memory");
  }
  if (mistake != Mistake::kNoBarrierWait) {
    uint32_t done = 0;
    while (!done) {
      asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                   : "=r"(done)
                   : "r"(bar), "r"(0)
                   : "memory");
    }
  }
  const int row = threadIdx.x / kTileColumns, column = threadIdx.x % kTileColumns;
  // Chunks of 16 bytes are exchanged by the row's number modulo 8.
  const int chunk = column / 4 ^ (mistake == Mistake::kWrongSwizzle ? 0 : row % 8);
  out[threadIdx.x] = reinterpret_cast<volatile float*>(tile)[row * kTileColumns + chunk * 4 + column % 4];
}

__global__ void AsynchronousCopy(const float* in, float* out, Mistake mistake) {
  __shared__ __align__(16) float tile[kTileRows * kTileColumns];
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(SharedAddress(tile + 4 * threadIdx.x)),
               "l"(in + 4 * threadIdx.x)
               : "memory");
  asm volatile("cp.async.commit_group;" ::: "memory");
  if (mistake != Mistake::kNoCopyWait) asm volatile("cp.async.wait_group 0;" ::: "memory");
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = reinterpret_cast<volatile float*>(tile)[4 * threadIdx.x + i];
}

}  // namespace

cudaError_t LaunchTensorCopy(const float* in, float* out, Mistake mistake, cudaStream_t stream) {
  decltype(&cuTensorMapEncodeTiled) encode = nullptr;
  const cudaError_t error =
      cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", reinterpret_cast<void**>(&encode), cudaEnableDefault, nullptr);
  if (error != cudaSuccess) return error;
  // With one row too many the memory begins a row later, so that the box ends beyond it.
  const bool late = mistake == Mistake::kOneRowTooMany;
  const cuuint64_t dims[] = {kTileColumns, kTileRows}, strides[] = {kTileColumns * 4};
  const cuuint32_t box[] = {kTileColumns, kTileRows}, ones[] = {1, 1};
  CUtensorMap map;
  if (encode(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2, const_cast<float*>(in + (late ? kTileColumns : 0)), dims,
             strides, box, ones, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
             CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) != CUDA_SUCCESS) {
    return cudaErrorInvalidValue;
  }
  TensorCopy<<<1, kTileRows * kTileColumns, kTileRows * kTileColumns * 4, stream>>>(map, out, mistake);
  return cudaGetLastError();
}

cudaError_t LaunchAsynchronousCopy(const float* in, float* out, Mistake mistake, cudaStream_t stream) {
  AsynchronousCopy<<<1, kTileRows * kTileColumns / 4, 0, stream>>>(in, out, mistake);
  return cudaGetLastError();
}
