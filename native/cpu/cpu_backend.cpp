#include "cpu/cpu_backend.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/first_touch.h"
#include "core/numa.h"
#include "cpu/features.h"
#include "cpu/inventory.h"
#include "cpu/kernel.h"
#include "platform/host.h"
#include "platform/memory.h"
#include "platform/process.h"
#include "platform/processors.h"

namespace hadal::cpu {
namespace {

constexpr Variant kVariants[] = {
#define HD_VARIANT(op, type, name, isa) erase<type>(op, name, isa),
#include "cpu/inventory.inc"
#undef HD_VARIANT
};

struct CpuDevice {
  explicit CpuDevice(int threads, const std::vector<NumaNode>& nodes, Isa best)
      : pool(threads, nodes), pages(pages_of_workers(pool.node_bounds())), isa(best) {}

  // The best variant of an operation that serves these arguments, or any arguments where they are null.
  const Variant& variant_for(int32_t op, const void* args) const {
    const Variant* chosen = nullptr;
    for (const Variant& variant : kVariants) {
      if (variant.op != op || variant.isa > isa || (args != nullptr && !variant.serves(args))) continue;
      if (chosen == nullptr || variant.isa > chosen->isa) chosen = &variant;
    }
    return *chosen;  // The scalar variant serves everything.
  }

  ThreadPool pool;
  std::vector<int> pages;
  Isa isa;
  std::atomic<uint64_t> large_blocks{0};
};

// The names of those that the processor has, or of all.
std::string isa_names(bool all) {
  std::string names;
  for (const Isa isa : kIsas) {
    if (all || supports(isa)) names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  }
  return names;
}

int32_t choose_isa(Isa& isa) {
  const std::string wanted = environment_variable("HADAL_CPU_ISA").value_or("");
  if (wanted.empty()) {
    for (const Isa candidate : kIsas) {
      if (supports(candidate)) isa = candidate;
    }
    return HD_STATUS_OK;
  }
  for (const Isa candidate : kIsas) {
    if (wanted != name_of(candidate)) continue;
    if (!supports(candidate)) {
      return fail(HD_STATUS_UNSUPPORTED,
                  "HADAL_CPU_ISA is \"%s\", which this processor lacks; unset it or take one of: %s", wanted.c_str(),
                  isa_names(false).c_str());
    }
    isa = candidate;
    return HD_STATUS_OK;
  }
  return fail(HD_STATUS_INVALID_ARGUMENT, "HADAL_CPU_ISA is \"%s\"; it must be one of: %s", wanted.c_str(),
              isa_names(true).c_str());
}

// The nodes to spread threads over: those of the system, or one where HADAL_NUMA says so.
int32_t choose_nodes(const std::vector<int>& processors, std::vector<NumaNode>& nodes) {
  const std::string wanted = environment_variable("HADAL_NUMA").value_or("");
  if (wanted == "off") {
    nodes = {{0, processors}};
    return HD_STATUS_OK;
  }
  if (!wanted.empty() && wanted != "on") {
    return fail(HD_STATUS_INVALID_ARGUMENT, "HADAL_NUMA is \"%s\"; it must be one of: on, off", wanted.c_str());
  }
  nodes = numa_nodes(processors);
  return HD_STATUS_OK;
}

void log_device(const CpuDevice& device) {
  const ThreadPool& pool = device.pool;
  const int nodes = static_cast<int>(pool.node_bounds().size()) - 1;
  if (nodes == 1) {
    log_line("cpu: %d threads, %s", pool.threads(), name_of(device.isa));
  } else {
    log_line("cpu: %d threads, %s, %d NUMA nodes, %d threads not kept on theirs", pool.threads(), name_of(device.isa),
             nodes, pool.strays());
  }
  for (int32_t op = 0; op < HD_OP_COUNT; ++op) log_line("cpu: %s", device.variant_for(op, nullptr).name);
}

int32_t device_count(int32_t* count) {
  *count = 1;
  return HD_STATUS_OK;
}

int32_t device_create(const hd_device_options* options, void** device) {
  if (options->ordinal != 0) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "hd_device_create: ordinal is %d; the CPU has only 0", options->ordinal);
  }
  if (options->thread_count < 0 || options->thread_count > 1024) {
    return fail(HD_STATUS_INVALID_ARGUMENT,
                "hd_device_create: thread_count is %d; it must be 0 (one a processor) to 1024", options->thread_count);
  }
  Isa isa = Isa::scalar;
  if (const int32_t status = choose_isa(isa)) return status;
  const std::vector<int> processors = allowed_processors();
  std::vector<NumaNode> nodes;
  if (const int32_t status = choose_nodes(processors, nodes)) return status;
  const int threads = options->thread_count != 0
                          ? options->thread_count
                          : std::min(usable_processors(static_cast<int>(processors.size())), 1024);
  std::unique_ptr<CpuDevice> created;
  try {
    created = std::make_unique<CpuDevice>(threads, nodes, isa);
  } catch (const ThreadRefused& refused) {
    return fail(HD_STATUS_OUT_OF_MEMORY,
                "hd_device_create: thread %d of %d could not be started; give a smaller thread_count, or raise the "
                "system's limit of threads",
                refused.thread, refused.threads);
  }
  log_device(*created);
  *device = created.release();
  return HD_STATUS_OK;
}

void device_destroy(void* device) {
  delete static_cast<CpuDevice*>(device);
}

int32_t device_info(void* device, hd_device_info* info) {
  const auto* cpu = static_cast<CpuDevice*>(device);
  info->kind = HD_DEVICE_CPU;
  info->ordinal = 0;
  info->thread_count = cpu->pool.threads();
  info->memory_bytes = host_memory().total;
  processor_name(info->name, sizeof info->name);
  std::snprintf(info->isa, sizeof info->isa, "%s", name_of(cpu->isa));
  info->host_memory = 1;
  info->f32_activations = 1;
  // AVX-512's gemm expands e4m3 as it reads; on the others the scalar one serves it.
  info->per_head_fp8 = cpu->isa == Isa::avx512;
  info->group_alignment = 1;
  info->synchronous = 1;
  return HD_STATUS_OK;
}

int32_t free_memory(void*, uint64_t* free_bytes) {
  *free_bytes = host_memory().free;
  return HD_STATUS_OK;
}

int32_t kernel_name(void* device, int32_t op, char* buffer, uint64_t capacity) {
  std::snprintf(buffer, capacity, "%s", static_cast<CpuDevice*>(device)->variant_for(op, nullptr).name);
  return HD_STATUS_OK;
}

// Work is done when a call returns, so a stream is its device.
int32_t stream_create(void* device, void** stream) {
  *stream = device;
  return HD_STATUS_OK;
}

void stream_destroy(void*) {}

int32_t stream_synchronize(void*) {
  return HD_STATUS_OK;
}

int32_t refuse_memory(uint64_t size) {
  return fail(HD_STATUS_OUT_OF_MEMORY, "hd_buffer_create: size is %llu bytes, which host memory refused; %llu are free",
              static_cast<unsigned long long>(size), static_cast<unsigned long long>(host_memory().free));
}

int32_t allocate(void* device, uint64_t size, void** data) {
  // A system that promises more than it has ends the process where the memory is first written.
  const bool large = size >= kHugePage;
  if (large && size > host_memory().free) return refuse_memory(size);
  *data = take_memory(size);
  if (*data == nullptr) return refuse_memory(size);
  auto* const cpu = static_cast<CpuDevice*>(device);
  clear(cpu->pool, cpu->pages, static_cast<std::byte*>(*data), size, large ? cpu->large_blocks.fetch_add(1) : 0);
  return HD_STATUS_OK;
}

void release(void*, void* data) {
  give_back_memory(data);
}

int32_t copy(void*, void* destination, const void* source, uint64_t size, int32_t) {
  std::memcpy(destination, source, size);
  return HD_STATUS_OK;
}

int32_t workspace_size(void* device, int32_t op, const void* args, uint64_t* size) {
  const auto* cpu = static_cast<CpuDevice*>(device);
  *size = cpu->variant_for(op, args).workspace(args, cpu->pool.threads());
  return HD_STATUS_OK;
}

int32_t run(void* stream, int32_t op, const void* args, void* workspace, uint64_t size) {
  auto* cpu = static_cast<CpuDevice*>(stream);
  const Variant& variant = cpu->variant_for(op, args);
  // A variant is named as its function is, and then its instruction set.
  const int name_length = static_cast<int>(std::strcspn(variant.name, "/"));
  if (!cpu->pool.is_here()) {
    return fail(HD_STATUS_UNSUPPORTED,
                "hd_%.*s: the stream's device was opened before this process was forked, and its threads stayed with "
                "the parent; open a device in the child",
                name_length, variant.name);
  }
  const uint64_t wanted = variant.workspace(args, cpu->pool.threads());
  if (size < wanted) {
    return fail(HD_STATUS_INVALID_ARGUMENT,
                "hd_%.*s: workspace_size is %llu; these arguments want %llu (hd_workspace_size)", name_length,
                variant.name, static_cast<unsigned long long>(size), static_cast<unsigned long long>(wanted));
  }
  return variant.run(args, cpu->pool, static_cast<std::byte*>(workspace));
}

constexpr hd_backend kBackend{sizeof(hd_backend),
                              HD_BACKEND_VERSION,
                              "cpu",
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
                              nullptr,
                              nullptr,
                              nullptr,
                              nullptr};

}  // namespace

const hd_backend* backend() {
  return &kBackend;
}

const char* isas() {
#if defined(__x86_64__)
  return "avx512 avx2 scalar";
#else
  return "scalar";
#endif
}

}  // namespace hadal::cpu
