// Barriers of blocks and clusters, mbarriers, and fences.

#include <cstring>

#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

[[noreturn]] void Illegal(const std::string& text, int lane = -1) {
  throw KernelFault{FaultKind::kIllegalInstruction, text, lane};
}

// --- barriers of a block
// Barriers count warps, so the lanes of one arrive together.
bool WholeWarp(Warp& warp) {
  if (warp.active == warp.live) return true;
  warp.wait = {Wait::kLanes, warp.live & ~warp.active, 0};
  return false;
}

constexpr uint32_t kAllThreads = ~0u;

NamedBarrier& Arrive(Warp& warp, const Op& op, uint32_t mask, uint32_t* number) {
  const int lane = __builtin_ctz(mask);
  *number = warp.In<uint32_t>(op.a)[lane];
  const uint32_t threads = op.b == kNoRef ? kAllThreads : warp.In<uint32_t>(op.b)[lane];
  if (*number > 15) Illegal("barrier " + std::to_string(*number) + ": there are 0 to 15");
  if (threads != kAllThreads && (threads == 0 || threads % 32)) {
    Illegal("a barrier of " + std::to_string(threads) + " threads: must be a multiple of 32");
  }
  NamedBarrier& barrier = warp.block->barriers[*number];
  if (barrier.arrived == 0) {
    barrier.expected = threads;
  } else if (barrier.expected != threads) {
    Illegal("barrier " + std::to_string(*number) + " for " + std::to_string(threads) +
            " threads, while others wait there for " + std::to_string(barrier.expected));
  }
  barrier.arrived += 32;
  ++warp.cluster->events;
  return barrier;
}

Next SyncBlock(Warp& warp, const Op& op, uint32_t mask) {
  if (warp.barrier < 0) {
    if (!WholeWarp(warp)) return Next::kStay;
    uint32_t number;
    NamedBarrier& barrier = Arrive(warp, op, mask, &number);
    if (op.flags) {
      const uint32_t predicate = op.width ? ~warp.PredicateOf(op.c) : warp.PredicateOf(op.c);
      barrier.count += static_cast<uint32_t>(__builtin_popcount(predicate & mask));
      barrier.threads += static_cast<uint32_t>(__builtin_popcount(mask));
    }
    warp.barrier = static_cast<int>(number);
    warp.barrier_phase = barrier.phase;
    warp.cluster->CheckNamedBarrier(*warp.block, barrier);
  }
  NamedBarrier& barrier = warp.block->barriers[warp.barrier];
  if (barrier.phase == warp.barrier_phase) {
    warp.wait = {Wait::kNamedBarrier, static_cast<uint64_t>(warp.barrier), 0};
    return Next::kStay;
  }
  if (op.flags == 1) {
    uint32_t values[32];
    for (uint32_t& value : values) value = barrier.result;
    Blend(warp.Out<uint32_t>(op.d), values, mask);
  } else if (op.flags) {
    const bool result = op.flags == 2 ? barrier.result == barrier.result_threads : barrier.result != 0;
    SetPredicate(warp, op.d, result ? kAllLanes : 0, mask);
  }
  warp.barrier = -1;
  warp.synchronised = ++warp.cluster->time;
  return Next::kNext;
}

Next ArriveAtBlock(Warp& warp, const Op& op, uint32_t mask) {
  if (!WholeWarp(warp)) return Next::kStay;
  uint32_t number;
  NamedBarrier& barrier = Arrive(warp, op, mask, &number);
  warp.cluster->CheckNamedBarrier(*warp.block, barrier);
  return Next::kNext;
}

// --- barriers of a cluster
Next ArriveAtCluster(Warp& warp, const Op&, uint32_t) {
  if (!WholeWarp(warp)) return Next::kStay;
  if (warp.cluster_arrived) Illegal("barrier.cluster.arrive twice without a wait between");
  warp.cluster_arrived = true;
  warp.cluster_waiting = true;
  warp.cluster_phase = warp.cluster->cluster_phase;
  ++warp.cluster->events;
  warp.cluster->CheckClusterBarrier();
  return Next::kNext;
}

Next WaitAtCluster(Warp& warp, const Op&, uint32_t) {
  if (!WholeWarp(warp)) return Next::kStay;
  if (!warp.cluster_waiting) Illegal("barrier.cluster.wait without an arrive before");
  if (warp.cluster->cluster_phase == warp.cluster_phase) {
    warp.wait = {Wait::kClusterBarrier, 0, 0};
    return Next::kStay;
  }
  warp.cluster_waiting = false;
  warp.synchronised = ++warp.cluster->time;
  return Next::kNext;
}

// --- mbarriers: 64 bits in shared memory
struct Mbarrier {
  uint32_t pending = 0, expected = 0;  // arrivals of this phase to come, and of each phase
  int32_t transactions = 0;            // bytes expected and not yet complete; negative when they came first
  bool phase = false;                  // parity of the current phase
};
constexpr uint64_t kTag = 2;  // bits 62–63; neither zeros nor all ones are a barrier
constexpr uint32_t kMaxCount = (1u << 20) - 1;

Mbarrier ReadMbarrier(const std::byte* at, uint64_t address, int lane) {
  uint64_t bits;
  std::memcpy(&bits, at, 8);
  if (bits >> 62 != kTag) Illegal("mbarrier " + Hex(address) + " was not initialised, or is overwritten", lane);
  Mbarrier barrier;
  barrier.pending = bits & kMaxCount;
  barrier.expected = bits >> 20 & kMaxCount;
  barrier.transactions = static_cast<int32_t>(bits >> 40 << 11) >> 11;
  barrier.phase = bits >> 61 & 1;
  return barrier;
}

uint64_t Bits(const Mbarrier& barrier) {
  return barrier.pending | uint64_t{barrier.expected} << 20 |
         (static_cast<uint64_t>(static_cast<uint32_t>(barrier.transactions)) & 0x1FFFFF) << 40 |
         uint64_t{barrier.phase} << 61 | kTag << 62;
}

void WriteMbarrier(std::byte* at, Mbarrier barrier) {
  if (barrier.pending == 0 && barrier.transactions == 0) {
    barrier.phase = !barrier.phase;
    barrier.pending = barrier.expected;
  }
  const uint64_t bits = Bits(barrier);
  std::memcpy(at, &bits, 8);
}

void Transact(Mbarrier& barrier, int64_t bytes, uint64_t address, int lane) {
  const int64_t sum = barrier.transactions + bytes;
  if (sum > kMaxCount || sum < -static_cast<int64_t>(kMaxCount)) {
    Illegal("the transaction count of mbarrier " + Hex(address) + " becomes " + std::to_string(sum), lane);
  }
  barrier.transactions = static_cast<int32_t>(sum);
}

void Count(Mbarrier& barrier, uint32_t count, uint64_t address, int lane) {
  if (count > barrier.pending) {
    Illegal("mbarrier " + Hex(address) + " expects " + std::to_string(barrier.pending) + " more arrivals of " +
                std::to_string(barrier.expected) + ", and there are " + std::to_string(count),
            lane);
  }
  barrier.pending -= count;
}

// The cluster address that a lane gives; imm and width as of any address, flags 1 for a generic one.
uint32_t MbarrierAddress(const Warp& warp, const Op& op, int lane) {
  if (op.width == 4) return warp.In<uint32_t>(op.a)[lane] + static_cast<uint32_t>(op.imm);
  uint64_t address = warp.In<uint64_t>(op.a)[lane] + op.imm;
  if (op.flags & 1) address -= warp.cluster->memory->base() + kSharedWindow;
  if (address >= kWindowBytes) {
    throw KernelFault{FaultKind::kInvalidAddress, "an mbarrier outside of shared memory", lane};
  }
  return static_cast<uint32_t>(address);
}

template <typename F>
void Change(Warp& warp, const Op& op, uint32_t mask, F&& change) {
  ForLanes(mask, [&](int lane) {
    const uint32_t address = MbarrierAddress(warp, op, lane);
    std::byte* at = warp.cluster->Shared(address, 8, 8, lane);
    Mbarrier barrier = ReadMbarrier(at, address, lane);
    if (op.d != kNoRef) warp.Out<uint64_t>(op.d)[lane] = Bits(barrier);
    change(barrier, lane, address);
    WriteMbarrier(at, barrier);
  });
  ++warp.cluster->events;
}

Next Initialise(Warp& warp, const Op& op, uint32_t mask) {
  ForLanes(mask, [&](int lane) {
    const uint32_t count = warp.In<uint32_t>(op.b)[lane];
    if (count == 0 || count > kMaxCount) Illegal("an mbarrier of " + std::to_string(count) + " arrivals", lane);
    const uint64_t bits = Bits({count, count, 0, false});
    const uint32_t address = MbarrierAddress(warp, op, lane);
    std::memcpy(warp.cluster->Shared(address, 8, 8, lane), &bits, 8);
    warp.cluster->MarkShared(address, 8);
  });
  return Next::kNext;
}

Next Invalidate(Warp& warp, const Op& op, uint32_t mask) {
  ForLanes(mask,
           [&](int lane) { std::memset(warp.cluster->Shared(MbarrierAddress(warp, op, lane), 8, 8, lane), 0, 8); });
  return Next::kNext;
}

uint32_t CountOf(const Warp& warp, Ref ref, int lane) {
  return ref == kNoRef ? 1 : warp.In<uint32_t>(ref)[lane];
}

// flags 2: the expected count falls for good.
Next ArriveAtMbarrier(Warp& warp, const Op& op, uint32_t mask) {
  Change(warp, op, mask, [&](Mbarrier& barrier, int lane, uint32_t address) {
    const uint32_t count = CountOf(warp, op.b, lane);
    Count(barrier, count, address, lane);
    if (op.flags & 2) barrier.expected -= count;
  });
  return Next::kNext;
}

Next ExpectAndArrive(Warp& warp, const Op& op, uint32_t mask) {
  Change(warp, op, mask, [&](Mbarrier& barrier, int lane, uint32_t address) {
    Transact(barrier, warp.In<uint32_t>(op.b)[lane], address, lane);
    Count(barrier, 1, address, lane);
    if (op.flags & 2) --barrier.expected;
  });
  return Next::kNext;
}

// flags 4: complete_tx
Next Expect(Warp& warp, const Op& op, uint32_t mask) {
  Change(warp, op, mask, [&](Mbarrier& barrier, int lane, uint32_t address) {
    const int64_t bytes = warp.In<uint32_t>(op.b)[lane];
    Transact(barrier, op.flags & 4 ? -bytes : bytes, address, lane);
  });
  return Next::kNext;
}

// d = whether the phase is over. flags 8: by parity (b), otherwise by the state that an arrival gave.
Next TryWait(Warp& warp, const Op& op, uint32_t mask) {
  Cluster& cluster = *warp.cluster;
  uint32_t over = 0;
  const auto look = [&](int lane) {
    const uint32_t address = MbarrierAddress(warp, op, lane);
    const bool phase = ReadMbarrier(cluster.Shared(address, 8, 8, lane), address, lane).phase;
    const bool parity = op.flags & 8 ? warp.In<uint32_t>(op.b)[lane] & 1 : warp.In<uint64_t>(op.b)[lane] >> 61 & 1;
    if (phase != parity) over |= 1u << lane;
    return phase != parity;
  };
  ForLanes(mask, [&](int lane) {
    while (!look(lane) && cluster.CompleteOne(MbarrierAddress(warp, op, lane))) {
    }
  });
  if (over == 0 && !warp.expired) {
    const int lane = __builtin_ctz(mask);
    warp.wait = {Wait::kMbarrier, MbarrierAddress(warp, op, lane),
                 op.flags & 8 ? warp.In<uint32_t>(op.b)[lane] & 1 : warp.In<uint64_t>(op.b)[lane] >> 61 & 1};
    return Next::kStay;
  }
  warp.expired = false;
  if (over) warp.synchronised = ++cluster.time;
  SetPredicate(warp, op.d, over, mask);
  return Next::kNext;
}

Next PendingCount(Warp& warp, const Op& op, uint32_t mask) {
  const uint64_t* a = warp.In<uint64_t>(op.a);
  uint32_t values[32];
  for (int i = 0; i < 32; ++i) values[i] = a[i] & kMaxCount;
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

void DecodeMbarrier(Decoder& decoder, Op& op) {
  const std::string operation = decoder.instruction().parts.size() > 1 ? decoder.instruction().parts[1] : "";
  decoder.Take(operation);
  for (const auto word : {"release", "acquire", "relaxed", "cta", "cluster", "noComplete", "b64"}) decoder.Take(word);
  const bool generic = decoder.TakeOneOf({"shared", "shared::cta", "shared::cluster"}).empty();
  if (operation == "pending_count") {
    op.d = decoder.Target(0, 4);
    op.a = decoder.Source(1, Type::kB64);
    op.run = PendingCount;
    return;
  }
  size_t at = 0;
  const bool arrives = operation == "arrive" || operation == "arrive_drop";
  const bool waits = operation == "try_wait" || operation == "test_wait";
  if (arrives && decoder.operand(0).kind != Operand::Kind::kAddress) op.d = decoder.Target(at++, 8);
  if (waits) op.d = decoder.Predicate(decoder.operand(at++));
  decoder.Address(decoder.operand(at++), op);
  op.flags = generic ? 1 : 0;
  if (operation == "init") {
    op.b = decoder.Source(at, Type::kU32);
    op.run = Initialise;
  } else if (operation == "inval") {
    op.run = Invalidate;
  } else if (arrives) {
    const bool expect = decoder.Take("expect_tx");
    if (operation == "arrive_drop") op.flags |= 2;
    if (at < decoder.operand_count()) op.b = decoder.Source(at, Type::kU32);
    if (expect && op.b == kNoRef) decoder.Fail("the transaction count is missing");
    op.run = expect ? ExpectAndArrive : ArriveAtMbarrier;
  } else if (operation == "expect_tx" || operation == "complete_tx") {
    op.b = decoder.Source(at, Type::kU32);
    if (operation == "complete_tx") op.flags |= 4;
    op.run = Expect;
  } else if (waits) {
    const bool parity = decoder.Take("parity");
    if (parity) op.flags |= 8;
    op.b = decoder.Source(at, parity ? Type::kU32 : Type::kB64);
    op.run = TryWait;
  }
}

Next Fence(Warp&, const Op&, uint32_t) {
  return Next::kNext;
}

Next FenceProxies(Warp& warp, const Op&, uint32_t) {
  if (warp.cluster->code->async_reads) warp.cluster->FenceProxies(warp);
  return Next::kNext;
}

}  // namespace

void MbarrierCompleteTransactions(Cluster& cluster, uint32_t address, uint32_t bytes) {
  std::byte* at = cluster.Shared(address, 8, 8, -1);
  Mbarrier barrier = ReadMbarrier(at, address, -1);
  Transact(barrier, -static_cast<int64_t>(bytes), address, -1);
  WriteMbarrier(at, barrier);
  ++cluster.events;
}

void MbarrierArrive(Cluster& cluster, uint32_t address, uint32_t count, int lane) {
  std::byte* at = cluster.Shared(address, 8, 8, lane);
  Mbarrier barrier = ReadMbarrier(at, address, lane);
  Count(barrier, count, address, lane);
  WriteMbarrier(at, barrier);
  ++cluster.events;
}

void MbarrierExpectArrivals(Cluster& cluster, uint32_t address, uint32_t count, int lane) {
  std::byte* at = cluster.Shared(address, 8, 8, lane);
  Mbarrier barrier = ReadMbarrier(at, address, lane);
  if (barrier.pending + count > kMaxCount) Illegal("too many arrivals at mbarrier " + Hex(address), lane);
  barrier.pending += count;
  WriteMbarrier(at, barrier);
}

void Cluster::CheckNamedBarrier(Block& block, NamedBarrier& barrier) {
  if (barrier.arrived == 0) return;
  const uint32_t expected = barrier.expected == kAllThreads ? block.live_warps * 32 : barrier.expected;
  if (barrier.arrived < expected) return;
  if (barrier.arrived > expected) {
    Illegal(std::to_string(barrier.arrived) + " threads at a barrier for " + std::to_string(expected));
  }
  ++barrier.phase;
  barrier.arrived = 0;
  barrier.result = barrier.count;
  barrier.result_threads = barrier.threads;
  barrier.count = barrier.threads = 0;
}

void Cluster::CheckClusterBarrier() {
  for (const Warp& warp : warps) {
    if (!warp.done() && !warp.cluster_arrived) return;
  }
  ++cluster_phase;
  for (Warp& warp : warps) warp.cluster_arrived = false;
}

bool DecodeBarrier(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name == "barrier" && decoder.Take("cluster")) {
    decoder.TakeOneOf({"release", "acquire", "relaxed"});
    decoder.Take("aligned");
    op.run = decoder.Take("arrive") ? ArriveAtCluster : decoder.Take("wait") ? WaitAtCluster : nullptr;
  } else if (name == "bar" || name == "barrier") {
    decoder.Take("cta");
    decoder.Take("aligned");
    if (decoder.Take("red")) {
      const auto operation = decoder.TakeOneOf({"popc", "and", "or"});
      decoder.TakeType();
      op.flags = operation == "popc" ? 1 : operation == "and" ? 2 : 3;
      op.d = op.flags == 1 ? decoder.Target(0, 4) : decoder.Predicate(decoder.operand(0));
      op.a = decoder.Source(1, Type::kU32);
      if (decoder.operand_count() > 3) op.b = decoder.Source(2, Type::kU32);
      const Operand& predicate = decoder.operand(decoder.operand_count() - 1);
      op.c = decoder.Predicate(predicate);
      op.width = predicate.negated;
      op.run = SyncBlock;
      return true;
    }
    const bool arrive = decoder.Take("arrive");
    if (!arrive) decoder.Take("sync");
    op.a = decoder.Source(0, Type::kU32);
    if (decoder.operand_count() > 1) op.b = decoder.Source(1, Type::kU32);
    if (arrive && op.b == kNoRef) decoder.Fail("the thread count is missing");
    op.run = arrive ? ArriveAtBlock : SyncBlock;
  } else if (name == "mbarrier") {
    DecodeMbarrier(decoder, op);
  } else if (name == "fence" || name == "membar") {
    op.run = decoder.Has("proxy") && decoder.Has("async") ? FenceProxies : Fence;
    decoder.TakeAll();
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
