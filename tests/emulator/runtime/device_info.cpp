// Devices, their properties, errors, and what tests ask of the emulator itself.

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "control.h"
#include "runtime.h"

using namespace emulator::runtime;

namespace {

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};

// The runtime's own words, as its documentation and library give them.
constexpr ErrorText kErrors[] = {
#define HADAL_ERROR(name, text) \
  { name, #name, text }
    HADAL_ERROR(cudaSuccess, "no error"),
    HADAL_ERROR(cudaErrorInvalidValue, "invalid argument"),
    HADAL_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    HADAL_ERROR(cudaErrorInitializationError, "initialization error"),
    HADAL_ERROR(cudaErrorCudartUnloading, "driver shutting down"),
    HADAL_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    HADAL_ERROR(cudaErrorInvalidPitchValue, "invalid pitch argument"),
    HADAL_ERROR(cudaErrorInvalidSymbol, "invalid device symbol"),
    HADAL_ERROR(cudaErrorInvalidDevicePointer, "invalid device pointer"),
    HADAL_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    HADAL_ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
    HADAL_ERROR(cudaErrorMissingConfiguration, "__global__ function call is not configured"),
    HADAL_ERROR(cudaErrorInvalidDeviceFunction, "invalid device function"),
    HADAL_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    HADAL_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    HADAL_ERROR(cudaErrorInvalidKernelImage, "device kernel image is invalid"),
    HADAL_ERROR(cudaErrorNoKernelImageForDevice, "no kernel image is available for execution on the device"),
    HADAL_ERROR(cudaErrorInvalidPtx, "a PTX JIT compilation failed"),
    HADAL_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    HADAL_ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    HADAL_ERROR(cudaErrorSymbolNotFound, "named symbol not found"),
    HADAL_ERROR(cudaErrorNotReady, "device not ready"),
    HADAL_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    HADAL_ERROR(cudaErrorLaunchOutOfResources, "too many resources requested for launch"),
    HADAL_ERROR(cudaErrorLaunchTimeout, "the launch timed out and was terminated"),
    HADAL_ERROR(cudaErrorAssert, "device-side assert triggered"),
    HADAL_ERROR(cudaErrorHostMemoryAlreadyRegistered, "part or all of the requested memory range is already mapped"),
    HADAL_ERROR(cudaErrorHostMemoryNotRegistered, "pointer does not correspond to a registered memory region"),
    HADAL_ERROR(cudaErrorIllegalInstruction, "an illegal instruction was encountered"),
    HADAL_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    HADAL_ERROR(cudaErrorInvalidAddressSpace, "operation not supported on global/shared address space"),
    HADAL_ERROR(cudaErrorInvalidPc, "invalid program counter"),
    HADAL_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    HADAL_ERROR(cudaErrorNotPermitted, "operation not permitted"),
    HADAL_ERROR(cudaErrorNotSupported, "operation not supported"),
    HADAL_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    HADAL_ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
    HADAL_ERROR(cudaErrorStreamCaptureMerge, "operation would result in a merge of separate capture sequences"),
    HADAL_ERROR(cudaErrorStreamCaptureUnmatched, "capture was not ended in the same stream as it began"),
    HADAL_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    HADAL_ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    HADAL_ERROR(cudaErrorStreamCaptureImplicit,
                "operation would make the legacy stream depend on a capturing blocking stream"),
    HADAL_ERROR(cudaErrorCapturedEvent, "operation not permitted on an event last recorded in a capturing stream"),
    HADAL_ERROR(cudaErrorGraphExecUpdateFailure,
                "the graph update was not performed because it included changes which violated "
                "constraints specific to instantiated graph update"),
    HADAL_ERROR(cudaErrorInvalidClusterSize, "cluster misconfiguration"),
    HADAL_ERROR(cudaErrorUnknown, "unknown error"),
#undef HADAL_ERROR
};

const ErrorText* FindError(cudaError_t error) {
  const auto* found = std::ranges::find(kErrors, error, &ErrorText::error);
  return found == std::end(kErrors) ? nullptr : found;
}

constexpr int kL2Bytes = 50 << 20, kClockKhz = 1755000, kMemoryClockKhz = 2619000;
constexpr int kSharedPerSm = 233472, kSharedPerBlock = 49152;

}  // namespace

extern "C" {

const char* cudaGetErrorName(cudaError_t error) {
  const ErrorText* found = FindError(error);
  return found ? found->name : "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  const ErrorText* found = FindError(error);
  return found ? found->text : "unrecognized error code";
}

cudaError_t cudaGetLastError() {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  return runtime.TakeError();
}

cudaError_t cudaPeekAtLastError() {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  return runtime.PeekError();
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  *count = runtime.device_count();
  return *count ? cudaSuccess : runtime.Fail(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int device) {
  HADAL_RUNTIME_ENTER();
  if (!runtime.IsOrdinal(device)) return runtime.Fail(cudaErrorInvalidDevice);
  Runtime::current() = device;
  return cudaSuccess;
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  return cudaSetDevice(device);
}

cudaError_t cudaGetDevice(int* device) {
  HADAL_RUNTIME_ENTER();
  *device = Runtime::current();
  return cudaSuccess;
}

cudaError_t cudaSetDeviceFlags(unsigned) {
  HADAL_RUNTIME_ENTER();
  return cudaSuccess;
}

cudaError_t cudaDeviceReset() {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  runtime.Reset();
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  HADAL_RUNTIME_ENTER();
  if (!runtime.IsOrdinal(device)) return runtime.Fail(cudaErrorInvalidDevice);
  const auto answer = [&]() -> int {
    switch (attribute) {
      case cudaDevAttrMaxThreadsPerBlock:
        return 1024;
      case cudaDevAttrMaxBlockDimX:
        return 1024;
      case cudaDevAttrMaxBlockDimY:
        return 1024;
      case cudaDevAttrMaxBlockDimZ:
        return 64;
      case cudaDevAttrMaxGridDimX:
        return 0x7fffffff;
      case cudaDevAttrMaxGridDimY:
        return 65535;
      case cudaDevAttrMaxGridDimZ:
        return 65535;
      case cudaDevAttrMaxSharedMemoryPerBlock:
        return kSharedPerBlock;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        return static_cast<int>(emulator::kMaxSharedBytesPerBlock);
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        return kSharedPerSm;
      case cudaDevAttrReservedSharedMemoryPerBlock:
        return static_cast<int>(emulator::kReservedSharedBytes);
      case cudaDevAttrTotalConstantMemory:
        return 65536;
      case cudaDevAttrWarpSize:
        return 32;
      case cudaDevAttrMaxRegistersPerBlock:
        return 65536;
      case cudaDevAttrMaxRegistersPerMultiprocessor:
        return 65536;
      case cudaDevAttrClockRate:
        return kClockKhz;
      case cudaDevAttrMemoryClockRate:
        return kMemoryClockKhz;
      case cudaDevAttrGlobalMemoryBusWidth:
        return 5120;
      case cudaDevAttrMultiProcessorCount:
        return runtime.config().sm_count;
      case cudaDevAttrMaxThreadsPerMultiProcessor:
        return 2048;
      case cudaDevAttrMaxBlocksPerMultiprocessor:
        return 32;
      case cudaDevAttrComputeCapabilityMajor:
        return runtime.architecture() / 10;
      case cudaDevAttrComputeCapabilityMinor:
        return runtime.architecture() % 10;
      case cudaDevAttrL2CacheSize:
        return kL2Bytes;
      case cudaDevAttrMaxPersistingL2CacheSize:
        return 0;
      case cudaDevAttrMaxAccessPolicyWindowSize:
        return 0;
      case cudaDevAttrUnifiedAddressing:
        return 1;
      case cudaDevAttrConcurrentKernels:
        return 1;
      case cudaDevAttrAsyncEngineCount:
        return 3;
      case cudaDevAttrClusterLaunch:
        return runtime.architecture() >= 90;
      case cudaDevAttrMemoryPoolsSupported:
        return 0;
      case cudaDevAttrStreamPrioritiesSupported:
        return 1;
      case cudaDevAttrGlobalL1CacheSupported:
        return 1;
      case cudaDevAttrLocalL1CacheSupported:
        return 1;
      case cudaDevAttrComputePreemptionSupported:
        return 1;
      case cudaDevAttrHostRegisterSupported:
        return 1;
      case cudaDevAttrComputeMode:
      case cudaDevAttrManagedMemory:
      case cudaDevAttrConcurrentManagedAccess:
      case cudaDevAttrPageableMemoryAccess:
      case cudaDevAttrCanMapHostMemory:
      case cudaDevAttrCanUseHostPointerForRegisteredMem:
      case cudaDevAttrCooperativeLaunch:
      case cudaDevAttrIntegrated:
      case cudaDevAttrEccEnabled:
      case cudaDevAttrKernelExecTimeout:
      case cudaDevAttrIsMultiGpuBoard:
      case cudaDevAttrTccDriver:
      case cudaDevAttrPciBusId:
      case cudaDevAttrPciDeviceId:
      case cudaDevAttrPciDomainId:
        return 0;
      default:
        return -1;
    }
  }();
  if (answer < 0) {
    return runtime.Fail(cudaErrorNotSupported, "cudaDeviceGetAttribute: attribute " +
                                                   std::to_string(static_cast<int>(attribute)) + " is not implemented");
  }
  *value = answer;
  return cudaSuccess;
}

// cuda_runtime_api.h names it cudaGetDeviceProperties_v2.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  HADAL_RUNTIME_ENTER();
  if (!runtime.IsOrdinal(device)) return runtime.Fail(cudaErrorInvalidDevice);
  std::memset(properties, 0, sizeof *properties);
  const std::string ordinal = device == 0 ? "" : std::to_string(device) + " ";
  std::snprintf(properties->name, sizeof properties->name, "Hadal emulated device %s(sm_%d)", ordinal.c_str(),
                runtime.architecture());
  properties->totalGlobalMem = runtime.config().memory_bytes;
  properties->sharedMemPerBlock = kSharedPerBlock;
  properties->sharedMemPerBlockOptin = emulator::kMaxSharedBytesPerBlock;
  properties->sharedMemPerMultiprocessor = kSharedPerSm;
  properties->reservedSharedMemPerBlock = emulator::kReservedSharedBytes;
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = 1024;
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024;
  properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 0x7fffffff;
  properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  properties->clockRate = kClockKhz;
  properties->memoryClockRate = kMemoryClockKhz;
  properties->memoryBusWidth = 5120;
  properties->totalConstMem = 65536;
  properties->major = runtime.architecture() / 10;
  properties->minor = runtime.architecture() % 10;
  properties->multiProcessorCount = runtime.config().sm_count;
  properties->maxThreadsPerMultiProcessor = 2048;
  properties->maxBlocksPerMultiProcessor = 32;
  properties->l2CacheSize = kL2Bytes;
  properties->unifiedAddressing = properties->concurrentKernels = properties->streamPrioritiesSupported = 1;
  properties->asyncEngineCount = 3;
  properties->clusterLaunch = runtime.architecture() >= 90;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  HADAL_RUNTIME_ENTER();
  if (!runtime.IsOrdinal(device)) return runtime.Fail(cudaErrorInvalidDevice);
  std::snprintf(text, length, "0000:%02x:00.0", device);
  return cudaSuccess;
}

// --- the emulator's own controls (control.h)

const char* hadalEmulatorReport() {
  return Runtime::Get().report().c_str();
}

void hadalEmulatorSetSeed(uint64_t seed) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  if (runtime.Ready() == cudaSuccess) runtime.device().SetSeed(seed);
}

void hadalEmulatorSetStrict(int strict) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  if (runtime.Ready() == cudaSuccess) runtime.device().SetStrict(strict != 0);
}

void hadalEmulatorCounters(uint64_t* launches, uint64_t* lane_instructions, uint64_t* tensor_flops,
                           uint64_t* uninitialized_reads) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  emulator::Counters counters;
  if (runtime.has_device()) counters = runtime.device().counters();
  *launches = counters.launches;
  *lane_instructions = counters.lane_instructions;
  *tensor_flops = counters.tensor_flops;
  *uninitialized_reads = counters.uninitialized_reads;
}

}  // extern "C"
