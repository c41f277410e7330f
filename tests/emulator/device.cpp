#include "device.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "code.h"
#include "memory.h"
#include "scheduler.h"

namespace emulator {
namespace {

struct Kernel {
  KernelInfo info;
  const ptx::Function* function = nullptr;
  std::unordered_map<const ptx::Variable*, uint64_t> shared;  // offsets
  size_t dynamic_shared_start = 0;
  // Decoded at the first launch.
  std::unique_ptr<Code> code;
  std::string error;
};

struct Module {
  std::string name;
  std::unique_ptr<ptx::Module> text;
  std::vector<std::unique_ptr<Kernel>> kernels;
  std::unordered_map<const ptx::Variable*, uint64_t> addresses;  // of .global and .const variables
};

uint64_t Align(uint64_t value, uint64_t alignment) {
  alignment = std::max<uint64_t>(alignment, 1);
  return (value + alignment - 1) / alignment * alignment;
}

void CollectShared(const ptx::Operand& operand, std::vector<const ptx::Variable*>& variables) {
  if (operand.variable && operand.variable->space == ptx::Space::kShared &&
      std::find(variables.begin(), variables.end(), operand.variable) == variables.end()) {
    variables.push_back(operand.variable);
  }
  for (const auto& element : operand.elements) CollectShared(element, variables);
}

std::unique_ptr<Kernel> MakeKernel(ptx::Function& function) {
  auto kernel = std::make_unique<Kernel>();
  kernel->function = &function;
  KernelInfo& info = kernel->info;
  info.name = function.name;
  for (const auto& parameter : function.parameters) {
    info.parameters.push_back({parameter->offset, parameter->size, parameter->alignment});
    info.parameter_bytes = parameter->offset + parameter->size;
  }
  if (function.max_threads) info.max_threads = static_cast<uint32_t>(function.max_threads->count());
  if (function.required_threads) {
    info.required_block = function.required_threads;
    info.max_threads = static_cast<uint32_t>(function.required_threads->count());
  }
  info.required_cluster = function.required_cluster;
  // Local memory: variables, and the parameters of calls.
  uint64_t local = 0;
  for (const auto& variable : function.variables) {
    if (variable->space == ptx::Space::kShared) continue;
    local = Align(local, variable->alignment);
    variable->offset = local;
    local += variable->size;
  }
  info.local_bytes = Align(local, 16);
  std::vector<const ptx::Variable*> shared;
  for (const auto& instruction : function.instructions) {
    for (const auto& operand : instruction.operands) CollectShared(operand, shared);
  }
  uint64_t at = kSharedStart;
  for (const ptx::Variable* variable : shared) {
    if (variable->external) continue;
    at = Align(at, variable->alignment);
    kernel->shared[variable] = at;
    at += variable->size;
  }
  info.static_shared_bytes = at - kSharedStart;
  // Whatever the declaration says, dynamic shared memory starts at a multiple of 1024.
  kernel->dynamic_shared_start = Align(at, 1024);
  for (const ptx::Variable* variable : shared) {
    if (variable->external) kernel->shared[variable] = kernel->dynamic_shared_start;
  }
  return kernel;
}

}  // namespace

struct Device::State {
  explicit State(Config c) : config(std::move(c)), memory(config.memory_bytes) {}

  Config config;
  Memory memory;
  std::mutex mutex;  // of everything below, and of launches
  std::mutex print_mutex;
  std::unordered_map<int, std::unique_ptr<Module>> modules;
  int module_count = 0;
  uint64_t launches = 0;
  Counters counters;

  Fault OutOfBounds(uint64_t address, size_t bytes, const char* what) const {
    return {FaultKind::kInvalidAddress, std::string(what) + " of " + std::to_string(bytes) + " bytes at address " +
                                            std::to_string(address) + ": " + memory.Describe(address)};
  }
  std::vector<int> Order(int module) const {
    std::vector<int> order;
    for (const auto& [number, loaded] : modules) {
      if (module == 0 || module == number) order.push_back(number);
    }
    std::sort(order.rbegin(), order.rend());
    return order;
  }
  std::string Initialise(Module& module);
  const Code* Decode(Module& module, Kernel& kernel);
};

// Gives a module's variables their memory. Returns what is wrong, or nothing.
std::string Device::State::Initialise(Module& module) {
  std::unordered_map<std::string, uint64_t> by_name;
  for (const auto& variable : module.text->variables) {
    if (variable->space != ptx::Space::kGlobal && variable->space != ptx::Space::kConst) continue;
    if (variable->external) {
      uint64_t address = 0;
      for (const int number : Order(0)) {
        for (const auto& [other, at] : modules.at(number)->addresses) {
          if (other->name == variable->name && !address) address = at;
        }
      }
      if (!address) return "variable " + variable->name + " is defined nowhere";
      module.addresses[variable.get()] = address;
      continue;
    }
    const uint64_t address = memory.Allocate(variable->size, "variable " + variable->name);
    if (!address) return "no memory for variable " + variable->name;
    module.addresses[variable.get()] = address;
    by_name[variable->name] = address;
  }
  for (const auto& variable : module.text->variables) {
    const auto found = module.addresses.find(variable.get());
    if (found == module.addresses.end() || variable->external) continue;
    std::byte* host = memory.Host(found->second);
    std::memset(host, 0, variable->size);
    std::copy(variable->initial.begin(), variable->initial.end(), host);
    for (const auto& relocation : variable->relocations) {
      if (!by_name.contains(relocation.target)) {
        return "variable " + variable->name + " holds the address of " + relocation.target + ", which is no variable";
      }
      const uint64_t value = by_name[relocation.target] + static_cast<uint64_t>(relocation.addend);
      std::memcpy(host + relocation.offset, &value, 8);
    }
    if (auto* block = memory.Find(found->second)) memory.MarkWritten(*block, found->second, variable->size);
  }
  return {};
}

const Code* Device::State::Decode(Module& module, Kernel& kernel) {
  if (kernel.code || !kernel.error.empty()) return kernel.code.get();
  auto code = std::make_unique<Code>();
  code->name = kernel.info.name;
  code->info = kernel.info;
  code->local_bytes = kernel.info.local_bytes;
  code->dynamic_shared_start = kernel.dynamic_shared_start;
  code->window_base = memory.base();
  try {
    Decoder(*kernel.function, *code, [&](const ptx::Variable& variable) {
      return variable.space == ptx::Space::kShared ? kernel.shared.at(&variable) : module.addresses.at(&variable);
    }).Run();
  } catch (const DecodeError& error) {
    kernel.error = module.name + ", kernel " + kernel.info.name + ", " + error.what();
    return nullptr;
  }
  kernel.code = std::move(code);
  return kernel.code.get();
}

Device::Device(Config config) : state_(std::make_unique<State>(std::move(config))) {
  // Whole calls, one at a time, from whichever host thread.
  if (state_->config.print) {
    state_->config.print = [print = state_->config.print, state = state_.get()](std::string_view text) {
      std::lock_guard lock(state->print_mutex);
      print(text);
    };
  } else {
    state_->config.print = [state = state_.get()](std::string_view text) {
      std::lock_guard lock(state->print_mutex);
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    };
  }
}
Device::~Device() = default;

const Config& Device::config() const {
  return state_->config;
}
void Device::SetSeed(uint64_t seed) {
  std::lock_guard lock(state_->mutex);
  state_->config.seed = seed;
  state_->launches = 0;
}
void Device::SetStrict(bool strict) {
  std::lock_guard lock(state_->mutex);
  state_->config.strict = strict;
}

uint64_t Device::Allocate(size_t bytes, std::string label) {
  std::lock_guard lock(state_->mutex);
  return state_->memory.Allocate(bytes, std::move(label));
}
bool Device::Free(uint64_t address) {
  std::lock_guard lock(state_->mutex);
  return state_->memory.Free(address);
}
std::optional<Allocation> Device::FindAllocation(uint64_t address) const {
  const Memory::Block* block = std::as_const(state_->memory).Find(address);
  return block ? std::optional(block->allocation) : std::nullopt;
}
std::vector<Allocation> Device::LiveAllocations() const {
  return state_->memory.Live();
}
size_t Device::allocated_bytes() const {
  return state_->memory.allocated_bytes();
}
bool Device::IsDeviceAddress(uint64_t address) const {
  return state_->memory.InRange(address);
}

Fault Device::CopyToDevice(uint64_t target, const void* source, size_t bytes) {
  std::lock_guard lock(state_->mutex);
  if (bytes == 0) return {};
  auto* block = state_->memory.Whole(target, bytes);
  if (!block) return state_->OutOfBounds(target, bytes, "a copy to the device");
  std::memcpy(state_->memory.Host(target), source, bytes);
  state_->memory.MarkWritten(*block, target, bytes);
  return {};
}
Fault Device::CopyFromDevice(void* target, uint64_t source, size_t bytes) {
  std::lock_guard lock(state_->mutex);
  if (bytes == 0) return {};
  if (!state_->memory.Whole(source, bytes)) return state_->OutOfBounds(source, bytes, "a copy from the device");
  std::memcpy(target, state_->memory.Host(source), bytes);
  return {};
}
Fault Device::CopyOnDevice(uint64_t target, uint64_t source, size_t bytes) {
  std::lock_guard lock(state_->mutex);
  if (bytes == 0) return {};
  if (!state_->memory.Whole(source, bytes)) return state_->OutOfBounds(source, bytes, "a copy from the device");
  auto* block = state_->memory.Whole(target, bytes);
  if (!block) return state_->OutOfBounds(target, bytes, "a copy to the device");
  std::memmove(state_->memory.Host(target), state_->memory.Host(source), bytes);
  state_->memory.MarkWritten(*block, target, bytes);
  return {};
}
Fault Device::Fill(uint64_t target, uint32_t pattern, size_t width, size_t count) {
  std::lock_guard lock(state_->mutex);
  const size_t bytes = width * count;
  if (bytes == 0) return {};
  auto* block = state_->memory.Whole(target, bytes);
  if (!block) return state_->OutOfBounds(target, bytes, "a fill");
  std::byte* host = state_->memory.Host(target);
  for (size_t i = 0; i < count; ++i) std::memcpy(host + i * width, &pattern, width);
  state_->memory.MarkWritten(*block, target, bytes);
  return {};
}

Fault Device::LoadModule(std::string_view ptx, std::string_view name, int* number) {
  std::lock_guard lock(state_->mutex);
  auto module = std::make_unique<Module>();
  module->name = name;
  try {
    module->text = ptx::Read(ptx);
  } catch (const ptx::Error& error) {
    return {FaultKind::kInvalidModule, module->name + ": " + error.what()};
  }
  if (std::string error = state_->Initialise(*module); !error.empty()) {
    for (const auto& [variable, address] : module->addresses) {
      if (!variable->external) state_->memory.Free(address);
    }
    return {FaultKind::kInvalidModule, module->name + ": " + error};
  }
  for (const auto& function : module->text->functions) {
    if (!function->entry || !function->defined) continue;
    ptx::InlineCalls(*module->text, *function);
    module->kernels.push_back(MakeKernel(*function));
  }
  *number = ++state_->module_count;
  state_->modules[*number] = std::move(module);
  return {};
}

const KernelInfo* Device::FindKernel(std::string_view mangled_name, int module) const {
  std::lock_guard lock(state_->mutex);
  for (const int number : state_->Order(module)) {
    for (const auto& kernel : state_->modules.at(number)->kernels) {
      if (kernel->info.name == mangled_name) return &kernel->info;
    }
  }
  return nullptr;
}

std::optional<Allocation> Device::FindVariable(std::string_view name, int module) const {
  std::lock_guard lock(state_->mutex);
  for (const int number : state_->Order(module)) {
    for (const auto& [variable, address] : state_->modules.at(number)->addresses) {
      if (variable->name == name) return FindAllocation(address);
    }
  }
  return std::nullopt;
}

std::vector<std::string> Device::KernelNames(int module) const {
  std::lock_guard lock(state_->mutex);
  std::vector<std::string> names;
  if (const auto found = state_->modules.find(module); found != state_->modules.end()) {
    for (const auto& kernel : found->second->kernels) names.push_back(kernel->info.name);
  }
  return names;
}

bool Device::UnloadModule(int module) {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->modules.find(module);
  if (found == state_->modules.end()) return false;
  for (const auto& [variable, address] : found->second->addresses) {
    if (!variable->external) state_->memory.Free(address);
  }
  state_->modules.erase(found);
  return true;
}

Fault Device::Launch(const KernelInfo& info, const LaunchConfig& launch, std::span<const std::byte> parameters) {
  std::lock_guard lock(state_->mutex);
  Module* module = nullptr;
  Kernel* kernel = nullptr;
  for (const auto& [number, loaded] : state_->modules) {
    for (const auto& candidate : loaded->kernels) {
      if (&candidate->info == &info) {
        module = loaded.get();
        kernel = candidate.get();
      }
    }
  }
  const auto refuse = [&](const std::string& why) {
    return Fault{FaultKind::kInvalidLaunch, "launch of " + (kernel ? info.name : "a kernel") + ": " + why};
  };
  if (!kernel) return refuse("no loaded module has it");
  const Dim3 &grid = launch.grid, &block = launch.block, &cluster = launch.cluster;
  if (grid.count() == 0 || block.count() == 0 || cluster.count() == 0) return refuse("an extent is zero");
  if (block.count() > info.max_threads) {
    return refuse(std::to_string(block.count()) + " threads, and it takes at most " + std::to_string(info.max_threads));
  }
  if (info.required_block &&
      (info.required_block->x != block.x || info.required_block->y != block.y || info.required_block->z != block.z)) {
    return refuse("the block is not the one that the kernel requires");
  }
  if (cluster.count() > kMaxBlocksPerCluster || grid.x % cluster.x || grid.y % cluster.y || grid.z % cluster.z) {
    return refuse("a cluster must divide the grid, and have at most " + std::to_string(kMaxBlocksPerCluster) +
                  " blocks");
  }
  if (info.static_shared_bytes + launch.dynamic_shared_bytes > kMaxSharedBytesPerBlock) {
    return refuse(std::to_string(info.static_shared_bytes + launch.dynamic_shared_bytes) +
                  " bytes of shared memory, and there are " + std::to_string(kMaxSharedBytesPerBlock));
  }
  if (parameters.size() != info.parameter_bytes) {
    return refuse(std::to_string(parameters.size()) + " bytes of parameters, and it takes " +
                  std::to_string(info.parameter_bytes));
  }
  const Code* code = state_->Decode(*module, *kernel);
  if (!code) return {FaultKind::kInvalidModule, kernel->error};
  state_->memory.Settle();
  const int threads =
      state_->config.threads > 0 ? state_->config.threads : static_cast<int>(std::thread::hardware_concurrency());
  ++state_->counters.launches;
  const uint64_t seed = state_->config.seed * 0x9E3779B97F4A7C15u + ++state_->launches;
  return RunGrid(*code, state_->memory, state_->config, launch, parameters, seed, threads, state_->counters);
}

Counters Device::counters() const {
  std::lock_guard lock(state_->mutex);
  return state_->counters;
}
void Device::ResetCounters() {
  std::lock_guard lock(state_->mutex);
  state_->counters = {};
}

}  // namespace emulator
