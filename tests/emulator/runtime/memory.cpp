// Allocation and copies.

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime.h"

using namespace emulator::runtime;
using emulator::Fault;

namespace {

uint64_t AddressOf(const void* pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

// A copy as asked for, with its direction checked against what the pointers are.
struct Copy {
  void* target;
  const void* source;
  size_t bytes;
  cudaMemcpyKind kind;
};

cudaError_t ResolveKind(Runtime& runtime, Copy& copy) {
  const bool to_device = runtime.IsDevice(copy.target), from_device = runtime.IsDevice(copy.source);
  const cudaMemcpyKind actual = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                                          : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  if (copy.kind == cudaMemcpyDefault) copy.kind = actual;
  if (copy.kind == actual) return cudaSuccess;
  static constexpr const char* kNames[] = {"host to host", "host to device", "device to host", "device to device"};
  return runtime.Fail(cudaErrorInvalidValue, std::string("a copy was called ") +
                                                 (copy.kind <= 3 ? kNames[copy.kind] : "unknown") +
                                                 ", and its pointers make it " + kNames[actual]);
}

// The copy must lie in one live allocation on the device side: that much the driver knows at the call.
cudaError_t CheckRange(Runtime& runtime, const void* pointer, size_t bytes) {
  if (bytes == 0 || !runtime.IsDevice(pointer)) return cudaSuccess;
  const auto allocation = runtime.device().FindAllocation(AddressOf(pointer));
  if (allocation && allocation->live && AddressOf(pointer) + bytes <= allocation->address + allocation->size)
    return cudaSuccess;
  return runtime.Fail(
      cudaErrorInvalidValue,
      "a copy or fill of " + std::to_string(bytes) + " bytes of device memory is not inside one live allocation" +
          (allocation ? " (" + std::to_string(allocation->size) + " bytes" + (allocation->live ? ")" : ", freed)")
                      : std::string()));
}

Fault RunCopy(Runtime& runtime, const Copy& copy) {
  switch (copy.kind) {
    case cudaMemcpyHostToDevice:
      return runtime.device().CopyToDevice(AddressOf(copy.target), copy.source, copy.bytes);
    case cudaMemcpyDeviceToHost:
      return runtime.device().CopyFromDevice(copy.target, AddressOf(copy.source), copy.bytes);
    case cudaMemcpyDeviceToDevice:
      return runtime.device().CopyOnDevice(AddressOf(copy.target), AddressOf(copy.source), copy.bytes);
    default:
      std::memmove(copy.target, copy.source, copy.bytes);
      return {};
  }
}

cudaError_t IssueCopy(Copy copy, cudaStream_t handle, bool asynchronous) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (copy.bytes == 0) return cudaSuccess;
  if (cudaError_t error = ResolveKind(runtime, copy); error != cudaSuccess) return error;
  for (const void* pointer : {static_cast<const void*>(copy.target), copy.source}) {
    if (cudaError_t error = CheckRange(runtime, pointer, copy.bytes); error != cudaSuccess) return error;
  }
  // Pageable sources are read at the call, as the driver stages them; pinned ones when the copy runs.
  std::shared_ptr<std::vector<std::byte>> staged;
  if (asynchronous && copy.kind == cudaMemcpyHostToDevice && !stream->capture &&
      !runtime.IsPinned(copy.source, copy.bytes)) {
    const auto* bytes = static_cast<const std::byte*>(copy.source);
    staged = std::make_shared<std::vector<std::byte>>(bytes, bytes + copy.bytes);
    copy.source = staged->data();
  }
  OperationPtr issued;
  const cudaError_t error = runtime.Issue(
      stream, NodeKind::kCopy,
      [&runtime, copy, staged] {
        if (const Fault fault = RunCopy(runtime, copy)) runtime.ReportFault(fault, "copy");
      },
      nullptr, &issued);
  if (error != cudaSuccess || !issued) return error;
  const bool pageable_result = copy.kind == cudaMemcpyDeviceToHost && !runtime.IsPinned(copy.target, copy.bytes);
  const bool on_host_only = copy.kind == cudaMemcpyHostToHost;
  if ((!asynchronous && copy.kind != cudaMemcpyDeviceToDevice) || pageable_result || on_host_only) runtime.Wait(issued);
  return runtime.sticky();
}

cudaError_t IssueFill(void* target, int value, size_t bytes, cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!runtime.IsDevice(target))
    return runtime.Fail(cudaErrorInvalidValue, "a fill of memory that is not the device's");
  if (cudaError_t error = CheckRange(runtime, target, bytes); error != cudaSuccess) return error;
  return runtime.Issue(stream, NodeKind::kFill, [&runtime, target, value, bytes] {
    if (const Fault fault = runtime.device().Fill(AddressOf(target), static_cast<uint32_t>(value), 1, bytes)) {
      runtime.ReportFault(fault, "fill");
    }
  });
}

cudaError_t Allocate(Runtime& runtime, void** pointer, size_t bytes) {
  if (!pointer) return runtime.Fail(cudaErrorInvalidValue);
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  const uint64_t address = runtime.Allocate(bytes);
  if (!address) return runtime.Fail(cudaErrorMemoryAllocation);
  *pointer = reinterpret_cast<void*>(address);
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  HADAL_RUNTIME_ENTER();
  if (cudaError_t error = runtime.RefuseWhileCapturing(); error != cudaSuccess) return error;
  return Allocate(runtime, pointer, bytes);
}

cudaError_t cudaFree(void* pointer) {
  HADAL_RUNTIME_ENTER();
  if (!pointer) return cudaSuccess;
  if (cudaError_t error = runtime.RefuseWhileCapturing(); error != cudaSuccess) return error;
  runtime.WaitAll();
  if (!runtime.Free(AddressOf(pointer))) {
    return runtime.Fail(cudaErrorInvalidValue, "cudaFree of an address that is not the start of a live allocation");
  }
  return runtime.sticky();
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.Fail(cudaErrorNotSupported, "cudaMallocAsync in a capture is not implemented");
  return Allocate(runtime, pointer, bytes);
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.Fail(cudaErrorNotSupported, "cudaFreeAsync in a capture is not implemented");
  if (!pointer) return cudaSuccess;
  const auto allocation = runtime.device().FindAllocation(AddressOf(pointer));
  if (!allocation || !allocation->live || allocation->address != AddressOf(pointer))
    return runtime.Fail(cudaErrorInvalidValue);
  return runtime.Issue(stream, NodeKind::kEmpty, [&runtime, pointer] { runtime.Free(AddressOf(pointer)); });
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned flags) {
  HADAL_RUNTIME_ENTER();
  if (!pointer || (flags & ~(cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined))) {
    return runtime.Fail(cudaErrorInvalidValue);
  }
  if (flags & cudaHostAllocMapped) {
    return runtime.Fail(cudaErrorNotSupported,
                        "cudaHostAlloc: mapped memory is not implemented: the device can't reach host memory");
  }
  *pointer = bytes ? std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096) : nullptr;
  if (bytes && !*pointer) return runtime.Fail(cudaErrorMemoryAllocation);
  if (bytes) runtime.pinned[AddressOf(*pointer)] = bytes;
  return cudaSuccess;
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost(void* pointer) {
  HADAL_RUNTIME_ENTER();
  if (!pointer) return cudaSuccess;
  runtime.WaitAll();
  if (!runtime.pinned.erase(AddressOf(pointer))) return runtime.Fail(cudaErrorInvalidValue);
  std::free(pointer);
  return runtime.sticky();
}

cudaError_t cudaHostRegister(void* pointer, size_t bytes, unsigned flags) {
  HADAL_RUNTIME_ENTER();
  if (!pointer || !bytes || runtime.IsDevice(pointer)) return runtime.Fail(cudaErrorInvalidValue);
  if (flags & cudaHostRegisterMapped)
    return runtime.Fail(cudaErrorNotSupported, "cudaHostRegister: mapped memory is not implemented");
  if (!runtime.pinned.emplace(AddressOf(pointer), bytes).second)
    return runtime.Fail(cudaErrorHostMemoryAlreadyRegistered);
  return cudaSuccess;
}

cudaError_t cudaHostUnregister(void* pointer) {
  HADAL_RUNTIME_ENTER();
  runtime.WaitAll();
  return runtime.pinned.erase(AddressOf(pointer)) ? runtime.sticky() : runtime.Fail(cudaErrorHostMemoryNotRegistered);
}

cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  return IssueCopy({target, source, bytes, kind}, nullptr, false);
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return IssueCopy({target, source, bytes, kind}, stream, true);
}

cudaError_t cudaMemset(void* target, int value, size_t bytes) {
  return IssueFill(target, value, bytes, nullptr);
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
  return IssueFill(target, value, bytes, stream);
}

cudaError_t cudaMemcpy2DAsync(void* target, size_t target_pitch, const void* source, size_t source_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (width > target_pitch || width > source_pitch) return Runtime::Get().Fail(cudaErrorInvalidPitchValue);
  for (size_t row = 0; row < height; ++row) {
    const cudaError_t error =
        cudaMemcpyAsync(static_cast<char*>(target) + row * target_pitch,
                        static_cast<const char*>(source) + row * source_pitch, width, kind, stream);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy2D(void* target, size_t target_pitch, const void* source, size_t source_pitch, size_t width,
                         size_t height, cudaMemcpyKind kind) {
  if (width > target_pitch || width > source_pitch) return Runtime::Get().Fail(cudaErrorInvalidPitchValue);
  for (size_t row = 0; row < height; ++row) {
    const cudaError_t error = cudaMemcpy(static_cast<char*>(target) + row * target_pitch,
                                         static_cast<const char*>(source) + row * source_pitch, width, kind);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  HADAL_RUNTIME_ENTER();
  *total_bytes = runtime.config().memory_bytes;
  *free_bytes = *total_bytes - runtime.allocated_bytes(Runtime::current());
  return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  HADAL_RUNTIME_ENTER();
  *attributes = {};
  attributes->type = cudaMemoryTypeUnregistered;
  attributes->device = -2;
  if (runtime.IsDevice(pointer)) {
    const auto allocation = runtime.device().FindAllocation(AddressOf(pointer));
    if (!allocation || !allocation->live) return runtime.Fail(cudaErrorInvalidValue);
    attributes->type = cudaMemoryTypeDevice;
    attributes->device = runtime.OwnerOf(AddressOf(pointer));
    attributes->devicePointer = const_cast<void*>(pointer);
  } else if (runtime.IsPinned(pointer, 1)) {
    attributes->type = cudaMemoryTypeHost;
    attributes->device = 0;
    attributes->hostPointer = const_cast<void*>(pointer);
  }
  return cudaSuccess;
}

cudaError_t cudaGetSymbolAddress(void** address, const void* symbol) {
  HADAL_RUNTIME_ENTER();
  emulator::Allocation variable;
  if (cudaError_t error = runtime.FindVariable(symbol, &variable); error != cudaSuccess) return error;
  *address = reinterpret_cast<void*>(variable.address);
  return cudaSuccess;
}

cudaError_t cudaGetSymbolSize(size_t* size, const void* symbol) {
  HADAL_RUNTIME_ENTER();
  emulator::Allocation variable;
  if (cudaError_t error = runtime.FindVariable(symbol, &variable); error != cudaSuccess) return error;
  *size = variable.size;
  return cudaSuccess;
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* source, size_t bytes, size_t offset,
                               cudaMemcpyKind kind) {
  void* address = nullptr;
  if (cudaError_t error = cudaGetSymbolAddress(&address, symbol); error != cudaSuccess) return error;
  return cudaMemcpy(static_cast<char*>(address) + offset, source, bytes, kind);
}

cudaError_t cudaMemcpyFromSymbol(void* target, const void* symbol, size_t bytes, size_t offset, cudaMemcpyKind kind) {
  void* address = nullptr;
  if (cudaError_t error = cudaGetSymbolAddress(&address, symbol); error != cudaSuccess) return error;
  return cudaMemcpy(target, static_cast<const char*>(address) + offset, bytes, kind);
}

}  // extern "C"
