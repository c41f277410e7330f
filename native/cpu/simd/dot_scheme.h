// What the dot-product GEMMs (dot_gemm.h) need to know about operands: a scheme says how elements of b become operands,
// how operands are multiplied and how sums are folded. fp8_gemm and gemm define the schemes, one for each instruction
// set and pair of types.
#pragma once

#include <immintrin.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "hadal.h"

namespace hadal::cpu {
namespace {

// Where the scales of the 128-blocks of K enter. Which of them serves an output depends on its own scales alone.
enum class Scaling {
  folded,   // In the operands already, or there are no scales.
  blocked,  // Each block is summed by itself and then scaled.
};

// Turns S::kChunk elements of b, which lie at a pointer, into S::kOperands operands: two in each step.
template <class E, class Operand>
concept DotExpand = requires(const E& expand, const std::byte* b, Operand& x) {
  { expand(b, int{}, x, x) } -> std::same_as<void>;
};

// What an E has seen: whether it served all codes.
struct DotSeesNothing {
  [[gnu::always_inline]] static void look(const std::byte*) {}
  [[gnu::always_inline]] static bool is_served() { return true; }
};

// An E that does not serve all codes has a type Seen, which looks at each chunk once, and a type All, which does.
template <class E>
struct DotServing {
  using Seen = DotSeesNothing;
  using All = E;
};

template <class E>
requires requires {
  typename E::All;
}
struct DotServing<E> {
  using Seen = typename E::Seen;
  using All = typename E::All;
};

// A scheme:
//  Vector          partial sums of one output, a register.
//  Operand         elements of a or b, a register.
//  kRows           rows of a in a tile that takes b from a panel.
//  kTurningRows    rows of a in a tile that turns b into operands, which takes registers too.
//  kTurnedRows     up to so many rows of a run, every tile turns b.
//  kTurningSums    sums of a tile that turns b, at most: it takes two columns at a time where four want more.
//  kChunk          elements of K that become kOperands operands; kChunkBytes of b.
//  kScaled         whether b has scales. Then Expand takes those of a block; otherwise K may end within a chunk, which
//                  ExpandTail turns.
//  fold4           lays the sums of four registers side by side in one, in parts that sum_parts adds up.
//  scale_add       sum + part * scale.
//  store4          writes up to four outputs as d's type.
template <class S>
concept DotScheme = requires(typename S::Vector sum, typename S::Operand operand, typename S::Operand* x,
                             const typename S::Operand* a, const float* scale, void* d, int64_t i) {
  requires S::kRows >= 1 && S::kTurningRows >= 1 && S::kTurnedRows >= 1 && S::kTurningSums >= 2 * S::kTurningRows;
  requires S::kOperands == 2 || S::kOperands == 4;
  requires S::kChunk >= 1 && HD_SCALE_BLOCK % S::kChunk == 0 && S::kChunkBytes >= 1;
  { S::zero() } -> std::same_as<typename S::Vector>;
  { S::load(a) } -> std::same_as<typename S::Operand>;
  { S::store(x, operand) } -> std::same_as<void>;
  { S::dot(sum, operand, operand) } -> std::same_as<typename S::Vector>;
  { S::fold4(sum, sum, sum, sum) } -> std::same_as<typename S::Vector>;
  { S::scale_add(sum, sum, 1.0f) } -> std::same_as<typename S::Vector>;
  { S::store4(d, int32_t{}, i, S::sum_parts(sum), i) } -> std::same_as<void>;
  requires DotExpand<typename S::Expand, typename S::Operand> &&
      std::constructible_from<typename S::Expand, const float*>;
  requires S::kScaled || DotExpand<typename S::ExpandTail, typename S::Operand>;
};

// A scheme with an Expand for streams that leaves b's scales out, which move to a: exact where they are powers of two.
template <class S>
concept MovingDotScheme = DotScheme<S> && requires(typename S::Operand operand) {
  requires DotExpand<typename S::MovedExpand, typename S::Operand>;
  { S::moved(operand, 1.0f) } -> std::same_as<typename S::Operand>;
};

// A scheme that also serves scales that don't fold: kBlockedRows and kBlockedTurnedRows are its kRows and kTurnedRows
// where blocks are summed by themselves.
template <class S>
concept BlockedDotScheme = DotScheme<S> && requires {
  requires S::kBlockedRows >= 1 && S::kBlockedTurnedRows >= 1;
};

// Rows of a tile that takes b from a panel, at most.
template <DotScheme S, Scaling kScaling>
constexpr int64_t dot_rows() {
  if constexpr (kScaling == Scaling::blocked) {
    return S::kBlockedRows;
  } else {
    return S::kRows;
  }
}

// Calls with the scaling as template argument.
template <DotScheme S, class Call>
void with_scaling(Scaling scaling, const Call& call) {
  if constexpr (BlockedDotScheme<S>) {
    if (scaling == Scaling::blocked) return call.template operator()<Scaling::blocked>();
  }
  call.template operator()<Scaling::folded>();
}

// Calls with the template argument that equals `rows`, 1 to kMost.
template <int kMost, class Call>
void with_rows(int64_t rows, const Call& call) {
  if constexpr (kMost > 1) {
    if (rows < kMost) return with_rows<kMost - 1>(rows, call);
  }
  call.template operator()<kMost>();
}

}  // namespace
}  // namespace hadal::cpu
