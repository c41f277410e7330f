#pragma once

// What runs: warps of blocks of a cluster.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "code.h"
#include "device.h"
#include "memory.h"

namespace emulator {

struct Warp;
struct Block;
struct Cluster;

// Ends a launch. `lane` is the thread concerned, or −1 for the first of the instruction.
struct KernelFault {
  FaultKind kind;
  std::string text;
  int lane = -1;
  // Of the instruction that began what was found wrong later; null where it is the running one.
  const Warp* warp = nullptr;
  const Op* op = nullptr;
};

struct NamedBarrier {
  uint32_t arrived = 0, expected = 0;  // threads; expected 0 when nobody is there
  uint64_t phase = 0;
  // Of a reduction: true predicates and threads, in progress and of the phase before.
  uint32_t count = 0, threads = 0, result = 0, result_threads = 0;
};

struct WgmmaFlight;
struct HeldAccumulators;

// A write to 16 bytes of shared memory through the generic proxy. The async proxy (matrix products, bulk copies out)
// may not see it before a fence.proxy.async: by the writing warp, or by one that has synchronised with it since.
struct GenericWrite {
  uint64_t time = 0;  // 0: none, or fenced
  uint32_t warp = 0;  // in the cluster
};

// What the four warps of a warpgroup have in common: matrix products in flight.
struct WarpGroup {
  std::deque<std::shared_ptr<WgmmaFlight>> flights;  // in order of issue
  uint64_t first = 0;                                // number of flights[0]
};

struct Block {
  uint32_t rank = 0;
  Dim3 id{0, 0, 0};
  std::byte* shared = nullptr;
  NamedBarrier barriers[16];
  uint32_t warps = 0, live_warps = 0;
  std::vector<WarpGroup> groups;
  std::vector<bool> written;                 // bytes of shared memory; empty unless strict
  std::vector<GenericWrite> generic_writes;  // a piece of 16 bytes; empty when the kernel has no use of the async proxy
};

// Something asynchronous that completes late: when somebody waits for its barrier, or at the end.
struct Deferred {
  uint32_t barrier = 0;  // cluster address of the mbarrier that it signals
  std::function<void()> complete;
};

struct CopyLane {
  const Op* op = nullptr;
  uint64_t source = 0;  // global
  uint32_t target = 0;  // shared
  uint8_t bytes = 0, source_bytes = 0;
  uint64_t group = 0, number = 0;
};

// A bulk copy out of shared memory: the source is read at the wait for reading, and memory is written at the other.
struct BulkStore {
  int lane = 0;
  uint64_t group = 0;
  bool read = false;
  std::function<void()> do_read, do_write;
};

// What a lane group waits for, for reports.
struct Wait {
  enum Kind : uint8_t { kNothing, kNamedBarrier, kClusterBarrier, kMbarrier, kLanes, kWarpGroup } kind = kNothing;
  uint64_t a = 0, b = 0;
};

struct Warp {
  // --- hot
  std::byte* bases[2] = {};  // registers, constants
  const Op* ops = nullptr;
  int32_t pc = 0, limit = INT32_MAX;
  uint32_t active = 0;  // lanes that run now
  uint32_t live = 0;    // lanes that haven't left
  uint32_t carry = 0;   // a bit a lane: what .cc leaves for addc, subc and madc

  struct LaneGroup {
    int32_t pc;
    uint32_t mask;
    bool blocked;
  };
  std::vector<LaneGroup> others;

  Block* block = nullptr;
  Cluster* cluster = nullptr;
  uint32_t index = 0;  // in the block
  std::byte* local = nullptr;
  Memory::Block* last_block = nullptr;  // of device memory
  Wait wait;
  uint64_t instructions = 0, lanes = 0;
  uint64_t stalled_at = ~uint64_t{0};
  bool expired = false;  // the time limit of a try_wait

  // --- proxies
  struct Unfenced {
    uint32_t rank, piece;
    uint64_t time;
  };
  std::deque<Unfenced> unfenced;  // in order of time
  uint64_t synchronised = 0;      // time of the last barrier passed

  // --- barriers
  int barrier = -1;  // named barrier that the warp has arrived at and waits for
  uint64_t barrier_phase = 0;
  bool cluster_arrived = false, cluster_waiting = false;
  uint64_t cluster_phase = 0;

  // --- asynchronous copies
  std::vector<CopyLane> copies[32];
  uint64_t copy_group[32] = {}, copy_number[32] = {};
  std::vector<BulkStore> bulk;
  uint64_t bulk_group[32] = {};
  uint64_t wgmma_issued = 0;
  std::vector<uint64_t> wgmma_groups;  // number issued at each commit
  std::vector<std::shared_ptr<HeldAccumulators>> held;

  template <typename T>
  const T* In(Ref ref) const {
    return reinterpret_cast<const T*>(bases[ref >> 31] + (ref & ~kConstantBit));
  }
  template <typename T>
  T* Out(Ref ref) const {
    return reinterpret_cast<T*>(bases[0] + ref);
  }
  uint32_t PredicateOf(Ref ref) const { return *In<uint32_t>(ref); }

  // Runs at most `budget` instructions. False when not even one could be done.
  bool Run(int budget);
  bool done() const { return live == 0; }
  // Lanes leave.
  Next Exit(uint32_t mask);
  void Branch(uint32_t taken, int32_t target);
  std::string DescribeWait() const;

 private:
  void Reconverge();
  bool SwitchGroup(uint32_t stalled);
  void SetLimit();
};

struct Cluster {
  const Code* code = nullptr;
  Memory* memory = nullptr;
  const Config* config = nullptr;
  LaunchConfig launch;
  const std::byte* parameters = nullptr;
  size_t parameter_bytes = 0;
  std::vector<Block> blocks;
  std::vector<Warp> warps;
  std::mt19937_64 random;
  std::vector<Deferred> deferred;
  uint64_t events = 0;  // arrivals and completions: what a stalled warp may wait for
  uint64_t cluster_phase = 0;
  uint64_t time = 1;          // of generic writes, barriers and fences
  bool finished = false;      // all warps have left; what is in flight still completes
  uint32_t shared_bytes = 0;  // end of a block's shared memory, from address 0
  Counters counters;
  uint64_t uninitialized = 0;

  uint64_t Random(uint64_t below) { return random() % below; }
  // Whether an asynchronous operation completes at once.
  bool Early() { return (random() & 3) == 0; }
  // Completes one deferred operation that signals the barrier, of several a random one. False when there is none.
  bool CompleteOne(uint32_t barrier);
  void CompleteAll();
  void CheckClusterBarrier();
  void CheckNamedBarrier(Block& block, NamedBarrier& barrier);

  // --- proxies; `address` is a cluster address
  void NoteGenericWrite(Warp& warp, uint64_t address, size_t bytes);
  void NoteAsyncWrite(uint64_t address, size_t bytes);
  void CheckAsyncRead(uint64_t address, size_t bytes, int lane) const;
  void FenceProxies(Warp& warp);

  // --- shared memory that was written, in strict mode
  void MarkShared(uint64_t address, size_t bytes);
  void CheckSharedRead(uint64_t address, size_t bytes, int lane);

  // --- memory; both check and throw
  std::byte* Shared(uint64_t address, size_t bytes, size_t alignment, int lane);
  // The block's memory as bytes.
  std::span<std::byte> SharedOf(uint32_t rank);
  std::byte* Global(Warp& warp, uint64_t address, size_t bytes, size_t alignment, bool write, int lane);
};

// --- mbarriers, by their cluster address
void MbarrierCompleteTransactions(Cluster& cluster, uint32_t address, uint32_t bytes);
void MbarrierArrive(Cluster& cluster, uint32_t address, uint32_t count, int lane);
void MbarrierExpectArrivals(Cluster& cluster, uint32_t address, uint32_t count, int lane);

// Completes the copies that a warp still has in flight.
void FinishWarp(Warp& warp);

// Where the lanes of a memory instruction point, checked.
void ResolveAddresses(Warp& warp, const Op& op, uint32_t mask, ptx::Space space, size_t bytes, size_t alignment,
                      bool write, std::byte** pointers);

std::string Hex(uint64_t value);

}  // namespace emulator
