// The part of the driver API that cudaGetDriverEntryPoint hands out.

#include <cuda.h>

#include <cstring>

#include "runtime.h"

using namespace emulator::runtime;

namespace {

CUresult Refuse(const std::string& why) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  runtime.Fail(cudaErrorInvalidValue, "cuTensorMapEncodeTiled: " + why);
  // Driver calls leave the runtime's last error alone.
  runtime.TakeError();
  return CUDA_ERROR_INVALID_VALUE;
}

CUresult EncodeTiled(CUtensorMap* target, CUtensorMapDataType type, cuuint32_t rank, void* address,
                     const cuuint64_t* dims, const cuuint64_t* strides, const cuuint32_t* box,
                     const cuuint32_t* element_strides, CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                     CUtensorMapL2promotion l2_promotion, CUtensorMapFloatOOBfill fill) {
  if (!target || !dims || !box || !element_strides || (rank > 1 && !strides)) return Refuse("a null argument");
  if (reinterpret_cast<uintptr_t>(target) % 64) return Refuse("the tensor map must be 64-byte aligned");
  if (rank < 1 || rank > 5) return Refuse("the rank is " + std::to_string(rank) + ", and must be 1 to 5");
  if (static_cast<uint32_t>(type) > CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ) {
    return Refuse("unknown data type " + std::to_string(static_cast<int>(type)));
  }
  emulator::TensorMap map;
  map.type = static_cast<emulator::TensorMapType>(type);
  map.rank = rank;
  map.global_address = reinterpret_cast<uint64_t>(address);
  map.strides[0] = emulator::TensorMapElementBytes(map.type);
  for (uint32_t i = 0; i < rank; ++i) {
    map.dims[i] = dims[i];
    map.box[i] = box[i];
    map.element_strides[i] = element_strides[i];
    if (i > 0) map.strides[i] = strides[i - 1];
  }
  map.interleave = interleave;
  map.swizzle = static_cast<emulator::TensorMapSwizzle>(swizzle);
  map.l2_promotion = l2_promotion;
  map.oob_fill_nan = fill;
  const std::string error = emulator::EncodeTensorMap(map, target);
  return error.empty() ? CUDA_SUCCESS : Refuse(error);
}

CUresult GetErrorString(CUresult error, const char** text) {
  *text = cudaGetErrorString(static_cast<cudaError_t>(error));
  return CUDA_SUCCESS;
}

CUresult GetErrorName(CUresult error, const char** text) {
  *text = cudaGetErrorName(static_cast<cudaError_t>(error));
  return CUDA_SUCCESS;
}

CUresult DriverGetVersion(int* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

struct Entry {
  const char* name;
  void* function;
  unsigned since;
};
const Entry kEntries[] = {
    {"cuTensorMapEncodeTiled", reinterpret_cast<void*>(&EncodeTiled), 12000},
    {"cuGetErrorString", reinterpret_cast<void*>(&GetErrorString), 6000},
    {"cuGetErrorName", reinterpret_cast<void*>(&GetErrorName), 6000},
    {"cuDriverGetVersion", reinterpret_cast<void*>(&DriverGetVersion), 2020},
};

cudaError_t FindEntry(const char* symbol, void** function, unsigned version, cudaDriverEntryPointQueryResult* result) {
  HADAL_RUNTIME_ENTER();
  if (!symbol || !function) return runtime.Fail(cudaErrorInvalidValue);
  *function = nullptr;
  for (const Entry& entry : kEntries) {
    if (std::strcmp(entry.name, symbol)) continue;
    if (version < entry.since) {
      if (result) *result = cudaDriverEntryPointVersionNotSufficent;
      return result ? cudaSuccess : runtime.Fail(cudaErrorSymbolNotFound);
    }
    *function = entry.function;
    if (result) *result = cudaDriverEntryPointSuccess;
    return cudaSuccess;
  }
  if (result) *result = cudaDriverEntryPointSymbolNotFound;
  runtime.Fail(cudaErrorSymbolNotFound, std::string("cudaGetDriverEntryPoint: ") + symbol + " is not implemented");
  return result ? (runtime.TakeError(), cudaSuccess) : cudaErrorSymbolNotFound;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDriverEntryPoint(const char* symbol, void** function, unsigned long long,
                                    cudaDriverEntryPointQueryResult* result) {
  return FindEntry(symbol, function, CUDA_VERSION, result);
}

cudaError_t cudaGetDriverEntryPointByVersion(const char* symbol, void** function, unsigned version, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
  return FindEntry(symbol, function, version, result);
}

}  // extern "C"
