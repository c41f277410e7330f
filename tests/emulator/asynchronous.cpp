// Copies that complete late: cp.async, the tensor memory accelerator's, st.async.

#include <algorithm>
#include <array>
#include <cstring>

#include "lanes.h"
#include "tensor_memory.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

[[noreturn]] void Illegal(const std::string& text, int lane) {
  throw KernelFault{FaultKind::kIllegalInstruction, text, lane};
}

// What a late completion finds wrong is reported at the instruction that began it.
template <typename F>
void Blame(const Warp& warp, const Op& op, int lane, F&& f) {
  try {
    f();
  } catch (KernelFault& fault) {
    if (!fault.op) {
      fault.warp = &warp;
      fault.op = &op;
      fault.lane = lane;
    }
    throw;
  }
}

// Completes now, or when somebody waits for the barrier.
void Later(Warp& warp, uint32_t barrier, std::function<void()> complete) {
  if (warp.cluster->Early()) {
    complete();
  } else {
    warp.cluster->deferred.push_back({barrier, std::move(complete)});
    ++warp.cluster->events;
  }
}

// The 64- or 32-bit value of an address operand kept as (ref, width, offset).
struct AddressOperand {
  Ref ref = kNoRef;
  uint8_t width = 0;
  uint64_t offset = 0;
  uint64_t At(const Warp& warp, int lane) const {
    return width == 4 ? static_cast<uint32_t>(warp.In<uint32_t>(ref)[lane] + offset)
                      : warp.In<uint64_t>(ref)[lane] + offset;
  }
};

AddressOperand AddressOf(Decoder& decoder, const Operand& operand) {
  Op op;
  decoder.Address(operand, op);
  return {op.a, op.width, op.imm};
}

uint32_t SharedAddress(const AddressOperand& address, const Warp& warp, int lane) {
  const uint64_t value = address.At(warp, lane);
  if (value >= kWindowBytes) {
    throw KernelFault{FaultKind::kInvalidAddress, Hex(value) + " is no address of shared memory", lane};
  }
  return static_cast<uint32_t>(value);
}

// --- cp.async
void Copy(Warp& warp, const CopyLane& copy, int lane) {
  Blame(warp, *copy.op, lane, [&] {
    std::byte* target = warp.cluster->Shared(copy.target, copy.bytes, copy.bytes, lane);
    if (copy.source_bytes) {
      std::memcpy(target, warp.cluster->Global(warp, copy.source, copy.source_bytes, 1, false, lane),
                  copy.source_bytes);
    }
    std::memset(target + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
    // By the letter these need a fence.proxy.async before a matrix product reads them; FlashMLA's sparse prefill has
    // none, and is right on cards.
    warp.cluster->NoteAsyncWrite(copy.target, copy.bytes);
  });
}

// Completes, in a random order, the first copies of a lane as long as `which` holds.
template <typename F>
void CompleteWhile(Warp& warp, int lane, F&& which) {
  auto& copies = warp.copies[lane];
  size_t count = 0;
  while (count < copies.size() && which(copies[count])) ++count;
  for (size_t i = 0; i < count; ++i) {
    std::swap(copies[i], copies[i + warp.cluster->Random(count - i)]);
    Copy(warp, copies[i], lane);
  }
  copies.erase(copies.begin(), copies.begin() + static_cast<ptrdiff_t>(count));
}

struct CopyForm {
  AddressOperand target, source;
  uint8_t bytes = 16;
  Ref source_bytes = kNoRef;  // u32
  Ref ignore = kNoRef;        // predicate
};

Next CopyAsync(Warp& warp, const Op& op, uint32_t mask) {
  const auto& form = *static_cast<const CopyForm*>(op.extra);
  const auto early = static_cast<uint32_t>(warp.cluster->random() & warp.cluster->random());
  ForLanes(mask, [&](int lane) {
    CopyLane copy;
    copy.op = &op;
    copy.target = SharedAddress(form.target, warp, lane);
    copy.source = form.source.At(warp, lane);
    copy.bytes = copy.source_bytes = form.bytes;
    if (form.source_bytes != kNoRef) {
      const uint32_t bytes = warp.In<uint32_t>(form.source_bytes)[lane];
      if (bytes > form.bytes)
        Illegal("source size " + std::to_string(bytes) + " of a copy of " + std::to_string(form.bytes), lane);
      copy.source_bytes = static_cast<uint8_t>(bytes);
    }
    if (form.ignore != kNoRef && warp.PredicateOf(form.ignore) >> lane & 1) copy.source_bytes = 0;
    copy.group = warp.copy_group[lane];
    copy.number = warp.copy_number[lane]++;
    // Addresses are checked now, and used later.
    warp.cluster->Shared(copy.target, copy.bytes, copy.bytes, lane);
    if (copy.source % copy.bytes) {
      throw KernelFault{FaultKind::kMisalignedAddress,
                        "global address " + Hex(copy.source) + " of a copy of " + std::to_string(copy.bytes) + " bytes",
                        lane};
    }
    if (early >> lane & 1) {
      Copy(warp, copy, lane);
    } else {
      warp.copies[lane].push_back(copy);
    }
  });
  return Next::kNext;
}

Next CommitCopies(Warp& warp, const Op&, uint32_t mask) {
  ForLanes(mask, [&](int lane) { ++warp.copy_group[lane]; });
  return Next::kNext;
}

Next WaitCopies(Warp& warp, const Op& op, uint32_t mask) {
  ForLanes(mask, [&](int lane) {
    CompleteWhile(warp, lane,
                  [&](const CopyLane& copy) { return op.flags ? true : copy.group + op.imm < warp.copy_group[lane]; });
  });
  return Next::kNext;
}

// The barrier gets an arrival when all earlier copies of the thread are complete. flags: not .noinc.
Next ArriveAfterCopies(Warp& warp, const Op& op, uint32_t mask) {
  const auto& address = *static_cast<const AddressOperand*>(op.extra);
  ForLanes(mask, [&](int lane) {
    uint64_t value = address.At(warp, lane);
    if (op.flags & 2) value -= warp.cluster->memory->base() + kSharedWindow;
    const auto barrier = static_cast<uint32_t>(value);
    warp.cluster->Shared(value, 8, 8, lane);
    if (op.flags & 1) MbarrierExpectArrivals(*warp.cluster, barrier, 1, lane);
    const uint64_t before = warp.copy_number[lane];
    auto complete = [&warp, &op, lane, barrier, before] {
      CompleteWhile(warp, lane, [&](const CopyLane& copy) { return copy.number < before; });
      Blame(warp, op, lane, [&] { MbarrierArrive(*warp.cluster, barrier, 1, lane); });
    };
    Later(warp, barrier, std::move(complete));
  });
  return Next::kNext;
}

void DecodeCopy(Decoder& decoder, Op& op) {
  if (decoder.Take("commit_group")) {
    op.run = CommitCopies;
  } else if (decoder.Take("wait_group")) {
    op.imm = decoder.operand(0).bits;
    op.run = WaitCopies;
  } else if (decoder.Take("wait_all")) {
    op.flags = 1;
    op.run = WaitCopies;
  } else if (decoder.Take("mbarrier")) {
    decoder.Take("arrive");
    decoder.Take("b64");
    op.flags = decoder.Take("noinc") ? 0 : 1;
    if (decoder.TakeOneOf({"shared", "shared::cta"}).empty()) op.flags |= 2;
    op.extra = decoder.Extra(AddressOf(decoder, decoder.operand(0)));
    op.run = ArriveAfterCopies;
  } else {
    if (decoder.TakeOneOf({"ca", "cg"}).empty()) decoder.Fail("not implemented");
    if (decoder.TakeOneOf({"shared", "shared::cta"}).empty()) decoder.Fail("the target must be .shared");
    decoder.Take("global");
    decoder.TakeOneOf({"L2::64B", "L2::128B", "L2::256B"});
    const bool hint = decoder.Take("L2::cache_hint");
    CopyForm form;
    form.target = AddressOf(decoder, decoder.operand(0));
    form.source = AddressOf(decoder, decoder.operand(1));
    form.bytes = static_cast<uint8_t>(decoder.operand(2).bits);
    if (form.bytes != 4 && form.bytes != 8 && form.bytes != 16) decoder.Fail("a copy has 4, 8 or 16 bytes");
    if (decoder.operand_count() > (hint ? 4u : 3u)) {
      const Operand& extra = decoder.operand(3);
      if (decoder.RegisterType(extra) == Type::kPred) {
        form.ignore = decoder.Predicate(extra);
      } else {
        form.source_bytes = decoder.Source(extra, Type::kU32);
      }
    }
    op.extra = decoder.Extra(form);
    op.run = CopyAsync;
  }
}

// --- bulk copies
class ClusterMemory final : public GlobalMemory {
 public:
  ClusterMemory(Warp& warp, int lane) : warp_(warp), lane_(lane) {}
  bool Read(uint64_t address, void* target, size_t bytes) override {
    std::memcpy(target, warp_.cluster->Global(warp_, address, bytes, 1, false, lane_), bytes);
    return true;
  }
  bool Write(uint64_t address, const void* source, size_t bytes) override {
    std::memcpy(warp_.cluster->Global(warp_, address, bytes, 1, true, lane_), source, bytes);
    return true;
  }

 private:
  Warp& warp_;
  int lane_;
};

struct BulkForm {
  bool tensor = false, load = false, multicast = false, from_shared = false;
  uint32_t rank = 0;
  AddressOperand target, source, barrier;
  AddressOperand map;
  std::array<Ref, 5> coordinates{};
  Ref size = kNoRef, mask = kNoRef;
};

TensorMap ReadMap(Warp& warp, const BulkForm& form, int lane) {
  const uint64_t address = form.map.At(warp, lane);
  const uint64_t offset = address - warp.cluster->memory->base();
  const std::byte* bytes = nullptr;
  if (offset - kParamWindow < kWindowBytes) {
    const uint64_t at = offset - kParamWindow;
    if (at + kTensorMapBytes > warp.cluster->parameter_bytes) {
      throw KernelFault{FaultKind::kInvalidAddress, "a tensor map beyond the parameters", lane};
    }
    bytes = warp.cluster->parameters + at;
  } else {
    bytes = warp.cluster->Global(warp, address, kTensorMapBytes, 64, false, lane);
  }
  const auto map = DecodeTensorMap(bytes);
  if (!map) Illegal("the tensor map at " + Hex(address) + " was not made by cuTensorMapEncodeTiled", lane);
  if (map->rank != form.rank) {
    Illegal("a tensor map of rank " + std::to_string(map->rank) + " in an instruction for " +
                std::to_string(form.rank) + " dimensions",
            lane);
  }
  return *map;
}

std::array<int32_t, 5> Coordinates(const Warp& warp, const BulkForm& form, int lane) {
  std::array<int32_t, 5> coordinates{};
  for (uint32_t i = 0; i < form.rank; ++i) coordinates[i] = warp.In<int32_t>(form.coordinates[i])[lane];
  return coordinates;
}

void CheckBulk(uint64_t address, uint64_t size, int lane) {
  if (address % 16 || size % 16) {
    throw KernelFault{
        FaultKind::kMisalignedAddress,
        "a bulk copy of " + std::to_string(size) + " bytes at " + Hex(address) + ": both must be multiples of 16",
        lane};
  }
}

// Into shared memory, of this block, of another or of several.
Next BulkLoad(Warp& warp, const Op& op, uint32_t mask) {
  const auto& form = *static_cast<const BulkForm*>(op.extra);
  Cluster& cluster = *warp.cluster;
  ForLanes(mask, [&](int lane) {
    const uint32_t target = SharedAddress(form.target, warp, lane), barrier = SharedAddress(form.barrier, warp, lane);
    std::vector<uint32_t> ranks;
    if (form.multicast) {
      const uint32_t blocks = warp.In<uint16_t>(form.mask)[lane];
      for (uint32_t rank = 0; rank < 16; ++rank) {
        if (blocks >> rank & 1) ranks.push_back(rank);
      }
    } else {
      ranks.push_back(target >> 24);
    }
    TensorMap map;
    std::array<int32_t, 5> coordinates{};
    uint64_t source = 0;
    size_t bytes = 0;
    if (form.tensor) {
      map = ReadMap(warp, form, lane);
      coordinates = Coordinates(warp, form, lane);
      bytes = TensorBoxBytes(map);
      if (const std::string error = CheckTensorBox(map, target & 0xFFFFFF); !error.empty()) {
        throw KernelFault{FaultKind::kMisalignedAddress, error, lane};
      }
    } else {
      source = form.source.At(warp, lane);
      bytes = warp.In<uint32_t>(form.size)[lane];
      CheckBulk(source, bytes, lane);
      CheckBulk(target, bytes, lane);
    }
    for (const uint32_t rank : ranks) {
      const uint32_t to = form.multicast ? rank << 24 | (target & 0xFFFFFF) : target;
      const uint32_t signal = form.multicast ? rank << 24 | (barrier & 0xFFFFFF) : barrier;
      cluster.Shared(to, bytes, 16, lane);
      cluster.Shared(signal, 8, 8, lane);
      Later(warp, signal, [&warp, &op, &form, lane, map, coordinates, source, bytes, to, signal] {
        Blame(warp, op, lane, [&] {
          std::byte* at = warp.cluster->Shared(to, bytes, 16, lane);
          ClusterMemory memory(warp, lane);
          if (form.tensor) {
            LoadTensorBox(map, {coordinates.data(), map.rank}, to & 0xFFFFFF, {at, bytes}, memory);
          } else if (form.from_shared) {
            std::memmove(at, warp.cluster->Shared(source, bytes, 16, lane), bytes);
          } else {
            memory.Read(source, at, bytes);
          }
          warp.cluster->NoteAsyncWrite(to, bytes);
          MbarrierCompleteTransactions(*warp.cluster, signal, static_cast<uint32_t>(bytes));
        });
      });
    }
  });
  return Next::kNext;
}

// Out of shared memory.
Next BulkStoreOut(Warp& warp, const Op& op, uint32_t mask) {
  const auto& form = *static_cast<const BulkForm*>(op.extra);
  ForLanes(mask, [&](int lane) {
    const uint32_t source = SharedAddress(form.source, warp, lane);
    TensorMap map;
    std::array<int32_t, 5> coordinates{};
    uint64_t target = 0;
    size_t bytes = 0;
    if (form.tensor) {
      map = ReadMap(warp, form, lane);
      coordinates = Coordinates(warp, form, lane);
      bytes = TensorBoxBytes(map);
      if (const std::string error = CheckTensorBox(map, source & 0xFFFFFF); !error.empty()) {
        throw KernelFault{FaultKind::kMisalignedAddress, error, lane};
      }
    } else {
      target = form.target.At(warp, lane);
      bytes = warp.In<uint32_t>(form.size)[lane];
      CheckBulk(source, bytes, lane);
      CheckBulk(target, bytes, lane);
    }
    warp.cluster->Shared(source, bytes, 16, lane);
    warp.cluster->CheckAsyncRead(source, bytes, lane);
    warp.cluster->CheckSharedRead(source, bytes, lane);
    auto image = std::make_shared<std::vector<std::byte>>();
    BulkStore store;
    store.lane = lane;
    store.group = warp.bulk_group[lane];
    store.do_read = [&warp, &op, lane, source, bytes, image] {
      Blame(warp, op, lane, [&] {
        const std::byte* at = warp.cluster->Shared(source, bytes, 16, lane);
        image->assign(at, at + bytes);
      });
    };
    store.do_write = [&warp, &op, &form, lane, map, coordinates, source, target, image] {
      Blame(warp, op, lane, [&] {
        ClusterMemory memory(warp, lane);
        if (!form.tensor) {
          memory.Write(target, image->data(), image->size());
        } else {
          StoreTensorBox(map, {coordinates.data(), map.rank}, source & 0xFFFFFF, *image, memory);
        }
      });
    };
    if (warp.cluster->Early()) {
      store.do_read();
      store.read = true;
    }
    warp.bulk.push_back(std::move(store));
  });
  return Next::kNext;
}

Next CommitBulk(Warp& warp, const Op&, uint32_t mask) {
  ForLanes(mask, [&](int lane) { ++warp.bulk_group[lane]; });
  return Next::kNext;
}

// flags: .read, the sources alone.
Next WaitBulk(Warp& warp, const Op& op, uint32_t mask) {
  std::vector<size_t> due;
  for (size_t i = 0; i < warp.bulk.size(); ++i) {
    const BulkStore& store = warp.bulk[i];
    if (mask >> store.lane & 1 && store.group + op.imm < warp.bulk_group[store.lane]) due.push_back(i);
  }
  std::shuffle(due.begin(), due.end(), warp.cluster->random);
  for (const size_t i : due) {
    BulkStore& store = warp.bulk[i];
    if (!store.read) store.do_read();
    store.read = true;
    if (!op.flags) {
      store.do_write();
      store.lane = -1;
    }
  }
  if (!op.flags) std::erase_if(warp.bulk, [](const BulkStore& store) { return store.lane < 0; });
  return Next::kNext;
}

uint32_t TakeRank(Decoder& decoder) {
  for (uint32_t rank = 1; rank <= 5; ++rank) {
    if (decoder.Take(std::to_string(rank) + "d")) return rank;
  }
  decoder.Fail("the number of dimensions is missing");
}

void MapOperand(Decoder& decoder, const Operand& operand, BulkForm& form) {
  form.rank = TakeRank(decoder);
  form.map = AddressOf(decoder, operand);
  if (operand.elements.size() != 2 || operand.elements[1].elements.size() != form.rank) {
    decoder.Fail("must have " + std::to_string(form.rank) + " coordinates");
  }
  for (uint32_t i = 0; i < form.rank; ++i) {
    form.coordinates[i] = decoder.Source(operand.elements[1].elements[i], Type::kB32);
  }
}

void DecodeBulk(Decoder& decoder, Op& op) {
  if (decoder.Take("commit_group")) {
    op.run = CommitBulk;
    return;
  }
  if (decoder.Take("wait_group")) {
    op.flags = decoder.Take("read");
    op.imm = decoder.operand(0).bits;
    op.run = WaitBulk;
    return;
  }
  if (decoder.Take("prefetch")) {
    decoder.TakeAll();
    op.run = [](Warp&, const Op&, uint32_t) { return Next::kNext; };
    return;
  }
  BulkForm form;
  form.tensor = decoder.Take("tensor");
  decoder.Take("tile");
  decoder.Take("L2::cache_hint");
  const bool group = decoder.Take("bulk_group");
  form.load = decoder.Take("mbarrier::complete_tx::bytes");
  form.multicast = decoder.Take("multicast::cluster");
  if (group == form.load) decoder.Fail("one of .bulk_group and .mbarrier::complete_tx::bytes");
  const Operand &first = decoder.operand(0), &second = decoder.operand(1);
  if (form.load) {
    // The first space is the target's.
    const auto& parts = decoder.instruction().parts;
    const auto global = std::find(parts.begin(), parts.end(), "global");
    form.from_shared = global == parts.end();
    decoder.Take("shared::cluster");
    decoder.Take("shared::cta");
    decoder.Take("global");
    form.target = AddressOf(decoder, first);
    size_t at = 2;
    if (form.tensor) {
      MapOperand(decoder, second, form);
    } else {
      form.source = AddressOf(decoder, second);
      form.size = decoder.Source(at++, Type::kU32);
    }
    form.barrier = AddressOf(decoder, decoder.operand(at++));
    if (form.multicast) form.mask = decoder.Source(at, Type::kB16);
    op.run = BulkLoad;
  } else {
    decoder.Take("global");
    decoder.Take("shared::cta");
    form.source = AddressOf(decoder, second);
    if (form.tensor) {
      MapOperand(decoder, first, form);
    } else {
      form.target = AddressOf(decoder, first);
      form.size = decoder.Source(2, Type::kU32);
    }
    op.run = BulkStoreOut;
    decoder.code().async_reads = true;
  }
  op.extra = decoder.Extra(form);
}

// --- st.async
struct StoreForm {
  AddressOperand target, barrier;
  int element = 4;  // bytes
  std::vector<Ref> values;
};

Next StoreAsync(Warp& warp, const Op& op, uint32_t mask) {
  const auto& form = *static_cast<const StoreForm*>(op.extra);
  const auto bytes = static_cast<uint32_t>(form.element * static_cast<int>(form.values.size()));
  struct Lane {
    uint32_t target, barrier;
    std::array<std::byte, 16> data;
    int lane;
  };
  std::vector<Lane> lanes;
  ForLanes(mask, [&](int lane) {
    Lane& store = lanes.emplace_back();
    store.lane = lane;
    store.target = SharedAddress(form.target, warp, lane);
    store.barrier = SharedAddress(form.barrier, warp, lane);
    for (size_t i = 0; i < form.values.size(); ++i) {
      std::memcpy(store.data.data() + i * form.element,
                  warp.In<std::byte>(form.values[i]) + static_cast<size_t>(lane) * form.element, form.element);
    }
    warp.cluster->Shared(store.target, bytes, bytes, lane);
  });
  // Those that signal the same barrier complete together.
  while (!lanes.empty()) {
    const uint32_t barrier = lanes.front().barrier;
    std::vector<Lane> together;
    std::erase_if(lanes, [&](const Lane& lane) {
      if (lane.barrier != barrier) return false;
      together.push_back(lane);
      return true;
    });
    Later(warp, barrier, [&warp, &op, bytes, barrier, together = std::move(together)] {
      for (const Lane& lane : together) {
        Blame(warp, op, lane.lane, [&] {
          std::memcpy(warp.cluster->Shared(lane.target, bytes, bytes, lane.lane), lane.data.data(), bytes);
          warp.cluster->NoteAsyncWrite(lane.target, bytes);
          MbarrierCompleteTransactions(*warp.cluster, barrier, bytes);
        });
      }
    });
  }
  return Next::kNext;
}

void DecodeStoreAsync(Decoder& decoder, Op& op) {
  for (const auto word : {"async", "weak", "shared::cluster", "mbarrier::complete_tx::bytes"}) decoder.Take(word);
  decoder.TakeOneOf({"v2", "v4"});
  StoreForm form;
  const Type type = decoder.TakeType();
  form.element = ptx::SizeOf(type);
  form.target = AddressOf(decoder, decoder.operand(0));
  form.barrier = AddressOf(decoder, decoder.operand(2));
  const Operand& value = decoder.operand(1);
  if (value.kind == Operand::Kind::kVector) {
    for (const Operand& element : value.elements) form.values.push_back(decoder.Source(element, type));
  } else {
    form.values.push_back(decoder.Source(value, type));
  }
  op.extra = decoder.Extra(std::move(form));
  op.run = StoreAsync;
}

}  // namespace

void FinishWarp(Warp& warp) {
  for (int lane = 0; lane < 32; ++lane) CompleteWhile(warp, lane, [](const CopyLane&) { return true; });
  for (BulkStore& store : warp.bulk) {
    if (!store.read) store.do_read();
    store.do_write();
  }
  warp.bulk.clear();
}

bool DecodeAsynchronous(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name == "cp") {
    if (!decoder.Take("async")) decoder.Fail("not implemented");
    if (decoder.Take("bulk")) {
      DecodeBulk(decoder, op);
    } else {
      DecodeCopy(decoder, op);
    }
  } else if (name == "st" && decoder.Has("async")) {
    DecodeStoreAsync(decoder, op);
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
