#pragma once

// The decoded form of a kernel: what the warps run.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "device.h"
#include "ptx.h"

namespace emulator {

struct Warp;
struct Op;

inline constexpr uint32_t kAllLanes = ~0u;

enum class Next : uint8_t {
  kNext,
  kStay,    // can't be done yet: again later, when something has changed
  kJumped,  // the program counter is set
  kExited,  // lanes have left the warp
};
using Handler = Next (*)(Warp&, const Op&, uint32_t mask);

// Where 32 lanes of a value lie: bytes from the warp's registers, or (top bit) from the code's constants.
// A predicate is one uint32_t, a bit a lane.
using Ref = uint32_t;
inline constexpr Ref kConstantBit = 1u << 31;
inline constexpr Ref kNoRef = ~0u;

struct Op {
  Handler run = nullptr;
  Ref guard = kNoRef;
  bool guard_negated = false;
  uint8_t width = 0;  // bytes of an address operand, or of an element
  uint8_t count = 0;  // elements of a vector
  uint8_t flags = 0;  // meaning is the handler's
  Ref d = kNoRef, d2 = kNoRef, a = kNoRef, b = kNoRef, c = kNoRef, e = kNoRef;
  int32_t target = -1;  // instruction
  uint64_t imm = 0;
  const Ref* list = nullptr;    // further operands
  const void* extra = nullptr;  // what else the handler needs
  const ptx::Instruction* source = nullptr;
};

// Thrown where an instruction can't be decoded; the message says why.
struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Values that differ between warps, set before a warp starts.
enum class Special : uint8_t {
  kTidX,
  kTidY,
  kTidZ,
  kNtidX,
  kNtidY,
  kNtidZ,
  kCtaidX,
  kCtaidY,
  kCtaidZ,
  kNctaidX,
  kNctaidY,
  kNctaidZ,
  kLaneid,
  kWarpid,
  kNwarpid,
  kClusteridX,
  kClusteridY,
  kClusteridZ,
  kNclusteridX,
  kNclusteridY,
  kNclusteridZ,
  kClusterCtaidX,
  kClusterCtaidY,
  kClusterCtaidZ,
  kClusterNctaidX,
  kClusterNctaidY,
  kClusterNctaidZ,
  kClusterCtarank,
  kClusterNctarank,
  kLanemaskEq,
  kLanemaskLt,
  kLanemaskLe,
  kLanemaskGt,
  kLanemaskGe,
  kDynamicSmemSize,
  kTotalSmemSize,
  kSmid,
  kNsmid,
  kGridid,
  kSharedBase,
};

struct Code {
  std::string name;
  std::vector<Op> ops;
  KernelInfo info;
  size_t register_bytes = 0;        // of a warp
  size_t dynamic_shared_start = 0;  // address
  size_t local_bytes = 0;           // of a lane
  uint64_t window_base = 0;         // where generic addresses begin
  bool async_reads = false;         // of shared memory, by matrix products or bulk copies
  struct SpecialSlot {
    Special special;
    int width;        // 4 or 8
    uint64_t addend;  // of a shared variable's offset
    Ref ref;
  };
  std::vector<SpecialSlot> specials;
  std::byte* constants = nullptr;
  std::vector<std::shared_ptr<void>> owned;  // lists, extras, constants
};

// Static shared memory begins behind what the system reserves, so that address 0 is nobody's.
inline constexpr uint32_t kSharedStart = kReservedSharedBytes;

// What the decoders of the instruction families share.
class Decoder {
 public:
  // `address_of` gives the address of a module's variable; `registers` says where each register lies.
  Decoder(const ptx::Function& function, Code& code, std::function<uint64_t(const ptx::Variable&)> address_of);

  void Run();

  // --- modifiers of the current instruction; what nobody took makes it an unknown form
  bool Take(std::string_view modifier);
  bool Has(std::string_view modifier) const;
  // The first of these that is there (taken), or "".
  std::string_view TakeOneOf(std::initializer_list<std::string_view> modifiers);
  ptx::Type TakeType();  // the first type left; throws when there is none
  void TakeAll() { left_.clear(); }
  [[noreturn]] void Fail(const std::string& why) const;

  const ptx::Instruction& instruction() const { return *instruction_; }
  size_t operand_count() const { return instruction_->operands.size(); }
  const ptx::Operand& operand(size_t i) const;
  // The register's declared type; kNone for what isn't a register.
  ptx::Type RegisterType(const ptx::Operand& operand) const;
  int RegisterBytes(const ptx::Operand& operand) const;

  // --- operands to refs
  // A source of `bytes`; constants are made to measure. `type` says how a number is to be read.
  Ref Source(const ptx::Operand& operand, ptx::Type type);
  Ref Source(size_t i, ptx::Type type) { return Source(operand(i), type); }
  Ref Target(const ptx::Operand& operand, int bytes);
  Ref Target(size_t i, int bytes) { return Target(operand(i), bytes); }
  Ref Predicate(const ptx::Operand& operand);  // a register or a number; negation by a flag of the caller
  Ref Constant(uint64_t bits, int bytes);
  // An address operand [register + imm]: sets a, width and imm.
  void Address(const ptx::Operand& operand, Op& op);
  const Ref* List(std::vector<Ref> refs);
  template <typename T>
  const T* Extra(T value) {
    auto owned = std::make_shared<T>(std::move(value));
    const T* pointer = owned.get();
    code_.owned.push_back(std::move(owned));
    return pointer;
  }
  Ref SpecialRef(Special special, int width, uint64_t addend = 0);
  int LabelTarget(uint32_t label) const { return function_.labels[label]; }
  const ptx::Function& function() const { return function_; }
  Code& code() { return code_; }
  uint64_t AddressOf(const ptx::Variable& variable) const { return address_of_(variable); }
  // Whether a variable in .param space is one of the function's body (a call's), which lives in local memory.
  bool IsCallParameter(const ptx::Variable& variable) const;

 private:
  uint64_t VariableValue(const ptx::Variable& variable) const;

  const ptx::Function& function_;
  Code& code_;
  std::function<uint64_t(const ptx::Variable&)> address_of_;
  const ptx::Instruction* instruction_ = nullptr;
  std::vector<std::string_view> left_;
  std::vector<Ref> registers_;
  std::map<std::pair<uint64_t, int>, Ref> constants_;
  std::vector<std::pair<uint64_t, int>> constant_values_;
  size_t constant_bytes_ = 0;
};

// Each decodes the instructions of its family; false when the instruction is none of them.
bool DecodeArithmetic(Decoder& decoder, Op& op);
bool DecodeConversion(Decoder& decoder, Op& op);
bool DecodeControl(Decoder& decoder, Op& op);
bool DecodeMemory(Decoder& decoder, Op& op);
bool DecodeWarp(Decoder& decoder, Op& op);
bool DecodeBarrier(Decoder& decoder, Op& op);
bool DecodeAsynchronous(Decoder& decoder, Op& op);
bool DecodeTensor(Decoder& decoder, Op& op);

}  // namespace emulator
