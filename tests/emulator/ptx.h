#pragma once

// Reader of PTX text: what the text says, with names resolved, and no meaning of instructions.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "device.h"

namespace emulator::ptx {

enum class Type : uint8_t {
  kNone,
  kPred,
  kB8,
  kB16,
  kB32,
  kB64,
  kB128,
  kU8,
  kU16,
  kU32,
  kU64,
  kS8,
  kS16,
  kS32,
  kS64,
  kF16,
  kF16x2,
  kBf16,
  kBf16x2,
  kF32,
  kF64,
  kE4m3x2,
  kE5m2x2,
  kTf32
};
// Bytes of a value of the type; 0 for predicates.
int SizeOf(Type type);
// kNone when `name` (without its dot) is no type.
Type TypeOf(std::string_view name);

enum class Space : uint8_t { kGeneric, kRegister, kGlobal, kConst, kShared, kLocal, kParam };

struct Variable {
  std::string name;
  Space space = Space::kGlobal;
  uint32_t alignment = 1;
  uint64_t size = 0;  // bytes; 0 for an extern array of shared memory
  bool external = false;
  uint64_t offset = 0;  // in the function's param, shared or local space
  std::vector<std::byte> initial;
  struct Relocation {
    uint64_t offset = 0;  // into `initial`: 8 bytes that take the address
    std::string target;
    int64_t addend = 0;
  };
  std::vector<Relocation> relocations;
};

struct Operand {
  enum class Kind : uint8_t {
    kRegister,  // `index` into Function::registers; `negated` for !%p
    kSpecial,   // %tid.x: `name`
    kInteger,   // `bits`, two's complement
    kFloat,     // `bits` of a float (0f) or a double (0d): `wide`
    kVariable,  // `variable` + `bits`
    kLabel,     // `index` into Function::labels
    kFunction,  // `name`
    kAddress,   // [elements[0] + bits, elements[1..]]
    kVector,    // {elements}
    kList,      // (elements), of a call
    kPair,      // a|b
    kDiscard,   // _
  };
  Kind kind = Kind::kDiscard;
  bool negated = false;
  bool wide = false;
  uint32_t index = 0;
  uint64_t bits = 0;
  std::string name;
  const Variable* variable = nullptr;
  std::vector<Operand> elements;
};

struct Instruction {
  int guard = -1;  // predicate register
  bool guard_negated = false;
  std::vector<std::string> parts;  // the opcode split at its dots: "ld", "global", "v4", "f32"
  std::vector<Operand> operands;
  std::string text;
  int line = 0;
};

struct Function {
  std::string name;
  bool entry = false;
  bool defined = false;
  std::vector<std::unique_ptr<Variable>> parameters, results,
      variables;  // variables: shared and local ones, call parameters
  std::vector<Type> registers;
  std::vector<std::string> register_names;
  std::vector<int> labels;                                   // instruction that a label stands before
  std::map<uint32_t, std::vector<uint32_t>> branch_targets;  // of a .branchtargets label
  std::vector<Instruction> instructions;
  std::optional<Dim3> max_threads, required_threads, required_cluster;
};

struct Module {
  std::vector<std::unique_ptr<Variable>> variables;
  std::vector<std::unique_ptr<Function>> functions;
};

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws Error, which names the line.
std::unique_ptr<Module> Read(std::string_view text);

// Puts the bodies of the module's functions in place of a kernel's calls of them, with registers, labels and local
// variables of their own. Calls that can't be replaced stay: of functions without a body, and recursive ones.
void InlineCalls(const Module& module, Function& kernel);

}  // namespace emulator::ptx
