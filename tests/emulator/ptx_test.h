#pragma once

// Small PTX texts run on an emulated device, for tests of single instruction forms.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "device.h"

namespace emulator {

// One operand or result of an instruction, for many threads: low bits count.
using Values = std::vector<uint64_t>;

inline Device& TestDevice() {
  static Device device({.memory_bytes = size_t{256} << 20, .strict = true, .threads = 1, .print = {}});
  return device;
}

// Device memory for one test.
class Buffer {
 public:
  explicit Buffer(size_t bytes) : address_(TestDevice().Allocate(bytes)), bytes_(bytes) {
    EXPECT_FALSE(TestDevice().Fill(address_, 0, 1, bytes));
  }
  template <class T>
  explicit Buffer(const std::vector<T>& values) : Buffer(values.size() * sizeof(T)) {
    EXPECT_FALSE(TestDevice().CopyToDevice(address_, values.data(), bytes_));
  }
  ~Buffer() { TestDevice().Free(address_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  uint64_t address() const { return address_; }
  template <class T>
  std::vector<T> Read() const {
    std::vector<T> values(bytes_ / sizeof(T));
    EXPECT_FALSE(TestDevice().CopyFromDevice(values.data(), address_, values.size() * sizeof(T)));
    return values;
  }

 private:
  uint64_t address_;
  size_t bytes_;
};

inline const char* const kPtxHead = ".version 8.4\n.target sm_90a\n.address_size 64\n";

// Loads the text (with the head put before it) and runs its kernel `test` with the packed parameters.
inline Fault LaunchText(const std::string& text, const LaunchConfig& launch, std::span<const std::byte> parameters) {
  int module = 0;
  if (Fault fault = TestDevice().LoadModule(kPtxHead + text, "test", &module)) return fault;
  const KernelInfo* kernel = TestDevice().FindKernel("test", module);
  Fault fault = kernel ? TestDevice().Launch(*kernel, launch, parameters)
                       : Fault{FaultKind::kInvalidModule, "the text has no kernel named test"};
  TestDevice().UnloadModule(module);
  return fault;
}

// The same for parameters that are all .u64.
inline Fault RunKernel(const std::string& text, const LaunchConfig& launch, const std::vector<uint64_t>& parameters) {
  return LaunchText(text, launch, std::as_bytes(std::span(parameters)));
}

// Runs `body` in one thread for every element of the inputs, 32 a block. Operand i is there in three widths: %a<i>
// (b64), %w<i> (b32) and %h<i> (b16); the result is what the body leaves in %o, a register of `bits`. For the rest:
// %t<0..9> (b32), %q<0..9> (b64), %s<0..9> (b16), %p<0..9> (predicates), %lane (b32).
inline Values Evaluate(int bits, const std::string& body, std::vector<Values> inputs) {
  const size_t count = inputs.empty() ? 32 : inputs[0].size(), threads = (count + 31) / 32 * 32;
  const std::string width = std::to_string(bits);
  std::string text =
      ".visible .entry test(.param .u64 in, .param .u64 out) {\n"
      ".reg .b64 %a<6>, %q<10>, %in, %out, %offset; .reg .b32 %w<6>, %t<10>, %lane, %index; .reg .b16 %h<6>, %s<10>;\n"
      ".reg .pred %p<10>; .reg .b" +
      width +
      " %o; .reg .b32 %block;\n"
      "ld.param.u64 %in, [in]; ld.param.u64 %out, [out]; mov.u32 %lane, %tid.x; mov.u32 %block, %ctaid.x;\n"
      "mad.lo.u32 %index, %block, 32, %lane;\n";
  std::vector<uint64_t> packed;
  for (size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(inputs[i].size(), count);
    inputs[i].resize(threads, count ? inputs[i].back() : 0);
    const std::string n = std::to_string(i);
    text += "mul.wide.u32 %offset, %index, 8; add.u64 %offset, %offset, %in;\n";
    for (const char* load : {"u64 %a", "u32 %w", "u16 %h"}) {
      text += "ld.global." + std::string(load) + n + ", [%offset+" + std::to_string(i * threads * 8) + "];\n";
    }
    packed.insert(packed.end(), inputs[i].begin(), inputs[i].end());
  }
  text += body + "\nmul.wide.u32 %offset, %index, 8; add.u64 %offset, %offset, %out;\nst.global.b" + width +
          " [%offset], %o;\nret;\n}\n";
  packed.resize(std::max<size_t>(packed.size(), 1));
  const Buffer in(packed), out(threads * 8);
  const LaunchConfig launch{.grid = {static_cast<uint32_t>(threads / 32)}, .block = {32}};
  const Fault fault = RunKernel(text, launch, {in.address(), out.address()});
  EXPECT_FALSE(fault) << body << "\n" << fault.text;
  Values results = out.Read<uint64_t>();
  results.resize(count);
  return results;
}

// Every pair of elements of two lists, as two operands.
inline std::vector<Values> Pairs(const Values& a, const Values& b) {
  std::vector<Values> inputs(2);
  for (const uint64_t x : a) {
    for (const uint64_t y : b) {
      inputs[0].push_back(x);
      inputs[1].push_back(y);
    }
  }
  return inputs;
}

inline std::vector<Values> Triples(const Values& a, const Values& b, const Values& c) {
  std::vector<Values> inputs(3);
  for (const uint64_t x : a) {
    for (const uint64_t y : b) {
      for (const uint64_t z : c) {
        inputs[0].push_back(x);
        inputs[1].push_back(y);
        inputs[2].push_back(z);
      }
    }
  }
  return inputs;
}

// Compares `body` with a function of the operands, both cut to `bits`.
template <class Expected>
void Check(int bits, const std::string& body, const std::vector<Values>& inputs, Expected&& expected) {
  const Values actual = Evaluate(bits, body, inputs);
  const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  for (size_t i = 0; i < actual.size(); ++i) {
    uint64_t operands[4] = {};
    for (size_t j = 0; j < inputs.size() && j < 4; ++j) operands[j] = inputs[j][i];
    const uint64_t wanted = static_cast<uint64_t>(expected(operands[0], operands[1], operands[2], operands[3])) & mask;
    ASSERT_EQ(actual[i] & mask, wanted) << std::hex << body << " of 0x" << operands[0] << " 0x" << operands[1] << " 0x"
                                        << operands[2] << " 0x" << operands[3] << ": 0x" << actual[i] << ", not 0x"
                                        << wanted;
  }
}

// The same without operands' names that a test doesn't need.
#define OPERANDS \
  [[maybe_unused]] uint64_t a, [[maybe_unused]] uint64_t b, [[maybe_unused]] uint64_t c, [[maybe_unused]] uint64_t e

inline const Values kEdges64 = {0,
                                1,
                                2,
                                3,
                                7,
                                31,
                                32,
                                0x7F,
                                0x80,
                                0xFF,
                                0x7FFF,
                                0x8000,
                                0xFFFF,
                                0x10000,
                                0x12345678,
                                0x7FFFFFFF,
                                0x80000000,
                                0x80000001,
                                0xFFFFFFFE,
                                0xFFFFFFFF,
                                0x100000000,
                                0x123456789ABCDEF0,
                                0x7FFFFFFFFFFFFFFF,
                                0x8000000000000000,
                                0x8000000000000001,
                                0xFFFFFFFF80000000,
                                0xFFFFFFFFFFFFFFFE,
                                0xFFFFFFFFFFFFFFFF};

}  // namespace emulator
