// Fat binaries, kernels, variables and launches.

#include <algorithm>
#include <cstring>

#include "runtime.h"

namespace emulator::runtime {
namespace {

// What nvcc's host code hands to __cudaRegisterFatBinary.
struct FatBinaryWrapper {
  uint32_t magic;  // 0x466243B1
  uint32_t version;
  const uint8_t* data;
  const void* file_name;
};

template <typename T>
T ReadAt(const uint8_t* data, size_t offset) {
  T value;
  std::memcpy(&value, data + offset, sizeof value);
  return value;
}

constexpr uint16_t kPtx = 1;
constexpr uint32_t kCompressed = 0x2000;

// The `a` of `.target sm_90a`: code for that architecture alone.
bool TargetIsSpecific(std::string_view ptx) {
  const size_t at = ptx.find(".target sm_");
  if (at == std::string_view::npos) return false;
  const size_t end = ptx.find_first_not_of("0123456789", at + 11);
  return end != std::string_view::npos && ptx[end] == 'a';
}

}  // namespace

Module* Runtime::AddModule(const void* fat_binary_wrapper) {
  auto& module = *modules_.emplace_back(std::make_unique<Module>());
  const auto& wrapper = *static_cast<const FatBinaryWrapper*>(fat_binary_wrapper);
  const auto refuse = [&](cudaError_t status, std::string why) {
    module.status = status;
    module.error = std::move(why);
    return &module;
  };
  if (wrapper.magic != 0x466243B1)
    return refuse(cudaErrorInvalidKernelImage, "the fat binary's wrapper has an unknown magic number");
  if (ReadAt<uint32_t>(wrapper.data, 0) != 0xBA55ED50) {
    return refuse(cudaErrorInvalidKernelImage, "the fat binary has an unknown magic number");
  }
  size_t offset = ReadAt<uint16_t>(wrapper.data, 6);
  const size_t end = offset + ReadAt<uint64_t>(wrapper.data, 8);
  uint32_t best = 0, seen = 0;
  bool compressed = false;
  while (offset < end) {
    const uint8_t* entry = wrapper.data + offset;
    const auto kind = ReadAt<uint16_t>(entry, 0);
    const auto header = ReadAt<uint32_t>(entry, 4);
    const auto payload = ReadAt<uint64_t>(entry, 8);
    const auto target = ReadAt<uint32_t>(entry, 28);
    const auto flags = ReadAt<uint32_t>(entry, 40);
    if (kind == kPtx && (flags & kCompressed)) compressed = true;
    if (kind == kPtx && !(flags & kCompressed)) {
      const auto* text = reinterpret_cast<const char*>(entry + header);
      const std::string_view ptx(text, strnlen(text, payload));
      seen = std::max(seen, target);
      const auto architecture = static_cast<uint32_t>(architecture_);
      if ((TargetIsSpecific(ptx) ? target == architecture : target <= architecture) && target >= best) {
        best = target;
        module.ptx = ptx;
      }
    }
    offset += header + payload;
  }
  if (!module.ptx.empty()) return &module;
  if (seen) {
    return refuse(cudaErrorNoKernelImageForDevice, "the library's PTX is for sm_" + std::to_string(seen) +
                                                       ", and the device is sm_" + std::to_string(architecture_));
  }
  return refuse(cudaErrorNoKernelImageForDevice,
                compressed
                    ? "the library's PTX is compressed: build it with --no-compress"
                    : "the library holds no PTX: build it with -gencode arch=compute_90a,code=[sm_90a,compute_90a]");
}

void Runtime::RemoveModule(Module* module) {
  // Launches that nobody waited for may still name its kernels.
  if (device_ && module->number) WaitAll();
  std::erase_if(functions_, [&](const auto& entry) {
    if (entry.second->module != module) return false;
    function_handles_.erase(entry.second.get());
    return true;
  });
  std::erase_if(variables_, [&](const auto& entry) { return entry.second.module == module; });
  if (device_ && module->number) device_->UnloadModule(module->number);
  std::erase_if(modules_, [&](const auto& other) { return other.get() == module; });
}

void Runtime::AddFunction(const void* host, Module* module, std::string name) {
  auto& function = functions_[host] = std::make_unique<Function>();
  function->module = module;
  function->name = std::move(name);
  function_handles_.insert(function.get());
}

void Runtime::AddVariable(const void* host, Module* module, std::string name, size_t size) {
  variables_[host] = {module, std::move(name), size};
}

cudaError_t Runtime::LoadModule(Module& module) {
  if (module.number) return cudaSuccess;
  if (module.status == cudaSuccess) {
    const Fault fault = device_->LoadModule(module.ptx, "module " + std::to_string(NextId()), &module.number);
    if (!fault) return cudaSuccess;
    module.status = cudaErrorInvalidPtx;
    module.error = fault.text;
  }
  return Fail(module.status, module.error);
}

cudaError_t Runtime::FindFunction(const void* symbol, Function** function) {
  *function = nullptr;
  if (function_handles_.contains(symbol)) {
    *function = const_cast<Function*>(static_cast<const Function*>(symbol));
  } else if (const auto found = functions_.find(symbol); found != functions_.end()) {
    *function = found->second.get();
  } else {
    return Fail(cudaErrorInvalidDeviceFunction,
                "a launch or query of a host address that no kernel was registered for");
  }
  if ((*function)->kernel) return cudaSuccess;
  if (const cudaError_t error = LoadModule(*(*function)->module); error != cudaSuccess) return error;
  (*function)->kernel = device_->FindKernel((*function)->name, (*function)->module->number);
  if ((*function)->kernel) return cudaSuccess;
  return Fail(cudaErrorInvalidDeviceFunction, "the library's PTX has no kernel " + (*function)->name);
}

cudaError_t Runtime::FindVariable(const void* symbol, Allocation* allocation) {
  const auto found = variables_.find(symbol);
  if (found == variables_.end()) return Fail(cudaErrorInvalidSymbol);
  if (const cudaError_t error = LoadModule(*found->second.module); error != cudaSuccess) return error;
  const auto variable = device_->FindVariable(found->second.name, found->second.module->number);
  if (!variable) return Fail(cudaErrorInvalidSymbol, "the library's PTX has no variable " + found->second.name);
  *allocation = *variable;
  return cudaSuccess;
}

cudaError_t Runtime::CheckLaunch(const Function& function, const LaunchConfig& launch) {
  const KernelInfo& kernel = *function.kernel;
  const auto refuse = [&](cudaError_t error, const std::string& why) {
    return Fail(error, "launch of " + kernel.name + ": " + why);
  };
  const Dim3 &grid = launch.grid, &block = launch.block, &cluster = launch.cluster;
  if (grid.count() == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return refuse(cudaErrorInvalidConfiguration, "the grid is " + std::to_string(grid.x) + "x" +
                                                     std::to_string(grid.y) + "x" + std::to_string(grid.z) +
                                                     ", and must be 1 to 2^31-1 by 65535 by 65535");
  }
  if (block.count() == 0 || block.count() > kMaxThreadsPerBlock || block.x > 1024 || block.y > 1024 || block.z > 64) {
    return refuse(cudaErrorInvalidConfiguration,
                  "a block has " + std::to_string(block.count()) + " threads, and must have 1 to 1024");
  }
  if (block.count() > kernel.max_threads) {
    return refuse(cudaErrorInvalidValue, "a block has " + std::to_string(block.count()) +
                                             " threads, and the kernel's launch bounds allow " +
                                             std::to_string(kernel.max_threads));
  }
  if (launch.dynamic_shared_bytes > function.max_dynamic_shared ||
      kernel.static_shared_bytes + launch.dynamic_shared_bytes > kMaxSharedBytesPerBlock) {
    return refuse(cudaErrorInvalidValue,
                  std::to_string(launch.dynamic_shared_bytes) + " bytes of dynamic shared memory (and " +
                      std::to_string(kernel.static_shared_bytes) + " static): allowed by attribute are " +
                      std::to_string(function.max_dynamic_shared) + ", in all " +
                      std::to_string(kMaxSharedBytesPerBlock));
  }
  if (cluster.count() == 0 || grid.x % cluster.x || grid.y % cluster.y || grid.z % cluster.z ||
      cluster.count() > (function.non_portable_cluster ? kMaxBlocksPerCluster : 8)) {
    return refuse(cudaErrorInvalidClusterSize, "a cluster has " + std::to_string(cluster.x) + "x" +
                                                   std::to_string(cluster.y) + "x" + std::to_string(cluster.z) +
                                                   " blocks: it must divide the grid, and have at most 8");
  }
  if (kernel.required_cluster && (kernel.required_cluster->x != cluster.x || kernel.required_cluster->y != cluster.y ||
                                  kernel.required_cluster->z != cluster.z)) {
    return refuse(cudaErrorInvalidClusterSize, "the cluster is not the one that the kernel requires");
  }
  return cudaSuccess;
}

cudaError_t Runtime::Launch(const void* symbol, const LaunchConfig& launch, void** arguments, cudaStream_t handle) {
  Function* function = nullptr;
  if (const cudaError_t error = FindFunction(symbol, &function); error != cudaSuccess) return error;
  CUstream_st* stream = FindStream(handle);
  if (!stream) return Fail(cudaErrorInvalidResourceHandle);
  if (stream != &default_stream_ && stream->device != current()) {
    return Fail(cudaErrorInvalidResourceHandle, "a launch on device " + std::to_string(current()) +
                                                    " into a stream of device " + std::to_string(stream->device));
  }
  LaunchConfig sized = launch;
  const KernelInfo* kernel = function->kernel;
  // A kernel with a cluster of its own needs none at the launch.
  if (kernel->required_cluster && launch.cluster.count() == 1) sized.cluster = *kernel->required_cluster;
  if (const cudaError_t error = CheckLaunch(*function, sized); error != cudaSuccess) return error;
  if (!kernel->parameters.empty() && !arguments) return Fail(cudaErrorInvalidValue);
  std::vector<std::byte> parameters(kernel->parameter_bytes);
  for (size_t i = 0; i < kernel->parameters.size(); ++i) {
    std::memcpy(parameters.data() + kernel->parameters[i].offset, arguments[i], kernel->parameters[i].size);
  }
  // Pointers among the parameters: none of the devices reaches the memory of another.
  int other = current();
  for (size_t at = 0; at + sizeof(uint64_t) <= parameters.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, parameters.data() + at, sizeof word);
    if (const int owner = OwnerOf(word); owner >= 0 && owner != current()) other = owner;
  }
  return Issue(
      stream, NodeKind::kKernel,
      [this, kernel, sized, parameters = std::move(parameters), mine = current(), other] {
        if (other != mine) {
          ReportFault(
              {FaultKind::kInvalidAddress, "memory of device " + std::to_string(other) +
                                               " among the arguments of a launch on device " + std::to_string(mine)},
              "kernel " + kernel->name);
        } else if (const Fault fault = device_->Launch(*kernel, sized, parameters))
          ReportFault(fault, "kernel " + kernel->name);
      },
      kernel);
}

}  // namespace emulator::runtime

using namespace emulator::runtime;
using emulator::Dim3;

namespace {

struct CallConfiguration {
  dim3 grid, block;
  size_t shared_bytes;
  cudaStream_t stream;
};
thread_local std::vector<CallConfiguration> call_configurations;

emulator::LaunchConfig MakeLaunch(dim3 grid, dim3 block, size_t shared_bytes) {
  return {{grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, {1, 1, 1}, shared_bytes};
}

cudaError_t LaunchSimply(const void* symbol, dim3 grid, dim3 block, void** arguments, size_t shared_bytes,
                         cudaStream_t stream) {
  HADAL_RUNTIME_ENTER();
  return runtime.Launch(symbol, MakeLaunch(grid, block, shared_bytes), arguments, stream);
}

}  // namespace

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  return reinterpret_cast<void**>(runtime.AddModule(wrapper));
}

void __cudaRegisterFatBinaryEnd(void**) {}

void __cudaUnregisterFatBinary(void** module) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  runtime.RemoveModule(reinterpret_cast<Module*>(module));
}

void __cudaRegisterFunction(void** module, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  runtime.AddFunction(host, reinterpret_cast<Module*>(module), name);
}

void __cudaRegisterVar(void** module, char* host, char*, const char* name, int, size_t size, int, int) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  runtime.AddVariable(host, reinterpret_cast<Module*>(module), name, size);
}

char __cudaInitModule(void**) {
  return 1;
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared_bytes, CUstream_st* stream) {
  call_configurations.push_back({grid, block, shared_bytes, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* shared_bytes, void* stream) {
  if (call_configurations.empty()) return cudaErrorMissingConfiguration;
  const CallConfiguration top = call_configurations.back();
  call_configurations.pop_back();
  *grid = top.grid;
  *block = top.block;
  *shared_bytes = top.shared_bytes;
  *static_cast<cudaStream_t*>(stream) = top.stream;
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel(const void* symbol, dim3 grid, dim3 block, void** arguments, size_t shared_bytes,
                             cudaStream_t stream) {
  return LaunchSimply(symbol, grid, block, arguments, shared_bytes, stream);
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, size_t shared_bytes,
                               cudaStream_t stream) {
  return LaunchSimply(kernel, grid, block, arguments, shared_bytes, stream);
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* symbol) {
  HADAL_RUNTIME_ENTER();
  Function* function = nullptr;
  const cudaError_t error = runtime.FindFunction(symbol, &function);
  *kernel = reinterpret_cast<cudaKernel_t>(function);
  return error;
}

cudaError_t cudaGetKernel(cudaKernel_t* kernel, const void* symbol) {
  return __cudaGetKernel(kernel, symbol);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* symbol, void** arguments) {
  HADAL_RUNTIME_ENTER();
  if (!config) return runtime.Fail(cudaErrorInvalidValue);
  emulator::LaunchConfig launch = MakeLaunch(config->gridDim, config->blockDim, config->dynamicSmemBytes);
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config->attrs[i];
    switch (attribute.id) {
      case cudaLaunchAttributeClusterDimension:
        launch.cluster = {attribute.val.clusterDim.x, attribute.val.clusterDim.y, attribute.val.clusterDim.z};
        break;
      // The order of the stream serves: the kernel before has ended when the next begins.
      case cudaLaunchAttributeProgrammaticStreamSerialization:
      case cudaLaunchAttributeClusterSchedulingPolicyPreference:
      case cudaLaunchAttributePriority:
      case cudaLaunchAttributeAccessPolicyWindow:
      case cudaLaunchAttributeMemSyncDomain:
      case cudaLaunchAttributeMemSyncDomainMap:
      case cudaLaunchAttributeIgnore:
        break;
      default:
        return runtime.Fail(cudaErrorNotSupported, "cudaLaunchKernelExC: launch attribute " +
                                                       std::to_string(static_cast<int>(attribute.id)) +
                                                       " is not implemented");
    }
  }
  return runtime.Launch(symbol, launch, arguments, config->stream);
}

cudaError_t cudaFuncSetAttribute(const void* symbol, cudaFuncAttribute attribute, int value) {
  HADAL_RUNTIME_ENTER();
  Function* function = nullptr;
  if (const cudaError_t error = runtime.FindFunction(symbol, &function); error != cudaSuccess) return error;
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
      if (value < 0 || function->kernel->static_shared_bytes + value > emulator::kMaxSharedBytesPerBlock) {
        return runtime.Fail(cudaErrorInvalidValue, "cudaFuncSetAttribute: " + std::to_string(value) +
                                                       " bytes of shared memory for " + function->name + ", of " +
                                                       std::to_string(emulator::kMaxSharedBytesPerBlock));
      }
      function->max_dynamic_shared = value;
      return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      return cudaSuccess;
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
      function->non_portable_cluster = value != 0;
      return cudaSuccess;
    default:
      return runtime.Fail(
          cudaErrorNotSupported,
          "cudaFuncSetAttribute: attribute " + std::to_string(static_cast<int>(attribute)) + " is not implemented");
  }
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* symbol) {
  HADAL_RUNTIME_ENTER();
  Function* function = nullptr;
  if (const cudaError_t error = runtime.FindFunction(symbol, &function); error != cudaSuccess) return error;
  *attributes = {};
  attributes->sharedSizeBytes = function->kernel->static_shared_bytes;
  attributes->localSizeBytes = function->kernel->local_bytes;
  attributes->maxThreadsPerBlock = static_cast<int>(function->kernel->max_threads);
  attributes->maxDynamicSharedSizeBytes = static_cast<int>(function->max_dynamic_shared);
  attributes->ptxVersion = attributes->binaryVersion = runtime.architecture();
  return cudaSuccess;
}

cudaError_t cudaFuncSetCacheConfig(const void* symbol, cudaFuncCache) {
  HADAL_RUNTIME_ENTER();
  Function* function = nullptr;
  return runtime.FindFunction(symbol, &function);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* symbol, int threads,
                                                                   size_t shared_bytes, unsigned) {
  HADAL_RUNTIME_ENTER();
  Function* function = nullptr;
  if (const cudaError_t error = runtime.FindFunction(symbol, &function); error != cudaSuccess) return error;
  if (threads <= 0) return runtime.Fail(cudaErrorInvalidValue);
  const size_t shared = function->kernel->static_shared_bytes + shared_bytes + emulator::kReservedSharedBytes;
  constexpr size_t kSharedPerSm = 233472, kThreadsPerSm = 2048, kBlocksPerSm = 32;
  const size_t warps_threads = (threads + 31) / 32 * 32;
  *blocks = threads > 1024 || shared_bytes > emulator::kMaxSharedBytesPerBlock
                ? 0
                : static_cast<int>(std::min({kSharedPerSm / shared, kThreadsPerSm / warps_threads, kBlocksPerSm}));
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* symbol, int threads,
                                                          size_t shared_bytes) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, symbol, threads, shared_bytes, 0);
}

cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* symbol, const cudaLaunchConfig_t* config) {
  int blocks = 0;
  const cudaError_t error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      &blocks, symbol, static_cast<int>(config->blockDim.x * config->blockDim.y * config->blockDim.z),
      config->dynamicSmemBytes);
  if (error != cudaSuccess) return error;
  unsigned size = 1;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    if (config->attrs[i].id == cudaLaunchAttributeClusterDimension) {
      size = config->attrs[i].val.clusterDim.x * config->attrs[i].val.clusterDim.y * config->attrs[i].val.clusterDim.z;
    }
  }
  *clusters = Runtime::Get().config().sm_count * blocks / static_cast<int>(std::max(size, 1u));
  return cudaSuccess;
}

}  // extern "C"
