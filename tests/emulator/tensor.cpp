// Matrix instructions in a kernel: which registers and shared memory they take, and when they take effect.

#include <algorithm>
#include <cstring>

#include "lanes.h"
#include "tensor_cores.h"

namespace emulator {

// Accumulators of one warp while a wgmma has them: the registers hold poison meanwhile.
struct HeldAccumulators {
  const Ref* registers = nullptr;
  int count = 0;
  uint64_t last = 0;  // number of the last wgmma that adds to them
  std::vector<uint32_t> values;
};

// A wgmma that some warps of a warpgroup have issued.
struct WgmmaFlight {
  const Op* op = nullptr;
  uint32_t issued = 0;  // warps
  bool scale_d = true;
  uint64_t a = 0, b = 0;
  std::vector<uint32_t> a_values[4];
  std::shared_ptr<HeldAccumulators> accumulators[4];
};

namespace {

using ptx::Operand;
using ptx::Space;
using ptx::Type;

// A NaN that no arithmetic makes.
constexpr uint32_t kPoison = 0x7FFDEAD5;

struct WgmmaCode {
  WgmmaForm form;
  int k = 16;
  std::vector<Ref> d, a;
  Ref a_descriptor = kNoRef, b_descriptor = kNoRef, scale_d = kNoRef;
  bool negate_scale_d = false;
};
const WgmmaCode& CodeOf(const Op& op) {
  return *static_cast<const WgmmaCode*>(op.extra);
}

[[noreturn]] void Illegal(const std::string& text) {
  throw KernelFault{FaultKind::kIllegalInstruction, text, -1};
}

WarpGroup& GroupOf(Warp& warp) {
  return warp.block->groups[warp.index / 4];
}

void Execute(Warp& warp, WgmmaFlight& flight) {
  const WgmmaCode& code = CodeOf(*flight.op);
  Cluster& cluster = *warp.cluster;
  const auto registers = static_cast<size_t>(WgmmaAccumulatorRegisters(code.form));
  std::vector<const uint32_t*> a;
  std::vector<uint32_t*> d;
  for (int w = 0; w < 4; ++w) {
    if (code.form.a_in_registers) {
      for (int i = 0; i < 4; ++i) a.push_back(flight.a_values[w].data() + 32 * i);
    }
    for (size_t i = 0; i < registers; ++i) d.push_back(flight.accumulators[w]->values.data() + 32 * i);
  }
  WgmmaOperands operands;
  operands.scale_d = flight.scale_d;
  operands.a_registers = a.data();
  operands.a_descriptor = flight.a;
  operands.b_descriptor = flight.b;
  operands.shared = cluster.SharedOf(warp.block->rank);
  operands.d = d.data();
  if (const std::string error = Wgmma(code.form, operands); !error.empty()) {
    KernelFault fault{FaultKind::kIllegalInstruction, error, -1};
    fault.warp = &warp;
    fault.op = flight.op;
    throw fault;
  }
  cluster.counters.tensor_flops +=
      uint64_t{2} * 64 * static_cast<uint64_t>(code.form.n) * static_cast<uint64_t>(code.k);
}

// Executes, in order, all below `target`. False when a warp of the group hasn't issued one of them.
bool ExecuteUpTo(Warp& warp, uint64_t target) {
  WarpGroup& group = GroupOf(warp);
  while (group.first < target) {
    WgmmaFlight& flight = *group.flights.front();
    if (flight.issued != 15) return false;
    Execute(warp, flight);
    group.flights.pop_front();
    ++group.first;
  }
  return true;
}

// What the product reads must not wait for a fence.
void CheckProxies(const Warp& warp, const WgmmaFlight& flight) {
  WgmmaOperands operands;
  operands.a_descriptor = flight.a;
  operands.b_descriptor = flight.b;
  const uint64_t rank = uint64_t{warp.block->rank} << 24;
  const uint32_t limit = warp.cluster->shared_bytes;
  for (const uint32_t piece : WgmmaReads(CodeOf(*flight.op).form, operands)) {
    if (piece < limit) warp.cluster->CheckAsyncRead(rank | piece, 16, -1);
  }
}

Next IssueWgmma(Warp& warp, const Op& op, uint32_t mask) {
  if (mask != kAllLanes) Illegal("wgmma with lanes missing: only " + Hex(mask) + " take part");
  const WgmmaCode& code = CodeOf(op);
  WarpGroup& group = GroupOf(warp);
  if (warp.index / 4 * 4 + 4 > warp.block->warps) Illegal("wgmma in an incomplete warpgroup");
  const uint64_t number = warp.wgmma_issued++;
  if (number - group.first == group.flights.size()) group.flights.push_back(std::make_shared<WgmmaFlight>());
  WgmmaFlight& flight = *group.flights[number - group.first];
  const uint64_t b = warp.In<uint64_t>(code.b_descriptor)[0];
  const uint64_t a = code.a_descriptor == kNoRef ? 0 : warp.In<uint64_t>(code.a_descriptor)[0];
  bool scale_d = warp.PredicateOf(code.scale_d) & 1;
  if (code.negate_scale_d) scale_d = !scale_d;
  if (flight.issued == 0) {
    flight.op = &op;
    flight.a = a;
    flight.b = b;
    flight.scale_d = scale_d;
  } else if (flight.op != &op || flight.a != a || flight.b != b || flight.scale_d != scale_d) {
    Illegal("the warps of a warpgroup issue different wgmma");
  }
  const uint32_t w = warp.index % 4;
  flight.issued |= 1u << w;
  for (const Ref ref : code.a) {
    const uint32_t* values = warp.In<uint32_t>(ref);
    flight.a_values[w].insert(flight.a_values[w].end(), values, values + 32);
  }
  // The same accumulators as one in flight: the sum goes on. Others must not share a register.
  std::shared_ptr<HeldAccumulators> accumulators;
  for (const auto& held : warp.held) {
    if (std::equal(code.d.begin(), code.d.end(), held->registers, held->registers + held->count)) {
      accumulators = held;
    } else {
      for (const Ref ref : code.d) {
        if (std::find(held->registers, held->registers + held->count, ref) != held->registers + held->count) {
          Illegal("wgmma shares some accumulators with another in flight");
        }
      }
    }
  }
  if (!accumulators) {
    accumulators = std::make_shared<HeldAccumulators>();
    accumulators->registers = code.d.data();
    accumulators->count = static_cast<int>(code.d.size());
    accumulators->values.resize(code.d.size() * 32);
    for (size_t i = 0; i < code.d.size(); ++i) {
      uint32_t* lanes = warp.Out<uint32_t>(code.d[i]);
      std::memcpy(accumulators->values.data() + 32 * i, lanes, 128);
      std::fill_n(lanes, 32, kPoison);
    }
    warp.held.push_back(accumulators);
  }
  accumulators->last = number;
  flight.accumulators[w] = std::move(accumulators);
  ++warp.cluster->events;
  if (flight.issued == 15) CheckProxies(warp, flight);
  // Shared memory may be read as early as now.
  if (flight.issued == 15 && warp.cluster->Early()) ExecuteUpTo(warp, number + 1);
  return Next::kNext;
}

Next CommitWgmma(Warp& warp, const Op&, uint32_t) {
  warp.wgmma_groups.push_back(warp.wgmma_issued);
  return Next::kNext;
}

Next WaitWgmma(Warp& warp, const Op& op, uint32_t) {
  if (warp.wgmma_groups.size() <= op.imm) return Next::kNext;
  const size_t last = warp.wgmma_groups.size() - 1 - op.imm;
  const uint64_t target = warp.wgmma_groups[last];
  if (!ExecuteUpTo(warp, target)) {
    warp.wait = {Wait::kWarpGroup, 0, 0};
    return Next::kStay;
  }
  std::erase_if(warp.held, [&](const auto& held) {
    if (held->last >= target) return false;
    for (int i = 0; i < held->count; ++i) {
      uint32_t* lanes = warp.Out<uint32_t>(held->registers[i]);
      for (int lane = 0; lane < 32; ++lane) {
        if (lanes[lane] != kPoison) {
          throw KernelFault{FaultKind::kIllegalInstruction,
                            "accumulator register " + std::to_string(i) + " of a wgmma in flight was written", lane};
        }
      }
      std::memcpy(lanes, held->values.data() + 32 * i, 128);
    }
    return true;
  });
  warp.wgmma_groups.erase(warp.wgmma_groups.begin(), warp.wgmma_groups.begin() + static_cast<ptrdiff_t>(last));
  return Next::kNext;
}

Next Nothing(Warp&, const Op&, uint32_t) {
  return Next::kNext;
}

FloatType FloatOf(const Decoder& decoder, const std::string& name) {
  if (name == "f32") return FloatType::kF32;
  if (name == "f16") return FloatType::kF16;
  if (name == "bf16") return FloatType::kBF16;
  if (name == "e4m3") return FloatType::kE4M3;
  if (name == "e5m2") return FloatType::kE5M2;
  decoder.Fail("." + name + " is not implemented");
}

// m64n128k16
bool ReadShape(const std::string& text, int* m, int* n, int* k) {
  return std::sscanf(text.c_str(), "m%dn%dk%d", m, n, k) == 3;
}

std::vector<Ref> Registers(Decoder& decoder, const Operand& operand, bool target) {
  if (operand.kind != Operand::Kind::kVector) decoder.Fail("a list of registers is missing");
  std::vector<Ref> refs;
  for (const Operand& element : operand.elements) {
    refs.push_back(target ? decoder.Target(element, 4) : decoder.Source(element, Type::kB32));
  }
  return refs;
}

bool Flag(const Decoder& decoder, size_t i, uint64_t value) {
  const Operand& operand = decoder.operand(i);
  if (operand.kind != Operand::Kind::kInteger) decoder.Fail("operand " + std::to_string(i + 1) + " must be a number");
  return operand.bits == value;
}

void DecodeWgmma(Decoder& decoder, Op& op) {
  for (const auto word : {"sync", "aligned"}) decoder.Take(word);
  if (decoder.Take("fence")) {
    op.run = Nothing;
    return;
  }
  if (decoder.Take("commit_group")) {
    op.run = CommitWgmma;
    return;
  }
  if (decoder.Take("wait_group")) {
    op.imm = decoder.operand(0).bits;
    op.run = WaitWgmma;
    return;
  }
  const auto& parts = decoder.instruction().parts;
  WgmmaCode code;
  int m = 0;
  if (parts.size() != 8 || parts[1] != "mma_async" || !ReadShape(parts[4], &m, &code.form.n, &code.k) || m != 64) {
    decoder.Fail("the instruction is not implemented");
  }
  code.form.d_type = FloatOf(decoder, parts[5]);
  code.form.a_type = FloatOf(decoder, parts[6]);
  code.form.b_type = FloatOf(decoder, parts[7]);
  decoder.TakeAll();
  const bool wide = code.form.a_type == FloatType::kBF16 || code.form.a_type == FloatType::kF16;
  if (code.k != (wide ? 16 : 32)) decoder.Fail("no such shape");
  code.d = Registers(decoder, decoder.operand(0), true);
  if (static_cast<int>(code.d.size()) != WgmmaAccumulatorRegisters(code.form))
    decoder.Fail("the accumulators don't fit");
  code.form.a_in_registers = decoder.operand(1).kind == Operand::Kind::kVector;
  if (code.form.a_in_registers) {
    code.a = Registers(decoder, decoder.operand(1), false);
    if (code.a.size() != 4) decoder.Fail("A must be 4 registers");
  } else {
    code.a_descriptor = decoder.Source(1, Type::kB64);
  }
  code.b_descriptor = decoder.Source(2, Type::kB64);
  code.scale_d = decoder.Predicate(decoder.operand(3));
  code.negate_scale_d = decoder.operand(3).negated;
  code.form.negate_a = !Flag(decoder, 4, 1);
  code.form.negate_b = !Flag(decoder, 5, 1);
  if (wide) {
    if (code.form.a_in_registers) {
      code.form.b_mn_major = Flag(decoder, 6, 1);
    } else {
      code.form.a_mn_major = Flag(decoder, 6, 1);
      code.form.b_mn_major = Flag(decoder, 7, 1);
    }
  }
  op.extra = decoder.Extra(std::move(code));
  op.run = IssueWgmma;
  decoder.code().async_reads = true;
}

// --- mma.sync
struct MmaCode {
  MmaForm form;
  std::vector<Ref> d, a, b, c;
};

Next RunMma(Warp& warp, const Op& op, uint32_t mask) {
  if (mask != kAllLanes) {
    if (warp.active != kAllLanes && warp.live == kAllLanes) {
      warp.wait = {Wait::kLanes, ~warp.active, 0};
      return Next::kStay;
    }
    Illegal("mma.sync with lanes missing");
  }
  const auto& code = *static_cast<const MmaCode*>(op.extra);
  const uint32_t *a[8], *b[8], *c[8];
  uint32_t* d[8];
  for (size_t i = 0; i < code.a.size(); ++i) a[i] = warp.In<uint32_t>(code.a[i]);
  for (size_t i = 0; i < code.b.size(); ++i) b[i] = warp.In<uint32_t>(code.b[i]);
  for (size_t i = 0; i < code.c.size(); ++i) c[i] = warp.In<uint32_t>(code.c[i]);
  alignas(64) uint32_t results[8][32];
  for (size_t i = 0; i < code.d.size(); ++i) d[i] = results[i];
  if (const std::string error = Mma(code.form, a, b, c, d); !error.empty()) Illegal(error);
  for (size_t i = 0; i < code.d.size(); ++i) std::memcpy(warp.Out<uint32_t>(code.d[i]), results[i], 128);
  warp.cluster->counters.tensor_flops += uint64_t{2} * 16 * 8 * static_cast<uint64_t>(code.form.k);
  return Next::kNext;
}

void DecodeMma(Decoder& decoder, Op& op) {
  const auto& parts = decoder.instruction().parts;
  // mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32
  int m = 0, n = 0;
  MmaCode code;
  if (parts.size() != 10 || parts[1] != "sync" || !ReadShape(parts[3], &m, &n, &code.form.k) || m != 16 || n != 8 ||
      parts[4] != "row" || parts[5] != "col" || parts[6] != parts[9]) {
    decoder.Fail("the instruction is not implemented");
  }
  code.form.d_type = FloatOf(decoder, parts[6]);
  code.form.a_type = FloatOf(decoder, parts[7]);
  code.form.b_type = FloatOf(decoder, parts[8]);
  decoder.TakeAll();
  code.d = Registers(decoder, decoder.operand(0), true);
  code.a = Registers(decoder, decoder.operand(1), false);
  code.b = Registers(decoder, decoder.operand(2), false);
  code.c = Registers(decoder, decoder.operand(3), false);
  const MmaRegisters counts = MmaRegisterCounts(code.form);
  if (static_cast<int>(code.a.size()) != counts.a || static_cast<int>(code.b.size()) != counts.b ||
      static_cast<int>(code.d.size()) != counts.d || static_cast<int>(code.c.size()) != counts.d) {
    decoder.Fail("the registers don't fit");
  }
  op.extra = decoder.Extra(std::move(code));
  op.run = RunMma;
}

// --- ldmatrix, stmatrix: flags the space, width and imm the address, count the matrices, target 1 for .trans.
template <bool kStore>
Next MoveMatrices(Warp& warp, const Op& op, uint32_t mask) {
  if (mask != kAllLanes) {
    if (warp.active != kAllLanes && warp.live == kAllLanes) {
      warp.wait = {Wait::kLanes, ~warp.active, 0};
      return Next::kStay;
    }
    Illegal("ldmatrix or stmatrix with lanes missing");
  }
  std::byte* pointers[32];
  const uint32_t givers = op.count == 4 ? kAllLanes : (1u << (8 * op.count)) - 1;
  ResolveAddresses(warp, op, givers, static_cast<Space>(op.flags), 16, 16, kStore, pointers);
  std::byte rows[8][16];
  alignas(64) uint32_t values[4][32];
  for (int matrix = 0; matrix < op.count; ++matrix) {
    if (kStore) {
      RegisterToRows(warp.In<uint32_t>(op.list[matrix]), op.target == 1, rows);
      for (int row = 0; row < 8; ++row) std::memcpy(pointers[8 * matrix + row], rows[row], 16);
    } else {
      for (int row = 0; row < 8; ++row) std::memcpy(rows[row], pointers[8 * matrix + row], 16);
      RowsToRegister(rows, op.target == 1, values[matrix]);
    }
  }
  if (!kStore) {
    for (int matrix = 0; matrix < op.count; ++matrix) {
      std::memcpy(warp.Out<uint32_t>(op.list[matrix]), values[matrix], 128);
    }
  }
  return Next::kNext;
}

void DecodeMatrixMove(Decoder& decoder, Op& op, bool store) {
  for (const auto word : {"sync", "aligned", "m8n8", "b16"}) decoder.Take(word);
  op.target = decoder.Take("trans") ? 1 : 0;
  const auto number = decoder.TakeOneOf({"x1", "x2", "x4"});
  if (number.empty()) decoder.Fail("the number of matrices is missing");
  op.count = static_cast<uint8_t>(number[1] - '0');
  const bool shared = !decoder.TakeOneOf({"shared", "shared::cta"}).empty();
  op.flags = static_cast<uint8_t>(shared ? Space::kShared : Space::kGeneric);
  decoder.Address(decoder.operand(store ? 0 : 1), op);
  std::vector<Ref> refs;
  const Operand& registers = decoder.operand(store ? 1 : 0);
  if (registers.kind == Operand::Kind::kVector) {
    refs = Registers(decoder, registers, !store);
  } else {
    refs.push_back(store ? decoder.Source(registers, Type::kB32) : decoder.Target(registers, 4));
  }
  if (refs.size() != op.count) decoder.Fail("the registers don't fit");
  op.list = decoder.List(std::move(refs));
  op.run = store ? MoveMatrices<true> : MoveMatrices<false>;
}

}  // namespace

bool DecodeTensor(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name == "wgmma") {
    DecodeWgmma(decoder, op);
  } else if (name == "mma") {
    DecodeMma(decoder, op);
  } else if (name == "ldmatrix" || name == "stmatrix") {
    DecodeMatrixMove(decoder, op, name == "stmatrix");
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
