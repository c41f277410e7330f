// Branches, exits, traps and calls.

#include <cstdio>
#include <cstring>

#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

Next Jump(Warp& warp, const Op& op, uint32_t mask) {
  warp.Branch(mask, op.target);
  return Next::kJumped;
}

// brx.idx: one branch for each target that a lane takes.
Next JumpByIndex(Warp& warp, const Op& op, uint32_t mask) {
  const auto& targets = *static_cast<const std::vector<int32_t>*>(op.extra);
  const uint32_t* index = warp.In<uint32_t>(op.a);
  const int lane = __builtin_ctz(mask);
  if (index[lane] >= targets.size()) {
    throw KernelFault{FaultKind::kIllegalInstruction,
                      "branch index " + std::to_string(index[lane]) + " of " + std::to_string(targets.size()), lane};
  }
  uint32_t same = 0;
  ForLanes(mask, [&](int i) { same |= index[i] == index[lane] ? 1u << i : 0; });
  if (same == warp.active) {
    warp.pc = targets[index[lane]];
    return Next::kJumped;
  }
  // The others run this instruction again.
  warp.others.push_back({warp.pc, warp.active & ~same, false});
  warp.active = same;
  warp.Branch(same, targets[index[lane]]);
  warp.limit = 0;
  return Next::kJumped;
}

Next Leave(Warp& warp, const Op&, uint32_t mask) {
  return warp.Exit(mask);
}

Next Trap(Warp&, const Op&, uint32_t) {
  throw KernelFault{FaultKind::kTrap, "trap", -1};
}

Next Nothing(Warp&, const Op&, uint32_t) {
  return Next::kNext;
}

// --- printf
struct Reader {
  Warp& warp;
  int lane;
  // A byte of the memory of a thread, wherever it is.
  uint8_t Byte(uint64_t address) {
    const uint64_t offset = address - warp.cluster->memory->base();
    if (offset - kLocalWindow < kWindowBytes) {
      const uint64_t at = offset - kLocalWindow;
      if (at >= warp.cluster->code->local_bytes) {
        throw KernelFault{FaultKind::kInvalidAddress, "printf reads outside of local memory", lane};
      }
      return static_cast<uint8_t>(warp.local[lane * warp.cluster->code->local_bytes + at]);
    }
    if (offset - kSharedWindow < kWindowBytes) {
      return static_cast<uint8_t>(*warp.cluster->Shared(offset, 1, 1, lane));
    }
    return static_cast<uint8_t>(*warp.cluster->Global(warp, address, 1, 1, false, lane));
  }
  uint64_t Value(uint64_t address, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= uint64_t{Byte(address + i)} << (8 * i);
    return value;
  }
  std::string Text(uint64_t address) {
    std::string text;
    while (text.size() < 4096) {
      const char c = static_cast<char>(Byte(address + text.size()));
      if (c == 0) break;
      text += c;
    }
    return text;
  }
};

std::string Format(Reader& reader, const std::string& format, uint64_t arguments) {
  std::string out;
  size_t at = 0;
  const auto take = [&](int bytes) {
    at = (at + bytes - 1) / bytes * bytes;
    const uint64_t value = reader.Value(arguments + at, bytes);
    at += bytes;
    return value;
  };
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    std::string spec = "%";
    bool wide = false;
    for (++i; i < format.size(); ++i) {
      const char c = format[i];
      if (c == '*') {
        spec += std::to_string(static_cast<int>(take(4)));
      } else if (std::strchr("0123456789.+- #", c)) {
        spec += c;
      } else if (c == 'l' || c == 'z' || c == 'j' || c == 't') {
        wide = true;
      } else if (c != 'h') {
        break;
      }
    }
    if (i >= format.size()) break;
    const char c = format[i];
    char text[512];
    if (c == '%') {
      out += '%';
      continue;
    }
    if (c == 's') {
      const std::string value = reader.Text(take(8));
      spec += 's';
      std::snprintf(text, sizeof text, spec.c_str(), value.c_str());
    } else if (std::strchr("fFeEgGaA", c)) {
      spec += c;
      double value;
      const uint64_t bits = take(8);
      std::memcpy(&value, &bits, 8);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    } else if (c == 'p') {
      std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(take(8)));
    } else if (c == 'c') {
      text[0] = static_cast<char>(take(4));
      text[1] = 0;
    } else {
      spec += "ll";
      spec += c;
      const uint64_t bits = take(wide ? 8 : 4);
      const bool is_signed = c == 'd' || c == 'i';
      const long long value = is_signed && !wide ? static_cast<int32_t>(bits) : static_cast<long long>(bits);
      std::snprintf(text, sizeof text, spec.c_str(), value);
    }
    out += text;
  }
  return out;
}

uint64_t LocalValue(Warp& warp, int lane, uint64_t offset) {
  uint64_t value;
  std::memcpy(&value, warp.local + lane * warp.cluster->code->local_bytes + offset, 8);
  return value;
}

// imm and a are the offsets of the parameters in local memory, b that of the result.
Next Print(Warp& warp, const Op& op, uint32_t mask) {
  ForLanes(mask, [&](int lane) {
    Reader reader{warp, lane};
    const std::string text = Format(reader, reader.Text(LocalValue(warp, lane, op.imm)), LocalValue(warp, lane, op.a));
    warp.cluster->config->print(text);
    const uint32_t printed = 1;
    if (op.b != kNoRef) {
      std::memcpy(warp.local + lane * warp.cluster->code->local_bytes + op.b, &printed, 4);
    }
  });
  return Next::kNext;
}

Next FailAssertion(Warp& warp, const Op& op, uint32_t mask) {
  const int lane = __builtin_ctz(mask);
  Reader reader{warp, lane};
  const auto offsets = op.list;
  throw KernelFault{FaultKind::kTrap,
                    reader.Text(LocalValue(warp, lane, offsets[1])) + ":" +
                        std::to_string(static_cast<uint32_t>(LocalValue(warp, lane, offsets[2]))) + ": assertion '" +
                        reader.Text(LocalValue(warp, lane, offsets[0])) + "' failed",
                    lane};
}

void DecodeCall(Decoder& decoder, Op& op) {
  decoder.Take("uni");
  std::string name;
  std::vector<Ref> offsets;
  Ref result = kNoRef;
  bool named = false;
  for (size_t i = 0; i < decoder.operand_count(); ++i) {
    const Operand& operand = decoder.operand(i);
    if (operand.kind == Operand::Kind::kFunction) {
      name = operand.name;
      named = true;
    } else if (operand.kind == Operand::Kind::kList) {
      for (const Operand& element : operand.elements) {
        if (element.kind != Operand::Kind::kVariable) decoder.Fail("a parameter that is no variable");
        (named ? offsets.emplace_back() : result) = static_cast<Ref>(element.variable->offset);
      }
    }
  }
  if (name == "vprintf" && offsets.size() == 2) {
    op.imm = offsets[0];
    op.a = offsets[1];
    op.b = result;
    op.run = Print;
  } else if (name == "__assertfail" && offsets.size() == 5) {
    op.list = decoder.List(offsets);
    op.run = FailAssertion;
  } else {
    decoder.Fail("calls of " + name + " are not implemented");
  }
}

}  // namespace

bool DecodeControl(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name == "bra") {
    decoder.Take("uni");
    if (decoder.operand(0).kind != Operand::Kind::kLabel) decoder.Fail("a label is missing");
    op.target = decoder.LabelTarget(decoder.operand(0).index);
    op.run = Jump;
  } else if (name == "brx") {
    decoder.Take("idx");
    decoder.Take("uni");
    op.a = decoder.Source(0, Type::kU32);
    const auto found = decoder.function().branch_targets.find(decoder.operand(1).index);
    if (found == decoder.function().branch_targets.end()) decoder.Fail("the targets are missing");
    std::vector<int32_t> targets;
    for (const uint32_t label : found->second) targets.push_back(decoder.LabelTarget(label));
    op.extra = decoder.Extra(std::move(targets));
    op.run = JumpByIndex;
  } else if (name == "ret" || name == "exit") {
    decoder.Take("uni");
    op.run = Leave;
  } else if (name == "trap") {
    op.run = Trap;
  } else if (name == "call") {
    DecodeCall(decoder, op);
  } else if (name == "nanosleep" || name == "setmaxnreg" || name == "griddepcontrol" || name == "createpolicy" ||
             name == "prefetch" || name == "pragma" || name == "discard" || name == "applypriority" ||
             name == "brkpt" || name == "prefetchu") {
    // No effect on what is computed; kernels of a stream run one after the other.
    decoder.TakeAll();
    op.run = Nothing;
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
