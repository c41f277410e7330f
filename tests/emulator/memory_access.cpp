// Loads, stores, atomics and conversions of addresses.

#include <algorithm>
#include <atomic>
#include <cstring>

#include "conversions.h"
#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Space;
using ptx::Type;

void Addresses(const Warp& warp, const Op& op, uint64_t (&addresses)[32]) {
  if (op.width == 4) {
    const auto* base = warp.In<uint32_t>(op.a);
    const auto offset = static_cast<uint32_t>(op.imm);
    for (int i = 0; i < 32; ++i) addresses[i] = base[i] + offset;
  } else {
    const auto* base = warp.In<uint64_t>(op.a);
    for (int i = 0; i < 32; ++i) addresses[i] = base[i] + op.imm;
  }
}

[[noreturn]] void Misaligned(uint64_t address, size_t bytes, size_t alignment, const char* where, int lane) {
  throw KernelFault{FaultKind::kMisalignedAddress,
                    std::string(where) + " address " + Hex(address) + " of an access of " + std::to_string(bytes) +
                        " bytes is not a multiple of " + std::to_string(alignment),
                    lane};
}

bool Inside(const Memory::Block* block, uint64_t address, size_t bytes) {
  if (!block) return false;
  const uint64_t offset = address - block->allocation.address;
  return offset <= block->allocation.size && bytes <= block->allocation.size - offset;
}

std::byte* Local(Warp& warp, uint64_t offset, size_t bytes, int lane) {
  const size_t size = warp.cluster->code->local_bytes;
  if (offset > size || bytes > size - offset) {
    throw KernelFault{FaultKind::kInvalidAddress,
                      "local address " + Hex(offset) + ": a thread has " + std::to_string(size) + " bytes", lane};
  }
  return warp.local + static_cast<size_t>(lane) * size + offset;
}

std::byte* Parameter(Warp& warp, uint64_t offset, size_t bytes, bool write, int lane) {
  const Cluster& cluster = *warp.cluster;
  if (write || offset > cluster.parameter_bytes || bytes > cluster.parameter_bytes - offset) {
    throw KernelFault{FaultKind::kInvalidAddress,
                      std::string(write ? "a write to" : "a read of") + " parameter offset " + Hex(offset) +
                          ": there are " + std::to_string(cluster.parameter_bytes) + " bytes, to be read",
                      lane};
  }
  return const_cast<std::byte*>(cluster.parameters) + offset;
}

}  // namespace

std::byte* Cluster::Shared(uint64_t address, size_t bytes, size_t alignment, int lane) {
  const uint64_t rank = address >> 24, offset = address & 0xFFFFFF;
  if (rank >= blocks.size() || offset < kSharedStart || offset + bytes > shared_bytes) {
    throw KernelFault{
        FaultKind::kInvalidAddress,
        "shared address " + Hex(address) + " of an access of " + std::to_string(bytes) + " bytes: " +
            (rank >= blocks.size() ? "the cluster has " + std::to_string(blocks.size()) + " blocks"
                                   : "a block has addresses " + Hex(kSharedStart) + " to " + Hex(shared_bytes)),
        lane};
  }
  if (address & (alignment - 1)) Misaligned(address, bytes, alignment, "shared", lane);
  if (blocks[rank].live_warps == 0 && !finished) {
    throw KernelFault{FaultKind::kInvalidAddress,
                      "shared address " + Hex(address) + ": block " + std::to_string(rank) +
                          " of the cluster has ended, and its memory with it",
                      lane};
  }
  return blocks[rank].shared + offset;
}

std::span<std::byte> Cluster::SharedOf(uint32_t rank) {
  return {blocks[rank].shared, shared_bytes};
}

void Cluster::MarkShared(uint64_t address, size_t bytes) {
  auto& written = blocks[address >> 24].written;
  if (written.empty()) return;
  const auto first = written.begin() + static_cast<ptrdiff_t>(address & 0xFFFFFF);
  std::fill(first, first + static_cast<ptrdiff_t>(bytes), true);
}

void Cluster::CheckSharedRead(uint64_t address, size_t bytes, int lane) {
  const auto& written = blocks[address >> 24].written;
  if (written.empty()) return;
  const auto first = written.begin() + static_cast<ptrdiff_t>(address & 0xFFFFFF);
  if (const auto unwritten = std::count(first, first + static_cast<ptrdiff_t>(bytes), false)) {
    throw KernelFault{FaultKind::kUninitialized,
                      "a read of never-written shared memory: " + std::to_string(unwritten) + " of " +
                          std::to_string(bytes) + " bytes at " + Hex(address),
                      lane};
  }
}

void Cluster::NoteGenericWrite(Warp& warp, uint64_t address, size_t bytes) {
  MarkShared(address, bytes);
  const auto rank = static_cast<uint32_t>(address >> 24);
  auto& writes = blocks[rank].generic_writes;
  if (writes.empty()) return;
  const uint32_t offset = address & 0xFFFFFF;
  for (uint32_t piece = offset / 16; piece <= (offset + bytes - 1) / 16; ++piece) {
    writes[piece] = {time, static_cast<uint32_t>(&warp - warps.data())};
    if (!warp.unfenced.empty() && warp.unfenced.back().piece == piece && warp.unfenced.back().rank == rank) {
      warp.unfenced.back().time = time;
    } else {
      warp.unfenced.push_back({rank, piece, time});
    }
  }
}

void Cluster::NoteAsyncWrite(uint64_t address, size_t bytes) {
  MarkShared(address, bytes);
  auto& writes = blocks[address >> 24].generic_writes;
  if (writes.empty() || bytes == 0) return;
  const uint32_t offset = address & 0xFFFFFF;
  std::fill(writes.begin() + offset / 16, writes.begin() + static_cast<ptrdiff_t>((offset + bytes - 1) / 16 + 1),
            GenericWrite{});
}

void Cluster::CheckAsyncRead(uint64_t address, size_t bytes, int lane) const {
  const auto& writes = blocks[address >> 24].generic_writes;
  if (writes.empty() || bytes == 0) return;
  const uint32_t offset = address & 0xFFFFFF;
  for (size_t piece = offset / 16; piece <= (offset + bytes - 1) / 16 && piece < writes.size(); ++piece) {
    if (writes[piece].time == 0) continue;
    const Warp& writer = warps[writes[piece].warp];
    throw KernelFault{FaultKind::kIllegalInstruction,
                      "the async proxy reads shared memory at " + Hex((address & ~uint64_t{0xFFFFFF}) + piece * 16) +
                          ", which warp " + std::to_string(writer.index) + " of block " +
                          std::to_string(writer.block->rank) +
                          " of the cluster wrote, with no fence.proxy.async between",
                      lane};
  }
}

void Cluster::FenceProxies(Warp& warp) {
  ++time;
  for (Warp& writer : warps) {
    const uint64_t until = &writer == &warp ? time : warp.synchronised;
    while (!writer.unfenced.empty() && writer.unfenced.front().time < until) {
      const Warp::Unfenced& write = writer.unfenced.front();
      GenericWrite& mark = blocks[write.rank].generic_writes[write.piece];
      if (mark.time <= write.time) mark = {};
      writer.unfenced.pop_front();
    }
  }
}

std::byte* Cluster::Global(Warp& warp, uint64_t address, size_t bytes, size_t alignment, bool write, int lane) {
  Memory::Block* block = warp.last_block;
  if (!Inside(block, address, bytes)) {
    block = memory->Whole(address, bytes);
    if (!block) {
      throw KernelFault{FaultKind::kInvalidAddress,
                        std::string(write ? "a write of " : "a read of ") + std::to_string(bytes) + " bytes at " +
                            Hex(address) + ": " + memory->Describe(address),
                        lane};
    }
    warp.last_block = block;
  }
  if (address & (alignment - 1)) Misaligned(address, bytes, alignment, "global", lane);
  if (!block->written.load(std::memory_order_relaxed)) {
    if (write) {
      memory->MarkWritten(*block, address, bytes);
    } else if (const size_t unwritten = memory->CountUnwritten(*block, address, bytes)) {
      uninitialized += unwritten;
      if (config->strict) {
        throw KernelFault{FaultKind::kUninitialized,
                          "a read of never-written memory: " + std::to_string(unwritten) + " of " +
                              std::to_string(bytes) + " bytes at " + Hex(address) + ", " + memory->Describe(address),
                          lane};
      }
    }
  }
  return memory->Host(address);
}

void ResolveAddresses(Warp& warp, const Op& op, uint32_t mask, Space space, size_t bytes, size_t alignment, bool write,
                      std::byte** pointers) {
  uint64_t addresses[32];
  Addresses(warp, op, addresses);
  Cluster& cluster = *warp.cluster;
  const bool strict = cluster.config->strict, noted = write && (cluster.code->async_reads || strict);
  switch (space) {
    case Space::kShared: {
      // All lanes in the own block: nothing more to check.
      const uint64_t first = uint64_t{warp.block->rank} << 24 | kSharedStart;
      const uint64_t room = cluster.shared_bytes - kSharedStart;
      uint64_t last = 0, bits = 0;
      for (int i = 0; i < 32; ++i) {
        const uint64_t offset = addresses[i] - first;
        last = offset > last ? offset : last;
        bits |= addresses[i];
      }
      if (mask == kAllLanes && last < room && room - last >= bytes && !(bits & (alignment - 1))) {
        std::byte* base = warp.block->shared + kSharedStart;
        for (int i = 0; i < 32; ++i) pointers[i] = base + (addresses[i] - first);
      } else {
        ForLanes(mask, [&](int i) { pointers[i] = cluster.Shared(addresses[i], bytes, alignment, i); });
      }
      if (noted) ForLanes(mask, [&](int i) { cluster.NoteGenericWrite(warp, addresses[i], bytes); });
      if (strict && !write) ForLanes(mask, [&](int i) { cluster.CheckSharedRead(addresses[i], bytes, i); });
      return;
    }
    case Space::kLocal:
      ForLanes(mask, [&](int i) {
        if (addresses[i] & (alignment - 1)) Misaligned(addresses[i], bytes, alignment, "local", i);
        pointers[i] = Local(warp, addresses[i], bytes, i);
      });
      return;
    case Space::kParam:
      ForLanes(mask, [&](int i) { pointers[i] = Parameter(warp, addresses[i], bytes, write, i); });
      return;
    case Space::kGlobal:
    case Space::kConst: {
      // All lanes in one allocation that is wholly written: nothing more to check.
      const Memory::Block* block = warp.last_block;
      if (mask == kAllLanes && block && block->written.load(std::memory_order_relaxed)) {
        uint64_t last = 0, bits = 0;
        for (int i = 0; i < 32; ++i) {
          const uint64_t offset = addresses[i] - block->allocation.address;
          last = offset > last ? offset : last;
          bits |= addresses[i];
        }
        if (last < block->allocation.size && block->allocation.size - last >= bytes && !(bits & (alignment - 1))) {
          for (int i = 0; i < 32; ++i) pointers[i] = cluster.memory->Host(addresses[i]);
          return;
        }
      }
      // Neighbouring lanes at neighbouring addresses: checked as one.
      bool row = mask == kAllLanes && !(addresses[0] & (alignment - 1));
      for (int i = 1; i < 32; ++i) row &= addresses[i] == addresses[0] + static_cast<uint64_t>(i) * bytes;
      if (row && (Inside(block, addresses[0], 32 * bytes) || cluster.memory->Whole(addresses[0], 32 * bytes))) {
        std::byte* first = cluster.Global(warp, addresses[0], 32 * bytes, alignment, write, 0);
        for (int i = 0; i < 32; ++i) pointers[i] = first + static_cast<size_t>(i) * bytes;
        return;
      }
      ForLanes(mask, [&](int i) { pointers[i] = cluster.Global(warp, addresses[i], bytes, alignment, write, i); });
      return;
    }
    default:
      ForLanes(mask, [&](int i) {
        const uint64_t offset = addresses[i] - cluster.memory->base();
        if (offset - kSharedWindow < kWindowBytes) {
          pointers[i] = cluster.Shared(offset - kSharedWindow, bytes, alignment, i);
          if (noted) cluster.NoteGenericWrite(warp, offset - kSharedWindow, bytes);
          if (strict && !write) cluster.CheckSharedRead(offset - kSharedWindow, bytes, i);
        } else if (offset - kLocalWindow < kWindowBytes) {
          if (offset & (alignment - 1)) Misaligned(offset - kLocalWindow, bytes, alignment, "local", i);
          pointers[i] = Local(warp, offset - kLocalWindow, bytes, i);
        } else if (offset - kParamWindow < kWindowBytes) {
          pointers[i] = Parameter(warp, offset - kParamWindow, bytes, write, i);
        } else {
          pointers[i] = cluster.Global(warp, addresses[i], bytes, alignment, write, i);
        }
      });
  }
}

namespace {

// flags hold the space; list the registers of the vector (T in memory, R in registers).
template <typename T, typename R>
Next Load(Warp& warp, const Op& op, uint32_t mask) {
  std::byte* pointers[32];
  const size_t bytes = sizeof(T) * op.count;
  ResolveAddresses(warp, op, mask, static_cast<Space>(op.flags), bytes, bytes, false, pointers);
  for (int v = 0; v < op.count; ++v) {
    if (op.list[v] == kNoRef) continue;
    R* target = warp.Out<R>(op.list[v]);
    const auto load = [&](int i) {
      T value;
      std::memcpy(&value, pointers[i] + v * sizeof(T), sizeof(T));
      target[i] = static_cast<R>(value);
    };
    if (mask == kAllLanes) {
      for (int i = 0; i < 32; ++i) load(i);
    } else {
      ForLanes(mask, load);
    }
  }
  return Next::kNext;
}

template <typename T, typename R>
Next Store(Warp& warp, const Op& op, uint32_t mask) {
  std::byte* pointers[32];
  const size_t bytes = sizeof(T) * op.count;
  ResolveAddresses(warp, op, mask, static_cast<Space>(op.flags), bytes, bytes, true, pointers);
  for (int v = 0; v < op.count; ++v) {
    const R* source = warp.In<R>(op.list[v]);
    const auto store = [&](int i) {
      const T value = static_cast<T>(source[i]);
      std::memcpy(pointers[i] + v * sizeof(T), &value, sizeof(T));
    };
    if (mask == kAllLanes) {
      for (int i = 0; i < 32; ++i) store(i);
    } else {
      ForLanes(mask, store);
    }
  }
  return Next::kNext;
}

// A parameter at a fixed offset is the same for all lanes.
template <typename T, typename R>
Next LoadParameter(Warp& warp, const Op& op, uint32_t mask) {
  for (int v = 0; v < op.count; ++v) {
    T value;
    std::memcpy(&value, warp.cluster->parameters + op.imm + v * sizeof(T), sizeof(T));
    alignas(64) R values[32];
    for (int i = 0; i < 32; ++i) values[i] = static_cast<R>(value);
    Blend(warp.Out<R>(op.list[v]), values, mask);
  }
  return Next::kNext;
}

enum class Access { kLoad, kStore, kParameter };

template <typename T, typename R>
Handler AccessHandler(Access access) {
  if constexpr (sizeof(R) < sizeof(T)) {
    return nullptr;
  } else {
    return access == Access::kLoad ? Load<T, R> : access == Access::kStore ? Store<T, R> : LoadParameter<T, R>;
  }
}
template <typename T>
Handler AccessHandler(Access access, int register_bytes) {
  return register_bytes == 2   ? AccessHandler<T, uint16_t>(access)
         : register_bytes == 4 ? AccessHandler<T, uint32_t>(access)
         : register_bytes == 8 ? AccessHandler<T, uint64_t>(access)
                               : nullptr;
}
Handler AccessHandler(Access access, Type type, int register_bytes) {
  switch (type) {
    case Type::kS8:
      return AccessHandler<int8_t>(access, register_bytes);
    case Type::kS16:
      return AccessHandler<int16_t>(access, register_bytes);
    case Type::kS32:
      return AccessHandler<int32_t>(access, register_bytes);
    default:
      break;
  }
  switch (ptx::SizeOf(type)) {
    case 1:
      return AccessHandler<uint8_t>(access, register_bytes);
    case 2:
      return AccessHandler<uint16_t>(access, register_bytes);
    case 4:
      return AccessHandler<uint32_t>(access, register_bytes);
    case 8:
      return AccessHandler<uint64_t>(access, register_bytes);
    default:
      return nullptr;
  }
}

Space TakeSpace(Decoder& decoder) {
  if (decoder.Take("global")) return Space::kGlobal;
  if (decoder.Take("const")) return Space::kConst;
  if (!decoder.TakeOneOf({"shared", "shared::cta", "shared::cluster"}).empty()) return Space::kShared;
  if (decoder.Take("local")) return Space::kLocal;
  if (!decoder.TakeOneOf({"param", "param::entry", "param::func"}).empty()) return Space::kParam;
  return Space::kGeneric;
}

// Order and scope: lanes of a warp run in order, and host threads share memory alone between clusters. Caches: none.
void TakeOrder(Decoder& decoder) {
  for (const auto word : {"volatile",
                          "weak",
                          "relaxed",
                          "acquire",
                          "release",
                          "acq_rel",
                          "mmio",
                          "cta",
                          "cluster",
                          "gpu",
                          "sys",
                          "ca",
                          "cg",
                          "cs",
                          "cv",
                          "lu",
                          "wb",
                          "wt",
                          "nc",
                          "L1::evict_last",
                          "L1::evict_first",
                          "L1::evict_normal",
                          "L1::evict_unchanged",
                          "L1::no_allocate",
                          "L2::64B",
                          "L2::128B",
                          "L2::256B",
                          "L2::cache_hint",
                          "L2::evict_last",
                          "L2::evict_first",
                          "L2::evict_normal"}) {
    decoder.Take(word);
  }
}

void DecodeAccess(Decoder& decoder, Op& op, bool load) {
  TakeOrder(decoder);
  Space space = TakeSpace(decoder);
  const auto vector = decoder.TakeOneOf({"v2", "v4", "v8"});
  const Type type = decoder.TakeType();
  const Operand &address = decoder.operand(load ? 1 : 0), &value = decoder.operand(load ? 0 : 1);
  op.count = vector.empty() ? 1 : static_cast<uint8_t>(vector[1] - '0');
  std::vector<const Operand*> elements;
  if (value.kind == Operand::Kind::kVector) {
    for (const Operand& element : value.elements) elements.push_back(&element);
  } else {
    elements.push_back(&value);
  }
  if (elements.size() != op.count) decoder.Fail("must have " + std::to_string(op.count) + " values");
  int register_bytes = 0;
  for (const Operand* element : elements) register_bytes = std::max(register_bytes, decoder.RegisterBytes(*element));
  if (register_bytes == 0) register_bytes = std::max(ptx::SizeOf(type), 2);
  std::vector<Ref> list;
  for (const Operand* element : elements) {
    const Type source = register_bytes == 2 ? Type::kB16 : register_bytes == 4 ? Type::kB32 : Type::kB64;
    list.push_back(load ? decoder.Target(*element, register_bytes) : decoder.Source(*element, source));
  }
  op.list = decoder.List(std::move(list));
  decoder.Address(address, op);
  Access access = load ? Access::kLoad : Access::kStore;
  if (space == Space::kParam) {
    const Operand& base = address.elements[0];
    if (base.kind == Operand::Kind::kVariable) {
      if (decoder.IsCallParameter(*base.variable)) {
        space = Space::kLocal;
      } else if (load) {
        op.imm = base.variable->offset + address.bits;
        if (op.imm + ptx::SizeOf(type) * op.count > decoder.code().info.parameter_bytes) {
          decoder.Fail("reads beyond the parameters");
        }
        access = Access::kParameter;
      }
    }
  }
  op.flags = static_cast<uint8_t>(space);
  op.run = AccessHandler(access, type, register_bytes);
}

// --- atomics
struct Atomic {
  Space space = Space::kGeneric;
  FloatType half = FloatType::kF16;
};

// Old value to d (unless kNoRef); F gives the new one from the old, b and c.
template <typename T, auto F>
Next AtomicOn(Warp& warp, const Op& op, uint32_t mask) {
  const auto& atomic = *static_cast<const Atomic*>(op.extra);
  std::byte* pointers[32];
  // Read and written: memory that nobody wrote counts as read.
  if (atomic.space == Space::kGlobal || atomic.space == Space::kGeneric) {
    ResolveAddresses(warp, op, mask, atomic.space, sizeof(T), sizeof(T), false, pointers);
  }
  ResolveAddresses(warp, op, mask, atomic.space, sizeof(T), sizeof(T), true, pointers);
  const T* b = warp.In<T>(op.b);
  const T* c = op.c == kNoRef ? b : warp.In<T>(op.c);
  alignas(64) T values[32] = {};
  ForLanes(mask, [&](int i) {
    std::atomic_ref target(*reinterpret_cast<T*>(pointers[i]));
    T old = target.load(std::memory_order_relaxed);
    while (!target.compare_exchange_weak(old, F(atomic, old, b[i], c[i]))) {
    }
    values[i] = old;
  });
  if (op.d != kNoRef) Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

template <typename F, typename U>
constexpr auto kAtomicAddFloat = [](const Atomic&, U old, U b, U) {
  const F sum = std::bit_cast<F>(old) + std::bit_cast<F>(b);
  return sum == sum ? std::bit_cast<U>(sum) : static_cast<U>(sizeof(F) == 4 ? 0x7FFFFFFFu : 0x7FFFFFFFFFFFFFFFu);
};

template <typename U, typename S>
Handler IntegerAtomic(std::string_view name, bool is_signed) {
  if (name == "add") return AtomicOn<U, [](const Atomic&, U a, U b, U) { return static_cast<U>(a + b); }>;
  if (name == "exch") return AtomicOn<U, [](const Atomic&, U, U b, U) { return b; }>;
  if (name == "cas") return AtomicOn<U, [](const Atomic&, U a, U b, U c) { return a == b ? c : a; }>;
  if (name == "and") return AtomicOn<U, [](const Atomic&, U a, U b, U) { return static_cast<U>(a & b); }>;
  if (name == "or") return AtomicOn<U, [](const Atomic&, U a, U b, U) { return static_cast<U>(a | b); }>;
  if (name == "xor") return AtomicOn<U, [](const Atomic&, U a, U b, U) { return static_cast<U>(a ^ b); }>;
  if (name == "inc")
    return AtomicOn<U, [](const Atomic&, U a, U b, U) { return a >= b ? U{0} : static_cast<U>(a + 1); }>;
  if (name == "dec") {
    return AtomicOn<U, [](const Atomic&, U a, U b, U) { return a == 0 || (a > b) ? b : static_cast<U>(a - 1); }>;
  }
  if (name == "min") {
    if (!is_signed) return AtomicOn<U, [](const Atomic&, U a, U b, U) { return a < b ? a : b; }>;
    return AtomicOn<U, [](const Atomic&, U a, U b, U) { return static_cast<S>(a) < static_cast<S>(b) ? a : b; }>;
  }
  if (name == "max") {
    if (!is_signed) return AtomicOn<U, [](const Atomic&, U a, U b, U) { return (a > b) ? a : b; }>;
    return AtomicOn<U, [](const Atomic&, U a, U b, U) { return (static_cast<S>(a) > static_cast<S>(b)) ? a : b; }>;
  }
  return nullptr;
}

void DecodeAtomic(Decoder& decoder, Op& op, bool has_result) {
  TakeOrder(decoder);
  Atomic atomic;
  atomic.space = TakeSpace(decoder);
  decoder.Take("noftz");
  const auto name = decoder.TakeOneOf({"add", "exch", "cas", "and", "or", "xor", "inc", "dec", "min", "max"});
  const Type type = decoder.TakeType();
  const size_t first = has_result ? 1 : 0;
  if (has_result) op.d = decoder.Target(0, ptx::SizeOf(type));
  decoder.Address(decoder.operand(first), op);
  op.b = decoder.Source(first + 1, type);
  if (name == "cas") op.c = decoder.Source(first + 2, type);
  if (type == Type::kBf16 || type == Type::kBf16x2) atomic.half = FloatType::kBF16;
  op.extra = decoder.Extra(atomic);
  if (type == Type::kF32 || type == Type::kF64) {
    if (name != "add") decoder.Fail("no such atomic");
    op.run = type == Type::kF32 ? AtomicOn<uint32_t, kAtomicAddFloat<float, uint32_t>>
                                : AtomicOn<uint64_t, kAtomicAddFloat<double, uint64_t>>;
  } else if (type == Type::kF16x2 || type == Type::kBf16x2) {
    if (name != "add") decoder.Fail("no such atomic");
    op.run = AtomicOn<uint32_t, [](const Atomic& a, uint32_t old, uint32_t b, uint32_t) {
      return OnPair([&](uint16_t x, uint16_t y) { return AddHalf(a.half, x, y); }, old, b);
    }>;
  } else if (type == Type::kF16 || type == Type::kBf16) {
    if (name != "add") decoder.Fail("no such atomic");
    op.run =
        AtomicOn<uint16_t, [](const Atomic& a, uint16_t old, uint16_t b, uint16_t) { return AddHalf(a.half, old, b); }>;
  } else {
    const bool is_signed = type == Type::kS32 || type == Type::kS64;
    op.run = ptx::SizeOf(type) == 8            ? IntegerAtomic<uint64_t, int64_t>(name, is_signed)
             : ptx::SizeOf(type) == 4          ? IntegerAtomic<uint32_t, int32_t>(name, is_signed)
             : name == "cas" || name == "exch" ? IntegerAtomic<uint16_t, int16_t>(name, false)
                                               : nullptr;
  }
}

// --- addresses
// d = a + imm, of a window's base; 32-bit sources and targets are offsets.
template <typename D, typename S>
Next Rebase(Warp& warp, const Op& op, uint32_t mask) {
  const S* a = warp.In<S>(op.a);
  alignas(64) D values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<D>(a[i] + op.imm);
  Blend(warp.Out<D>(op.d), values, mask);
  return Next::kNext;
}

uint64_t WindowOf(Space space) {
  return space == Space::kShared ? kSharedWindow : space == Space::kLocal ? kLocalWindow : kParamWindow;
}

template <typename T>
Next MapToRank(Warp& warp, const Op& op, uint32_t mask) {
  const T* a = warp.In<T>(op.a);
  const uint32_t* rank = warp.In<uint32_t>(op.b);
  alignas(64) T values[32] = {};
  ForLanes(mask, [&](int i) {
    if (rank[i] >= warp.cluster->blocks.size()) {
      throw KernelFault{
          FaultKind::kIllegalInstruction,
          "block " + std::to_string(rank[i]) + " of a cluster of " + std::to_string(warp.cluster->blocks.size()), i};
    }
    values[i] = (a[i] & ~static_cast<T>(0xF000000)) | static_cast<T>(rank[i]) << 24;
  });
  Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

template <typename T>
Next RankOf(Warp& warp, const Op& op, uint32_t mask) {
  const T* a = warp.In<T>(op.a);
  alignas(64) uint32_t values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<uint32_t>(a[i]) >> 24 & 15;
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

Next IsInSpace(Warp& warp, const Op& op, uint32_t mask) {
  const uint64_t* a = warp.In<uint64_t>(op.a);
  uint32_t result = 0;
  for (int i = 0; i < 32; ++i) {
    const uint64_t offset = a[i] - warp.cluster->memory->base();
    const Space space = offset - kSharedWindow < kWindowBytes  ? Space::kShared
                        : offset - kLocalWindow < kWindowBytes ? Space::kLocal
                        : offset - kParamWindow < kWindowBytes ? Space::kParam
                                                               : Space::kGlobal;
    result |= space == static_cast<Space>(op.flags) ? 1u << i : 0;
  }
  SetPredicate(warp, op.d, result, mask);
  return Next::kNext;
}

template <typename T>
Next Copy(Warp& warp, const Op& op, uint32_t mask) {
  const T* a = warp.In<T>(op.a);
  alignas(64) T values[32];
  for (int i = 0; i < 32; ++i) values[i] = a[i];
  Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

void DecodeCvta(Decoder& decoder, Op& op) {
  const bool to = decoder.Take("to");
  const Space space = TakeSpace(decoder);
  const Type type = decoder.TakeType();
  if (type != Type::kU64) decoder.Fail("only .u64");
  op.d = decoder.Target(0, 8);
  op.a = decoder.Source(1, type);
  if (space == Space::kGlobal || space == Space::kConst) {
    op.run = Copy<uint64_t>;
    return;
  }
  const uint64_t base = decoder.code().window_base + WindowOf(space);
  op.imm = to ? 0 - base : base;
  op.run = Rebase<uint64_t, uint64_t>;
}

}  // namespace

bool DecodeMemory(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name == "ld" || name == "ldu") {
    DecodeAccess(decoder, op, true);
  } else if (name == "st" && !decoder.Has("async")) {
    DecodeAccess(decoder, op, false);
  } else if (name == "atom" || name == "red") {
    if (decoder.Has("async")) return false;
    DecodeAtomic(decoder, op, name == "atom");
  } else if (name == "cvta") {
    DecodeCvta(decoder, op);
  } else if (name == "mapa") {
    decoder.Take("shared::cluster");
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, ptx::SizeOf(type));
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, Type::kU32);
    op.run = ptx::SizeOf(type) == 8 ? MapToRank<uint64_t> : MapToRank<uint32_t>;
  } else if (name == "getctarank") {
    decoder.Take("shared::cluster");
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, 4);
    op.a = decoder.Source(1, type);
    op.run = ptx::SizeOf(type) == 8 ? RankOf<uint64_t> : RankOf<uint32_t>;
  } else if (name == "isspacep") {
    op.flags = static_cast<uint8_t>(TakeSpace(decoder));
    op.d = decoder.Predicate(decoder.operand(0));
    op.a = decoder.Source(1, Type::kU64);
    op.run = IsInSpace;
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
