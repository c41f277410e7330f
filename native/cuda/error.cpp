#include <cstdarg>
#include <cstdio>

#include "cuda_backend.h"
#include "kernel.h"

namespace hadal::cuda {

int32_t fail(int32_t status, const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  host().set_error(text);
  return status;
}

int32_t status_of(cudaError_t error, const char* what) {
  switch (error) {
    case cudaSuccess:
      return HD_STATUS_OK;
    case cudaErrorMemoryAllocation:
      cudaGetLastError();
      return fail(HD_STATUS_OUT_OF_MEMORY, "%s: CUDA: %s", what, cudaGetErrorString(error));
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorNotSupported:
    case cudaErrorUnsupportedPtxVersion:
    case cudaErrorStreamCaptureUnsupported:
      cudaGetLastError();
      return fail(HD_STATUS_UNSUPPORTED, "%s: CUDA: %s (%s)", what, cudaGetErrorString(error), cudaGetErrorName(error));
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorDevicesUnavailable:
      return fail(HD_STATUS_DEVICE_LOST,
                  "%s: CUDA: %s (%s); the device does not recover within this process: release its objects", what,
                  cudaGetErrorString(error), cudaGetErrorName(error));
    default:
      cudaGetLastError();
      return fail(HD_STATUS_INTERNAL, "%s: CUDA: %s (%s)", what, cudaGetErrorString(error), cudaGetErrorName(error));
  }
}

}  // namespace hadal::cuda
