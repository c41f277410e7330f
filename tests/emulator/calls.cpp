// Calls of functions that the module defines. A warp has one program counter for lanes that run together and no stack,
// so a function's body takes the place of each call of it; what nvcc leaves uninlined is small and rare (the slow path
// of a reduction, say).

#include <algorithm>
#include <unordered_map>

#include "ptx.h"

namespace emulator::ptx {
namespace {

class Inliner {
 public:
  Inliner(const Module& module, Function& kernel) : module_(module), kernel_(kernel) {}

  void Run() {
    if (std::none_of(kernel_.instructions.begin(), kernel_.instructions.end(),
                     [&](const Instruction& instruction) { return Callee(instruction) != nullptr; })) {
      return;
    }
    // The kernel becomes the first body in a list of instructions that begins empty.
    Function body;
    body.name = kernel_.name;
    body.registers.swap(kernel_.registers);
    body.register_names.swap(kernel_.register_names);
    body.labels.swap(kernel_.labels);
    body.branch_targets.swap(kernel_.branch_targets);
    body.instructions.swap(kernel_.instructions);
    Append(body, {}, nullptr);
  }

 private:
  using Variables = std::unordered_map<const Variable*, const Variable*>;

  // The function that an instruction calls, when its body can take the call's place.
  const Function* Callee(const Instruction& instruction) const {
    if (instruction.parts[0] != "call") return nullptr;
    for (const Operand& operand : instruction.operands) {
      if (operand.kind != Operand::Kind::kFunction) continue;
      for (const auto& function : module_.functions) {
        if (function->name == operand.name && function->defined && !function->entry &&
            std::find(active_.begin(), active_.end(), function.get()) == active_.end()) {
          return function.get();
        }
      }
    }
    return nullptr;
  }

  static void Move(Operand& operand, uint32_t registers, uint32_t labels, const Variables& variables) {
    if (operand.kind == Operand::Kind::kRegister) operand.index += registers;
    if (operand.kind == Operand::Kind::kLabel) operand.index += labels;
    if (const auto found = variables.find(operand.variable); found != variables.end()) operand.variable = found->second;
    for (Operand& element : operand.elements) Move(element, registers, labels, variables);
  }

  // Appends a function's instructions. `variables` says what stands for its parameters; `return_label` is where a
  // return goes (null: it is the kernel, and ends).
  void Append(const Function& function, Variables variables, const uint32_t* return_label) {
    const auto registers = static_cast<uint32_t>(kernel_.registers.size());
    const auto labels = static_cast<uint32_t>(kernel_.labels.size());
    kernel_.registers.insert(kernel_.registers.end(), function.registers.begin(), function.registers.end());
    kernel_.register_names.insert(kernel_.register_names.end(), function.register_names.begin(),
                                  function.register_names.end());
    kernel_.labels.resize(labels + function.labels.size(), -1);
    for (const auto& [label, targets] : function.branch_targets) {
      for (const uint32_t target : targets) kernel_.branch_targets[labels + label].push_back(labels + target);
    }
    for (const auto& variable : function.variables) {
      if (variable->space == Space::kShared) continue;  // one for all calls
      kernel_.variables.push_back(std::make_unique<Variable>(*variable));
      variables[variable.get()] = kernel_.variables.back().get();
    }
    active_.push_back(&function);
    for (size_t i = 0; i <= function.instructions.size(); ++i) {
      for (size_t label = 0; label < function.labels.size(); ++label) {
        if (function.labels[label] == static_cast<int>(i)) kernel_.labels[labels + label] = Here();
      }
      if (i == function.instructions.size()) break;
      Instruction instruction = function.instructions[i];
      if (instruction.guard >= 0) instruction.guard += static_cast<int>(registers);
      for (Operand& operand : instruction.operands) Move(operand, registers, labels, variables);
      if (const Function* callee = Callee(instruction)) {
        AppendCall(instruction, *callee);
      } else if (instruction.parts[0] == "ret" && return_label) {
        AppendBranch(instruction, *return_label, instruction.guard_negated);
      } else {
        kernel_.instructions.push_back(std::move(instruction));
      }
    }
    active_.pop_back();
  }

  void AppendCall(const Instruction& call, const Function& callee) {
    const auto after = static_cast<uint32_t>(kernel_.labels.size());
    kernel_.labels.push_back(-1);
    if (call.guard >= 0) AppendBranch(call, after, !call.guard_negated);
    // The caller's variables are the callee's parameters: of results before its name, of arguments behind.
    Variables variables;
    const auto* formal = &callee.results;
    for (const Operand& operand : call.operands) {
      if (operand.kind == Operand::Kind::kFunction) formal = &callee.parameters;
      for (size_t i = 0; i < operand.elements.size() && i < formal->size(); ++i) {
        variables[(*formal)[i].get()] = operand.elements[i].variable;
      }
    }
    Append(callee, std::move(variables), &after);
    kernel_.labels[after] = Here();
  }

  void AppendBranch(const Instruction& in_place_of, uint32_t label, bool guard_negated) {
    Instruction branch = in_place_of;
    branch.parts = {"bra"};
    branch.guard_negated = guard_negated;
    branch.operands.assign(1, Operand{});
    branch.operands[0].kind = Operand::Kind::kLabel;
    branch.operands[0].index = label;
    kernel_.instructions.push_back(std::move(branch));
  }

  int Here() const { return static_cast<int>(kernel_.instructions.size()); }

  const Module& module_;
  Function& kernel_;
  std::vector<const Function*> active_;  // whose bodies are being appended
};

}  // namespace

void InlineCalls(const Module& module, Function& kernel) {
  Inliner(module, kernel).Run();
}

}  // namespace emulator::ptx
