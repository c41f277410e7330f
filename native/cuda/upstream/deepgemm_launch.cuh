#pragma once

// Tensor maps and launches as DeepGEMM's csrc/jit_kernels/impls/runtime_utils.hpp and csrc/jit/handle.hpp make them.

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

#include "deepgemm.h"

namespace upstream {

inline int CeilDiv(int a, int b) {
  return (a + b - 1) / b;
}
inline int Align(int a, int b) {
  return CeilDiv(a, b) * b;
}

// Shared memory that a CTA of sm_90 may have.
inline constexpr int kSharedCapacity = 232448;

// Calls launch.operator()<i>() for the entry i of a table: `shape`, or the cheapest for the product where it is
// negative.
template <size_t kCount, class Launch>
cudaError_t WithShape(const BlockShape (&shapes)[kCount], int shape, const ProductShape& product,
                      const Launch& launch) {
  if (shape < 0) shape = ChooseShape(shapes, product);
  cudaError_t status = cudaErrorInvalidValue;
  [&]<size_t... i>(std::index_sequence<i...>) {
    ((static_cast<int>(i) == shape ? void(status = launch.template operator()<i>()) : void()), ...);
  }
  (std::make_index_sequence<kCount>{});
  return status;
}

struct TensorMapError {
  cudaError_t status;
};

inline CUtensorMap MakeTensorMap(CUtensorMapDataType type, const void* address, cuuint32_t rank, const cuuint64_t* dims,
                                 const cuuint64_t* strides, const cuuint32_t* box, int swizzle_bytes) {
  static const auto encode = [] {
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult found;
    const auto status = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &entry, cudaEnableDefault, &found);
    if (status != cudaSuccess || found != cudaDriverEntryPointSuccess) throw TensorMapError{cudaErrorSymbolNotFound};
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(entry);
  }();
  const auto swizzle = swizzle_bytes == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                       : swizzle_bytes == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                       : swizzle_bytes == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                             : CU_TENSOR_MAP_SWIZZLE_NONE;
  const cuuint32_t element_strides[5] = {1, 1, 1, 1, 1};
  CUtensorMap map;
  const auto result = encode(&map, type, rank, const_cast<void*>(address), dims, strides, box, element_strides,
                             CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                             CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) throw TensorMapError{cudaErrorInvalidValue};
  return map;
}

inline size_t ElementBytes(CUtensorMapDataType type) {
  return type == CU_TENSOR_MAP_DATA_TYPE_UINT8 ? 1 : type == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 ? 2 : 4;
}

// Stride in elements; with a swizzle the box is as wide as the swizzle.
inline CUtensorMap TensorMap2D(CUtensorMapDataType type, const void* address, uint64_t inner, uint64_t outer,
                               uint32_t box_inner, uint32_t box_outer, uint64_t stride, int swizzle_bytes) {
  const size_t element = ElementBytes(type);
  if (swizzle_bytes) box_inner = swizzle_bytes / element;
  const cuuint64_t dims[2] = {inner, outer}, strides[1] = {stride * element};
  const cuuint32_t box[2] = {box_inner, box_outer};
  return MakeTensorMap(type, address, 2, dims, strides, box, swizzle_bytes);
}

inline CUtensorMap TensorMap3D(CUtensorMapDataType type, const void* address, uint64_t d0, uint64_t d1, uint64_t d2,
                               uint32_t b0, uint32_t b1, uint32_t b2, uint64_t stride0, uint64_t stride1,
                               int swizzle_bytes) {
  const size_t element = ElementBytes(type);
  if (swizzle_bytes) b0 = swizzle_bytes / element;
  const cuuint64_t dims[3] = {d0, d1, d2}, strides[2] = {stride0 * element, stride1 * element};
  const cuuint32_t box[3] = {b0, b1, b2};
  return MakeTensorMap(type, address, 3, dims, strides, box, swizzle_bytes);
}

template <typename... Params, typename... Args>
cudaError_t LaunchKernel(void (*kernel)(Params...), int grid, int threads, int shared_bytes, int cluster,
                         cudaStream_t stream, Args&&... args) {
  const auto set = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
  if (set != cudaSuccess) return set;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = cluster;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(grid);
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = cluster > 1 ? 1 : 0;
  return cudaLaunchKernelEx(&config, kernel, Params(args)...);
}

// Runs the launch, and turns a refused tensor map into its status.
template <typename Launch>
cudaError_t WithTensorMaps(Launch&& launch) {
  try {
    return launch();
  } catch (const TensorMapError& error) {
    return error.status;
  }
}

}  // namespace upstream
