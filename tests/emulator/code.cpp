#include "code.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

constexpr std::pair<std::string_view, Special> kSpecials[] = {
    {"%tid.x", Special::kTidX},
    {"%tid.y", Special::kTidY},
    {"%tid.z", Special::kTidZ},
    {"%ntid.x", Special::kNtidX},
    {"%ntid.y", Special::kNtidY},
    {"%ntid.z", Special::kNtidZ},
    {"%ctaid.x", Special::kCtaidX},
    {"%ctaid.y", Special::kCtaidY},
    {"%ctaid.z", Special::kCtaidZ},
    {"%nctaid.x", Special::kNctaidX},
    {"%nctaid.y", Special::kNctaidY},
    {"%nctaid.z", Special::kNctaidZ},
    {"%laneid", Special::kLaneid},
    {"%warpid", Special::kWarpid},
    {"%nwarpid", Special::kNwarpid},
    {"%clusterid.x", Special::kClusteridX},
    {"%clusterid.y", Special::kClusteridY},
    {"%clusterid.z", Special::kClusteridZ},
    {"%nclusterid.x", Special::kNclusteridX},
    {"%nclusterid.y", Special::kNclusteridY},
    {"%nclusterid.z", Special::kNclusteridZ},
    {"%cluster_ctaid.x", Special::kClusterCtaidX},
    {"%cluster_ctaid.y", Special::kClusterCtaidY},
    {"%cluster_ctaid.z", Special::kClusterCtaidZ},
    {"%cluster_nctaid.x", Special::kClusterNctaidX},
    {"%cluster_nctaid.y", Special::kClusterNctaidY},
    {"%cluster_nctaid.z", Special::kClusterNctaidZ},
    {"%cluster_ctarank", Special::kClusterCtarank},
    {"%cluster_nctarank", Special::kClusterNctarank},
    {"%lanemask_eq", Special::kLanemaskEq},
    {"%lanemask_lt", Special::kLanemaskLt},
    {"%lanemask_le", Special::kLanemaskLe},
    {"%lanemask_gt", Special::kLanemaskGt},
    {"%lanemask_ge", Special::kLanemaskGe},
    {"%dynamic_smem_size", Special::kDynamicSmemSize},
    {"%total_smem_size", Special::kTotalSmemSize},
    {"%smid", Special::kSmid},
    {"%nsmid", Special::kNsmid},
    {"%gridid", Special::kGridid},
};

size_t Aligned(size_t bytes, size_t alignment = 64) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

Decoder::Decoder(const ptx::Function& function, Code& code, std::function<uint64_t(const ptx::Variable&)> address_of)
    : function_(function), code_(code), address_of_(std::move(address_of)) {
  registers_.resize(function.registers.size());
  size_t bytes = 0;
  for (size_t i = 0; i < registers_.size(); ++i) {
    if (function.registers[i] == Type::kPred) {
      registers_[i] = static_cast<Ref>(bytes);
      bytes += 4;
    }
  }
  for (size_t i = 0; i < registers_.size(); ++i) {
    const int size = ptx::SizeOf(function.registers[i]);
    if (size == 0) continue;
    bytes = Aligned(bytes);
    registers_[i] = static_cast<Ref>(bytes);
    bytes += static_cast<size_t>(size) * 32;
  }
  code.register_bytes = Aligned(bytes);
}

void Decoder::Run() {
  code_.ops.reserve(function_.instructions.size() + 1);
  for (const auto& instruction : function_.instructions) {
    instruction_ = &instruction;
    left_.assign(instruction.parts.begin() + 1, instruction.parts.end());
    Op op;
    op.source = &instruction;
    if (instruction.guard >= 0) {
      op.guard = registers_[instruction.guard];
      op.guard_negated = instruction.guard_negated;
    }
    const bool known = DecodeArithmetic(*this, op) || DecodeConversion(*this, op) || DecodeMemory(*this, op) ||
                       DecodeControl(*this, op) || DecodeWarp(*this, op) || DecodeBarrier(*this, op) ||
                       DecodeAsynchronous(*this, op) || DecodeTensor(*this, op);
    if (!known || !op.run) Fail("the instruction is not implemented");
    if (!left_.empty()) Fail("." + std::string(left_.front()) + " is not implemented here");
    code_.ops.push_back(op);
  }
  // The end of the text is an exit.
  static const ptx::Instruction kEnd = [] {
    ptx::Instruction end;
    end.parts = {"exit"};
    end.text = "(end of the kernel)";
    return end;
  }();
  instruction_ = &kEnd;
  left_.clear();
  Op end;
  end.source = &kEnd;
  DecodeControl(*this, end);
  code_.ops.push_back(end);

  auto* constants = static_cast<std::byte*>(::operator new (constant_bytes_ + 64, std::align_val_t{64}));
  code_.owned.push_back(std::shared_ptr<void>(constants, [](void* p) { ::operator delete (p, std::align_val_t{64}); }));
  for (const auto& [key, ref] : constants_) {
    std::byte* at = constants + (ref & ~kConstantBit);
    if (key.second == 0) {
      std::memcpy(at, &key.first, 4);
    } else {
      for (int lane = 0; lane < 32; ++lane) std::memcpy(at + lane * key.second, &key.first, key.second);
    }
  }
  code_.constants = constants;
}

void Decoder::Fail(const std::string& why) const {
  throw DecodeError("line " + std::to_string(instruction_->line) + ": " + instruction_->text + ": " + why);
}

bool Decoder::Take(std::string_view modifier) {
  const auto found = std::find(left_.begin(), left_.end(), modifier);
  if (found == left_.end()) return false;
  left_.erase(found);
  return true;
}

bool Decoder::Has(std::string_view modifier) const {
  return std::find(left_.begin(), left_.end(), modifier) != left_.end();
}

std::string_view Decoder::TakeOneOf(std::initializer_list<std::string_view> modifiers) {
  for (const auto modifier : modifiers) {
    if (Take(modifier)) return modifier;
  }
  return {};
}

Type Decoder::TakeType() {
  for (auto at = left_.begin(); at != left_.end(); ++at) {
    if (const Type type = ptx::TypeOf(*at); type != Type::kNone) {
      left_.erase(at);
      return type;
    }
  }
  Fail("a type is missing");
}

const Operand& Decoder::operand(size_t i) const {
  if (i >= instruction_->operands.size()) Fail("operand " + std::to_string(i + 1) + " is missing");
  return instruction_->operands[i];
}

Type Decoder::RegisterType(const Operand& operand) const {
  return operand.kind == Operand::Kind::kRegister ? function_.registers[operand.index] : Type::kNone;
}

int Decoder::RegisterBytes(const Operand& operand) const {
  return ptx::SizeOf(RegisterType(operand));
}

bool Decoder::IsCallParameter(const ptx::Variable& variable) const {
  for (const auto& other : function_.variables) {
    if (other.get() == &variable) return variable.space == ptx::Space::kParam;
  }
  return false;
}

uint64_t Decoder::VariableValue(const ptx::Variable& variable) const {
  switch (variable.space) {
    case ptx::Space::kGlobal:
    case ptx::Space::kConst:
    case ptx::Space::kShared:
      return address_of_(variable);
    default:
      return variable.offset;
  }
}

Ref Decoder::Source(const Operand& operand, Type type) {
  const int bytes = ptx::SizeOf(type);
  switch (operand.kind) {
    case Operand::Kind::kRegister:
      if (operand.negated) Fail("a negated operand");
      if (type == Type::kPred) return Predicate(operand);
      if (RegisterBytes(operand) != bytes) {
        Fail(function_.register_names[operand.index] + " has " + std::to_string(RegisterBytes(operand)) +
             " bytes, and the operand must have " + std::to_string(bytes));
      }
      return registers_[operand.index];
    case Operand::Kind::kInteger:
      if (type == Type::kPred) return Constant(operand.bits ? kAllLanes : 0, 0);
      return Constant(operand.bits, bytes);
    case Operand::Kind::kFloat: {
      uint64_t bits = operand.bits;
      if (operand.wide && bytes == 4) bits = std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
      if (!operand.wide && bytes == 8) {
        bits = std::bit_cast<uint64_t>(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))));
      }
      return Constant(bits, bytes);
    }
    case Operand::Kind::kSpecial:
      for (const auto& [name, special] : kSpecials) {
        if (name == operand.name) return SpecialRef(special, bytes);
      }
      Fail("special register " + operand.name + " is not implemented");
    case Operand::Kind::kVariable: {
      const ptx::Variable& variable = *operand.variable;
      const uint64_t value = VariableValue(variable) + operand.bits;
      return variable.space == ptx::Space::kShared ? SpecialRef(Special::kSharedBase, bytes, value)
                                                   : Constant(value, bytes);
    }
    default:
      Fail("an operand of the wrong kind");
  }
}

Ref Decoder::Target(const Operand& operand, int bytes) {
  if (operand.kind == Operand::Kind::kDiscard) {
    return kNoRef;
  }
  if (operand.kind != Operand::Kind::kRegister) Fail("the target must be a register");
  if (RegisterBytes(operand) != bytes) {
    Fail(function_.register_names[operand.index] + " has " + std::to_string(RegisterBytes(operand)) +
         " bytes, and the target must have " + std::to_string(bytes));
  }
  return registers_[operand.index];
}

Ref Decoder::Predicate(const Operand& operand) {
  if (operand.kind == Operand::Kind::kInteger) return Constant(operand.bits ? kAllLanes : 0, 0);
  if (operand.kind == Operand::Kind::kDiscard) return kNoRef;
  if (RegisterType(operand) != Type::kPred) Fail("a predicate is missing");
  return registers_[operand.index];
}

Ref Decoder::Constant(uint64_t bits, int bytes) {
  if (bytes == 0) bits &= kAllLanes;
  if (bytes && bytes < 8) bits &= (uint64_t{1} << (bytes * 8)) - 1;
  const auto [found, added] = constants_.try_emplace({bits, bytes}, 0);
  if (added) {
    found->second = static_cast<Ref>(constant_bytes_) | kConstantBit;
    constant_bytes_ += Aligned(bytes ? static_cast<size_t>(bytes) * 32 : 4);
  }
  return found->second;
}

void Decoder::Address(const Operand& operand, Op& op) {
  if (operand.kind != Operand::Kind::kAddress) Fail("an address is missing");
  const Operand& base = operand.elements[0];
  op.imm = operand.bits;
  if (base.kind == Operand::Kind::kRegister) {
    op.width = static_cast<uint8_t>(RegisterBytes(base));
    if (op.width != 4 && op.width != 8) Fail("an address has 4 or 8 bytes");
    op.a = registers_[base.index];
  } else if (base.kind == Operand::Kind::kVariable) {
    op.width = 8;
    op.a = Source(base, Type::kU64);
    op.imm -= base.bits;
  } else {
    op.width = 8;
    op.a = Constant(0, 8);
  }
}

const Ref* Decoder::List(std::vector<Ref> refs) {
  auto owned = std::make_shared<std::vector<Ref>>(std::move(refs));
  const Ref* data = owned->data();
  code_.owned.push_back(std::move(owned));
  return data;
}

Ref Decoder::SpecialRef(Special special, int width, uint64_t addend) {
  if (width < 2) Fail("a special register is too wide");
  for (const auto& slot : code_.specials) {
    if (slot.special == special && slot.width == width && slot.addend == addend) return slot.ref;
  }
  const auto ref = static_cast<Ref>(code_.register_bytes);
  code_.register_bytes += Aligned(static_cast<size_t>(width) * 32);
  code_.specials.push_back({special, width, addend, ref});
  return ref;
}

}  // namespace emulator
