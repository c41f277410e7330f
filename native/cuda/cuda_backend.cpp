#include "cuda_backend.h"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "alignment.h"
#include "kernel.h"
#include "staging.h"

namespace hadal::cuda {
namespace {

const hd_backend_host* lent = nullptr;

constexpr const char* kKernelsVariable = "HADAL_CUDA_KERNELS";

struct CudaDevice {
  Card card;
};

struct CudaStream {
  CudaDevice* device = nullptr;
  cudaStream_t stream = nullptr;
  Staging staging;
};

// Every call is made on the device's own context, whatever the thread used before.
int32_t enter(const CudaDevice& device) {
  return status_of(cudaSetDevice(device.card.ordinal), "cudaSetDevice");
}

int32_t unsupported(const Card& card, int32_t op) {
  const Variant* any = variant_for(card, op, nullptr);
  return fail(HD_STATUS_UNSUPPORTED,
              "%s: no kernel of the CUDA backend takes these arguments on sm_%d; activations in f32 and the F32 cache "
              "formats are for the CPU",
              any == nullptr ? "this operation" : any->name, card.sm);
}

int32_t device_count(int32_t* count) {
  int found = 0;
  const cudaError_t error = cudaGetDeviceCount(&found);
  if (error == cudaErrorNoDevice) {
    cudaGetLastError();
    *count = 0;
    return HD_STATUS_OK;
  }
  if (error != cudaSuccess) {
    int driver = 0;
    int runtime = 0;
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaGetLastError();
    return fail(HD_STATUS_UNSUPPORTED,
                "CUDA found no usable driver: %s (%s); the driver serves CUDA %d.%d, this library wants %d.%d or later",
                cudaGetErrorString(error), cudaGetErrorName(error), driver / 1000, driver % 1000 / 10, runtime / 1000,
                runtime % 1000 / 10);
  }
  *count = found;
  return HD_STATUS_OK;
}

// HADAL_CUDA_KERNELS=portable gives a card no more than every card has from kLeastSm on.
int32_t limit_kernels(Card& card) {
  const char* wanted = std::getenv(kKernelsVariable);
  if (wanted == nullptr || *wanted == '\0') return HD_STATUS_OK;
  if (std::strcmp(wanted, "portable") != 0) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s is '%.64s'; it must be 'portable', or not set for the best",
                kKernelsVariable, wanted);
  }
  card.sm = kLeastSm;
  return HD_STATUS_OK;
}

int32_t device_create(const hd_device_options* options, void** device) {
  int32_t count = 0;
  if (const int32_t status = device_count(&count)) return status;
  if (options->ordinal < 0 || options->ordinal >= count) {
    return fail(count == 0 ? HD_STATUS_UNSUPPORTED : HD_STATUS_INVALID_ARGUMENT,
                count == 0 ? "hd_device_create: ordinal is %d; no CUDA device is present (%d found)"
                           : "hd_device_create: ordinal is %d; %d CUDA devices are present, counted from 0",
                options->ordinal, count);
  }
  auto created = std::make_unique<CudaDevice>();
  Card& card = created->card;
  card.ordinal = options->ordinal;
  cudaDeviceProp properties{};
  if (const int32_t status =
          status_of(cudaGetDeviceProperties(&properties, options->ordinal), "cudaGetDeviceProperties")) {
    return status;
  }
  card.sm = properties.major * 10 + properties.minor;
  card.sm_count = properties.multiProcessorCount;
  std::snprintf(card.name, sizeof card.name, "%.127s", properties.name);
  if (card.sm < kLeastSm) {
    return fail(HD_STATUS_UNSUPPORTED, "hd_device_create: %s is sm_%d; the CUDA backend needs sm_%d or later",
                card.name, card.sm, kLeastSm);
  }
  if (const int32_t status = limit_kernels(card)) return status;
  if (const int32_t status = enter(*created)) return status;
  char text[256];
  std::snprintf(text, sizeof text, "cuda: device %d, %s, sm_%d, %d SMs", card.ordinal, card.name, card.sm,
                card.sm_count);
  lent->log(text);
  for (int32_t op = 0; op < HD_OP_COUNT; ++op) {
    const Variant* variant = variant_for(card, op, nullptr);
    std::snprintf(text, sizeof text, "cuda: %s", variant == nullptr ? "none" : variant->name);
    lent->log(text);
  }
  *device = created.release();
  return HD_STATUS_OK;
}

void device_destroy(void* device) {
  delete static_cast<CudaDevice*>(device);
}

int32_t device_info(void* device, hd_device_info* info) {
  const auto* cuda = static_cast<CudaDevice*>(device);
  if (const int32_t status = enter(*cuda)) return status;
  size_t free = 0;
  size_t total = 0;
  if (const int32_t status = status_of(cudaMemGetInfo(&free, &total), "cudaMemGetInfo")) return status;
  info->kind = HD_DEVICE_CUDA;
  info->ordinal = cuda->card.ordinal;
  info->thread_count = 0;
  info->memory_bytes = total;
  std::snprintf(info->name, sizeof info->name, "%s", cuda->card.name);
  std::snprintf(info->isa, sizeof info->isa, cuda->card.sm == 90 ? "sm_90a" : "sm_%d", cuda->card.sm);
  info->host_memory = 0;
  info->f32_activations = 0;
  info->per_head_fp8 = 0;
  info->group_alignment = 128;
  info->synchronous = 0;
  return HD_STATUS_OK;
}

int32_t free_memory(void* device, uint64_t* free_bytes) {
  if (const int32_t status = enter(*static_cast<CudaDevice*>(device))) return status;
  size_t free = 0;
  size_t total = 0;
  if (const int32_t status = status_of(cudaMemGetInfo(&free, &total), "cudaMemGetInfo")) return status;
  *free_bytes = free;
  return HD_STATUS_OK;
}

int32_t kernel_name(void* device, int32_t op, char* buffer, uint64_t capacity) {
  const Card& card = static_cast<CudaDevice*>(device)->card;
  const Variant* variant = variant_for(card, op, nullptr);
  if (variant == nullptr) return unsupported(card, op);
  std::snprintf(buffer, capacity, "%s", variant->name);
  return HD_STATUS_OK;
}

int32_t stream_create(void* device, void** stream) {
  auto created = std::make_unique<CudaStream>();
  created->device = static_cast<CudaDevice*>(device);
  if (const int32_t status = enter(*created->device)) return status;
  if (const int32_t status = status_of(created->staging.create(), "page-locked staging memory")) return status;
  if (const int32_t status =
          status_of(cudaStreamCreateWithFlags(&created->stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags")) {
    return status;
  }
  *stream = created.release();
  return HD_STATUS_OK;
}

void stream_destroy(void* stream) {
  auto* cuda = static_cast<CudaStream*>(stream);
  cudaSetDevice(cuda->device->card.ordinal);
  cudaStreamDestroy(cuda->stream);
  delete cuda;
}

int32_t stream_synchronize(void* stream) {
  const auto* cuda = static_cast<CudaStream*>(stream);
  if (const int32_t status = enter(*cuda->device)) return status;
  return status_of(cudaStreamSynchronize(cuda->stream), "cudaStreamSynchronize");
}

int32_t allocate(void* device, uint64_t size, void** data) {
  const auto* cuda = static_cast<CudaDevice*>(device);
  if (const int32_t status = enter(*cuda)) return status;
  const cudaError_t error = cudaMalloc(data, size);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t free = 0;
    size_t total = 0;
    cudaMemGetInfo(&free, &total);
    return fail(HD_STATUS_OUT_OF_MEMORY, "%llu bytes of device memory were refused; %zu of %zu are free on %s",
                static_cast<unsigned long long>(size), free, total, cuda->card.name);
  }
  if (const int32_t status = status_of(error, "cudaMalloc")) return status;
  // A cleared buffer may be used at once on a stream that waits for no other.
  int32_t status = status_of(cudaMemset(*data, 0, size), "cudaMemset");
  if (status == HD_STATUS_OK) status = status_of(cudaStreamSynchronize(cudaStreamLegacy), "cudaMemset");
  if (status != HD_STATUS_OK) cudaFree(*data);
  return status;
}

void release(void* device, void* data) {
  cudaSetDevice(static_cast<CudaDevice*>(device)->card.ordinal);
  cudaFree(data);
}

int32_t copy(void* stream, void* destination, const void* source, uint64_t size, int32_t kind) {
  auto* cuda = static_cast<CudaStream*>(stream);
  if (const int32_t status = enter(*cuda->device)) return status;
  if (kind == HD_COPY_ON_DEVICE) {
    return status_of(cudaMemcpyAsync(destination, source, size, cudaMemcpyDeviceToDevice, cuda->stream), "hd_copy");
  }
  if (kind == HD_COPY_TO_DEVICE && size <= Staging::kSlotBytes) {
    return status_of(cuda->staging.copy(destination, source, size, cuda->stream), "hd_copy_to_device");
  }
  const bool to_host = kind == HD_COPY_TO_HOST;
  const char* what = to_host ? "hd_copy_to_host" : "hd_copy_to_device";
  if (const int32_t status =
          status_of(cudaMemcpyAsync(destination, source, size,
                                    to_host ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice, cuda->stream),
                    what)) {
    return status;
  }
  return status_of(cudaStreamSynchronize(cuda->stream), what);
}

int32_t workspace_size(void* device, int32_t op, const void* args, uint64_t* size) {
  const Card& card = static_cast<CudaDevice*>(device)->card;
  const Variant* variant = variant_for(card, op, args);
  if (variant == nullptr) return unsupported(card, op);
  *size = variant->workspace(args, card);
  return HD_STATUS_OK;
}

int32_t run(void* stream, int32_t op, const void* args, void* workspace, uint64_t size) {
  const auto* cuda = static_cast<CudaStream*>(stream);
  const Card& card = cuda->device->card;
  const Variant* variant = variant_for(card, op, args);
  if (variant == nullptr) return unsupported(card, op);
  const uint64_t wanted = variant->workspace(args, card);
  if (size < wanted) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: workspace_size is %llu; these arguments want %llu (hd_workspace_size)",
                variant->name, static_cast<unsigned long long>(size), static_cast<unsigned long long>(wanted));
  }
  if (const int32_t status = check_alignment(op, args)) return status;
  if (const int32_t status = enter(*cuda->device)) return status;
  return variant->run(args, card, cuda->stream, static_cast<std::byte*>(workspace));
}

int32_t graph_begin(void* stream) {
  const auto* cuda = static_cast<CudaStream*>(stream);
  if (const int32_t status = enter(*cuda->device)) return status;
  return status_of(cudaStreamBeginCapture(cuda->stream, cudaStreamCaptureModeThreadLocal), "hd_graph_begin");
}

int32_t graph_end(void* stream, void** graph) {
  const auto* cuda = static_cast<CudaStream*>(stream);
  if (const int32_t status = enter(*cuda->device)) return status;
  cudaGraph_t captured = nullptr;
  if (const int32_t status = status_of(cudaStreamEndCapture(cuda->stream, &captured), "hd_graph_end")) return status;
  cudaGraphExec_t executable = nullptr;
  const cudaError_t error = cudaGraphInstantiate(&executable, captured, 0);
  cudaGraphDestroy(captured);
  if (const int32_t status = status_of(error, "hd_graph_end")) return status;
  *graph = executable;
  return HD_STATUS_OK;
}

int32_t graph_launch(void* stream, void* graph) {
  const auto* cuda = static_cast<CudaStream*>(stream);
  if (const int32_t status = enter(*cuda->device)) return status;
  return status_of(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), cuda->stream), "hd_graph_launch");
}

void graph_destroy(void* device, void* graph) {
  cudaSetDevice(static_cast<CudaDevice*>(device)->card.ordinal);
  cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph));
}

constexpr hd_backend kBackend{sizeof(hd_backend),
                              HD_BACKEND_VERSION,
                              "cuda",
                              device_count,
                              device_create,
                              device_destroy,
                              device_info,
                              free_memory,
                              kernel_name,
                              stream_create,
                              stream_destroy,
                              stream_synchronize,
                              allocate,
                              release,
                              copy,
                              workspace_size,
                              run,
                              graph_begin,
                              graph_end,
                              graph_launch,
                              graph_destroy};

}  // namespace

const hd_backend_host& host() {
  return *lent;
}

}  // namespace hadal::cuda

extern "C" __attribute__((visibility("default"))) int32_t hd_backend_query(const hd_backend_host* host,
                                                                           const hd_backend** backend) {
  if (host->backend_version != HD_BACKEND_VERSION) return HD_STATUS_UNSUPPORTED;
  hadal::cuda::lent = host;
  *backend = &hadal::cuda::kBackend;
  return HD_STATUS_OK;
}
