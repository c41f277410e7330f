#include "scheduler.h"

#include <cxxabi.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <thread>

namespace emulator {
namespace {

// Bytes aligned for vectors and for any address in shared memory; they keep their size between clusters.
class Arena {
 public:
  ~Arena() { Drop(); }
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  std::byte* Get(size_t bytes) {
    if (bytes > size_) {
      Drop();
      data_ = static_cast<std::byte*>(::operator new (bytes, std::align_val_t{kAlignment}));
      size_ = bytes;
      std::memset(data_, 0xFF, bytes);
    }
    return data_;
  }

 private:
  static constexpr size_t kAlignment = 4096;
  void Drop() {
    if (data_) ::operator delete (data_, std::align_val_t{kAlignment});
    data_ = nullptr;
    size_ = 0;
  }
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

struct Arenas {
  Arena registers, shared, local;
};

size_t RoundUp(size_t value, size_t to) {
  return (value + to - 1) / to * to;
}

uint64_t SpecialValue(const Warp& warp, const Code::SpecialSlot& slot, int lane) {
  const Cluster& cluster = *warp.cluster;
  const Block& block = *warp.block;
  const LaunchConfig& launch = cluster.launch;
  const uint64_t thread = uint64_t{warp.index} * 32 + static_cast<uint64_t>(lane);
  const Dim3 &size = launch.block, &grid = launch.grid, &shape = launch.cluster;
  const uint64_t bit = uint64_t{1} << lane;
  switch (slot.special) {
    case Special::kTidX:
      return thread % size.x;
    case Special::kTidY:
      return thread / size.x % size.y;
    case Special::kTidZ:
      return thread / size.x / size.y;
    case Special::kNtidX:
      return size.x;
    case Special::kNtidY:
      return size.y;
    case Special::kNtidZ:
      return size.z;
    case Special::kCtaidX:
      return block.id.x;
    case Special::kCtaidY:
      return block.id.y;
    case Special::kCtaidZ:
      return block.id.z;
    case Special::kNctaidX:
      return grid.x;
    case Special::kNctaidY:
      return grid.y;
    case Special::kNctaidZ:
      return grid.z;
    case Special::kLaneid:
      return static_cast<uint64_t>(lane);
    case Special::kWarpid:
      return warp.index;
    case Special::kNwarpid:
      return block.warps;
    case Special::kClusteridX:
      return block.id.x / shape.x;
    case Special::kClusteridY:
      return block.id.y / shape.y;
    case Special::kClusteridZ:
      return block.id.z / shape.z;
    case Special::kNclusteridX:
      return grid.x / shape.x;
    case Special::kNclusteridY:
      return grid.y / shape.y;
    case Special::kNclusteridZ:
      return grid.z / shape.z;
    case Special::kClusterCtaidX:
      return block.id.x % shape.x;
    case Special::kClusterCtaidY:
      return block.id.y % shape.y;
    case Special::kClusterCtaidZ:
      return block.id.z % shape.z;
    case Special::kClusterNctaidX:
      return shape.x;
    case Special::kClusterNctaidY:
      return shape.y;
    case Special::kClusterNctaidZ:
      return shape.z;
    case Special::kClusterCtarank:
      return block.rank;
    case Special::kClusterNctarank:
      return shape.count();
    case Special::kLanemaskEq:
      return bit;
    case Special::kLanemaskLt:
      return bit - 1;
    case Special::kLanemaskLe:
      return bit | (bit - 1);
    case Special::kLanemaskGt:
      return ~(bit | (bit - 1)) & kAllLanes;
    case Special::kLanemaskGe:
      return ~(bit - 1) & kAllLanes;
    case Special::kDynamicSmemSize:
      return launch.dynamic_shared_bytes;
    case Special::kTotalSmemSize:
      return launch.dynamic_shared_bytes + cluster.code->info.static_shared_bytes;
    case Special::kSmid:
      return (block.id.x + uint64_t{grid.x} * (block.id.y + uint64_t{grid.y} * block.id.z)) %
             static_cast<uint64_t>(cluster.config->sm_count);
    case Special::kNsmid:
      return static_cast<uint64_t>(cluster.config->sm_count);
    case Special::kGridid:
      return 1;
    case Special::kSharedBase:
      return (uint64_t{block.rank} << 24) + slot.addend;
  }
  return 0;
}

void StartWarp(Warp& warp, const Code& code, std::byte* registers) {
  warp.bases[0] = registers;
  warp.bases[1] = code.constants;
  warp.ops = code.ops.data();
  const uint64_t threads = warp.cluster->launch.block.count(), first = uint64_t{warp.index} * 32;
  warp.live = threads - first >= 32 ? kAllLanes : (1u << (threads - first)) - 1;
  warp.active = warp.live;
  for (const auto& slot : code.specials) {
    for (int lane = 0; lane < 32; ++lane) {
      const uint64_t value = SpecialValue(warp, slot, lane);
      std::memcpy(registers + slot.ref + lane * slot.width, &value, static_cast<size_t>(slot.width));
    }
  }
}

std::string Position(const Dim3& at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

std::string Demangled(const std::string& name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 && text ? text : name;
  std::free(text);
  return result;
}

std::string Where(const Cluster& cluster, const Warp& warp, int lane) {
  const uint64_t thread = uint64_t{warp.index} * 32 + static_cast<uint64_t>(lane);
  const Dim3& size = cluster.launch.block;
  const Dim3 at{static_cast<uint32_t>(thread % size.x), static_cast<uint32_t>(thread / size.x % size.y),
                static_cast<uint32_t>(thread / size.x / size.y)};
  return "block " + Position(warp.block->id) + ", thread " + Position(at);
}

Fault Report(const Cluster& cluster, const Warp& running, const KernelFault& fault) {
  const Warp& warp = fault.warp ? *fault.warp : running;
  const Op& op = fault.op ? *fault.op : warp.ops[warp.pc];
  int lane = fault.lane;
  if (lane < 0) lane = warp.active ? __builtin_ctz(warp.active) : 0;
  return {fault.kind, fault.text + "\n  in " + Demangled(cluster.code->name) + ", " + Where(cluster, warp, lane) +
                          "\n  at line " + std::to_string(op.source->line) + " of the PTX: " + op.source->text};
}

Fault Deadlock(const Cluster& cluster) {
  std::string text = "every warp waits, and nothing can complete";
  size_t told = 0;
  for (const Warp& warp : cluster.warps) {
    if (warp.done()) continue;
    if (++told > 40) {
      text += "\n  ...";
      break;
    }
    text += "\n  " + Where(cluster, warp, warp.active ? __builtin_ctz(warp.active) : 0) + " (warp " +
            std::to_string(warp.index) + ") waits for " + warp.DescribeWait() + ", line " +
            std::to_string(warp.ops[warp.pc].source->line);
  }
  return {FaultKind::kDeadlock, text + "\n  in " + Demangled(cluster.code->name)};
}

// A polling loop without a barrier could run for ever.
constexpr uint64_t kPatience = 200'000'000;  // warp instructions without an event
constexpr int kExpiries = 64;                // time limits of try_wait that pass without an event

Fault RunCluster(Cluster& cluster) {
  std::vector<Warp*> live;
  for (Warp& warp : cluster.warps) live.push_back(&warp);
  uint64_t last_events = 0, quiet_since = 0, total = 0;
  int expiries = 0;
  Warp* running = nullptr;
  try {
    while (!live.empty()) {
      // A warp that isn't stalled since the last event.
      size_t candidates = 0;
      Warp* next = nullptr;
      size_t next_at = 0;
      for (size_t i = 0; i < live.size(); ++i) {
        if (live[i]->stalled_at != cluster.events && cluster.Random(++candidates) == 0) {
          next = live[i];
          next_at = i;
        }
      }
      if (!next) {
        if (cluster.events != last_events) {
          last_events = cluster.events;
          expiries = 0;
        }
        if (++expiries > kExpiries) return Deadlock(cluster);
        bool any = false;
        for (Warp* warp : live) {
          if (warp->wait.kind == Wait::kMbarrier) {
            warp->expired = true;
            warp->stalled_at = ~uint64_t{0};
            any = true;
          }
        }
        if (!any) return Deadlock(cluster);
        continue;
      }
      running = next;
      const uint64_t before = next->instructions;
      const bool got_on = next->Run(1 << cluster.Random(10));
      total += next->instructions - before;
      if (!got_on) {
        next->stalled_at = cluster.events;
      } else if (next->done()) {
        ++cluster.events;
        --next->block->live_warps;
        live.erase(live.begin() + static_cast<ptrdiff_t>(next_at));
        for (NamedBarrier& barrier : next->block->barriers) cluster.CheckNamedBarrier(*next->block, barrier);
        if (!live.empty()) cluster.CheckClusterBarrier();
      }
      if (cluster.events != quiet_since) {
        quiet_since = cluster.events;
        total = 0;
      } else if (total > kPatience) {
        return Deadlock(cluster);
      }
    }
    cluster.finished = true;
    cluster.CompleteAll();
    for (Warp& warp : cluster.warps) FinishWarp(warp);
  } catch (const KernelFault& fault) {
    return Report(cluster, *running, fault);
  }
  return {};
}

// Runs the cluster of this number, in the order of its blocks.
Fault RunOne(const Code& code, Memory& memory, const Config& config, const LaunchConfig& launch,
             std::span<const std::byte> parameters, uint64_t number, uint64_t seed, Arenas& arenas,
             Counters& counters) {
  Cluster cluster;
  cluster.code = &code;
  cluster.memory = &memory;
  cluster.config = &config;
  cluster.launch = launch;
  cluster.parameters = parameters.data();
  cluster.parameter_bytes = parameters.size();
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), static_cast<uint32_t>(number),
                         static_cast<uint32_t>(number >> 32)};
  cluster.random.seed(sequence);
  const auto blocks = static_cast<uint32_t>(launch.cluster.count());
  const auto warps = static_cast<uint32_t>((launch.block.count() + 31) / 32);
  cluster.shared_bytes = static_cast<uint32_t>(code.dynamic_shared_start + launch.dynamic_shared_bytes);
  const size_t shared_stride = RoundUp(cluster.shared_bytes, 4096);
  std::byte* shared = arenas.shared.Get(shared_stride * blocks);
  std::byte* registers = arenas.registers.Get(code.register_bytes * warps * blocks);
  std::byte* local = arenas.local.Get(code.local_bytes * 32 * warps * blocks);
  std::memset(shared, 0xFF, shared_stride * blocks);
  const uint64_t nx = launch.grid.x / launch.cluster.x, ny = launch.grid.y / launch.cluster.y;
  const uint64_t cx = number % nx, cy = number / nx % ny, cz = number / nx / ny;
  cluster.blocks.resize(blocks);
  cluster.warps.resize(static_cast<size_t>(blocks) * warps);
  for (uint32_t rank = 0; rank < blocks; ++rank) {
    Block& block = cluster.blocks[rank];
    block.rank = rank;
    block.id = {static_cast<uint32_t>(cx * launch.cluster.x + rank % launch.cluster.x),
                static_cast<uint32_t>(cy * launch.cluster.y + rank / launch.cluster.x % launch.cluster.y),
                static_cast<uint32_t>(cz * launch.cluster.z + rank / launch.cluster.x / launch.cluster.y)};
    block.shared = shared + rank * shared_stride;
    block.warps = block.live_warps = warps;
    block.groups.resize((warps + 3) / 4);
    if (config.strict) block.written.resize(cluster.shared_bytes);
    if (code.async_reads) block.generic_writes.resize(cluster.shared_bytes / 16 + 1);
    for (uint32_t w = 0; w < warps; ++w) {
      const size_t index = static_cast<size_t>(rank) * warps + w;
      Warp& warp = cluster.warps[index];
      warp.block = &block;
      warp.cluster = &cluster;
      warp.index = w;
      warp.local = local + index * code.local_bytes * 32;
      StartWarp(warp, code, registers + index * code.register_bytes);
    }
  }
  Fault fault = RunCluster(cluster);
  for (const Warp& warp : cluster.warps) {
    counters.warp_instructions += warp.instructions;
    counters.lane_instructions += warp.lanes;
  }
  counters.tensor_flops += cluster.counters.tensor_flops;
  counters.uninitialized_reads += cluster.uninitialized;
  return fault;
}

}  // namespace

Fault RunGrid(const Code& code, Memory& memory, const Config& config, const LaunchConfig& launch,
              std::span<const std::byte> parameters, uint64_t seed, int threads, Counters& counters) {
  const uint64_t clusters = launch.grid.count() / launch.cluster.count();
  std::atomic<uint64_t> next = 0;
  std::mutex mutex;
  Fault first;
  uint64_t first_at = ~uint64_t{0};
  std::atomic<bool> stop = false;
  const auto work = [&] {
    Arenas arenas;
    Counters own;
    for (uint64_t number; !stop && (number = next++) < clusters;) {
      Fault fault;
      try {
        fault = RunOne(code, memory, config, launch, parameters, number, seed, arenas, own);
      } catch (const std::bad_alloc&) {
        fault = {FaultKind::kInvalidLaunch, "no host memory for the registers of a cluster"};
      }
      if (!fault) continue;
      stop = true;
      std::lock_guard lock(mutex);
      if (number < first_at) {
        first_at = number;
        first = std::move(fault);
      }
    }
    std::lock_guard lock(mutex);
    counters.warp_instructions += own.warp_instructions;
    counters.lane_instructions += own.lane_instructions;
    counters.tensor_flops += own.tensor_flops;
    counters.uninitialized_reads += own.uninitialized_reads;
  };
  std::vector<std::thread> helpers;
  const auto wanted = static_cast<uint64_t>(std::max(threads, 1));
  for (uint64_t i = 1; i < std::min(wanted, clusters); ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  return first;
}

}  // namespace emulator
