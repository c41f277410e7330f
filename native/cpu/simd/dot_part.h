// What a tile of a dot-product GEMM (dot_gemm.h) is given.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/dot_scheme.h"

namespace hadal::cpu {
namespace {

constexpr int kDotColumns = 4;  // Columns of b that a tile of rows meets at once.

// The sizes of a product.
template <DotScheme S>
struct DotShape {
  int64_t k;
  int64_t b_stride;  // Bytes between rows of b.
  int32_t d_dtype;

  int64_t chunks = (k + S::kChunk - 1) / S::kChunk;

  int64_t operands() const { return S::kOperands * chunks; }
  int64_t operand_bytes() const { return operands() * static_cast<int64_t>(sizeof(typename S::Operand)); }
  int64_t blocks() const { return (k + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK; }
};

// A tile of rows times up to four columns, over a part of K.
template <DotScheme S>
struct DotPart {
  using Operand = typename S::Operand;

  const Operand* a = nullptr;      // [operand][rows]
  const float* a_scale = nullptr;  // [block][rows]
  const int64_t* row_d = nullptr;  // [rows]: the row of d of each.
  void* d = nullptr;
  int64_t d_stride = 0;
  const std::byte* b = nullptr;    // Of the first column.
  int64_t b_step = 0;              // Bytes from a column to the next.
  const float* b_scale = nullptr;  // [block]
  int64_t first_chunk = 0;         // Of K; a and b begin there. With `chunks`, whole blocks unless K ends.
  int64_t chunks = 0;
  typename S::Vector* waiting = nullptr;  // Sums of the parts before, where there are any, and of those up to this:
                                          // [row][4], or blocked [row], by fold4.
  int64_t column = 0;                     // Of d.
  int64_t columns = 0;                    // Of the four, those that there are.
  float* sums = nullptr;                  // Of a stream, [row][128], where the columns lie sums_step apart; else d
  int64_t sums_step = 0;                  // takes them.
  Operand* panel = nullptr;               // [operand][4]
  const std::byte* next = nullptr;        // What to fetch meanwhile: next_chunks of four rows.
  int64_t next_chunks = 0;
  const Operand* next_a = nullptr;  // Of a to fetch meanwhile: next_a_bytes for each chunk.
  int64_t next_a_bytes = 0;
};

}  // namespace
}  // namespace hadal::cpu
