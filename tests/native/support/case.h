// One call of an operation as data: the args struct, and every piece of memory that it points to. A case can be run by
// any variant, through the ABI on any device, or by the double-precision reference, from the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hadal.h"

namespace hadal::tests {

enum class Type { u8, i32, f32, bf16 };

constexpr size_t size_of(Type type) {
  return type == Type::u8 ? 1 : type == Type::bf16 ? 2 : 4;
}

constexpr Type type_of(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? Type::f32 : Type::bf16;
}

enum class Role { input, output, updated };

// How far an element may be from the expected one: relative * |expected| + of_rms * (rms of the tensor), and the cosine
// of the whole from 1. All zero: the bits.
struct Tolerance {
  double relative = 0;
  double of_rms = 0;
  double cosine = 0;

  bool exact() const { return relative == 0 && of_rms == 0; }
};

// Bytes of a tensor that belong to one row of the case.
struct Slice {
  size_t offset;
  size_t bytes;
};

struct Tensor {
  std::string name;
  std::vector<size_t> fields;  // Offsets in the args of the pointers to it; several where the call works in place.
  Type type;
  Role role;
  std::vector<std::byte> content;  // Before the call. Outputs hold kUnwritten bytes.
  size_t offset = 0;               // Bytes past a 64-byte boundary where it is placed.
  Tolerance tolerance;
  std::vector<std::vector<Slice>> rows;  // Of an output: by row of the case, where rows are independent.
};

constexpr std::byte kUnwritten{0xa5};

// A host array of pointers to tensors (grouped weights).
struct PointerArray {
  size_t field;
  std::vector<size_t> tensors;
};

// A host array of plain numbers.
struct HostArray {
  size_t field;
  std::vector<std::byte> content;
};

struct Case {
  std::string name;
  int32_t op = 0;
  std::vector<std::byte> args;
  std::vector<Tensor> tensors;
  std::vector<PointerArray> arrays;
  std::vector<HostArray> host_arrays;

  template <class Args>
  const Args& as() const {
    return *reinterpret_cast<const Args*>(args.data());
  }
};

// Makes a case of a shape. Row i of the case depends on row_ids[i] alone, so that a row can be met alone, in a batch,
// or at another place in one. Where rows are not independent the ids are ignored.
struct CaseMaker {
  std::string name;
  int rows;
  bool independent_rows;
  std::function<Case(std::span<const int> row_ids)> make;

  Case whole() const;
};

// Every shape that an operation is tested at.
std::vector<CaseMaker> cases_of(int32_t op);

#define HD_OPERATION(name, op) std::vector<CaseMaker> name##_cases();
#include "abi/operations.inc"
#undef HD_OPERATION

}  // namespace hadal::tests
