// The scheme of the FP8 GEMMs where there are no products of bf16: e4m3 becomes f32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/simd/e4m3_table.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Halves turns codes into binary16 times 2^-8, as E4m3Halves does.
constexpr float kHalvesScale = 0x1p8f;

// What ExpandCodes without NaN serves: all other codes.
template <class Halves>
class SeenCodes {
 public:
  [[gnu::always_inline]] void look(const std::byte* codes) { largest_ = Halves::larger(largest_, Halves::load(codes)); }
  [[gnu::always_inline]] bool is_served() const { return !Halves::has_nan(largest_); }

 private:
  typename Halves::Codes largest_{};
};

// Turns a register of codes, with their scale where kScales is set; without it they stay times 2^-8.
template <class Dot, class Halves, bool kScales, bool kHasNans>
class ExpandCodes {
 public:
  using Operand = typename Dot::Operand;

  [[gnu::always_inline]] explicit ExpandCodes(const float* scale)
      : scale_(floats_of(scale == nullptr ? kHalvesScale : kHalvesScale * *scale)) {}

  [[gnu::always_inline]] void operator()(const std::byte* codes, int step, Operand& first, Operand& second) const {
    auto halves = Halves::halves(Halves::load(codes), step == 1);
    if constexpr (kHasNans) halves = Halves::with_nans(halves);
    Halves::widen(halves, first, second);
    if constexpr (kScales) {
      first *= scale_;
      second *= scale_;
    }
  }

 private:
  Operand scale_;
};

// The same without NaN codes.
template <class Dot, class Halves, bool kScales>
struct ExpandNumbers : ExpandCodes<Dot, Halves, kScales, false> {
  using Seen = SeenCodes<Halves>;
  using All = ExpandCodes<Dot, Halves, kScales, true>;
  using ExpandCodes<Dot, Halves, kScales, false>::ExpandCodes;
};

// Products of f32. Scales of any kind are folded: a times its scale and b times its own, each rounded to f32 where the
// scale is no power of two. In streams of few rows, scales of b that are powers of two go to a, which is cheaper.
template <class Dot, class Halves>
struct F32ProductsOf : Dot {
  using Operand = typename Dot::Operand;
  using Expand = ExpandNumbers<Dot, Halves, true>;
  using MovedExpand = ExpandNumbers<Dot, Halves, false>;

  static constexpr int kOperands = 4;
  static constexpr int64_t kChunk = Halves::kCodes;
  static constexpr int64_t kChunkBytes = Halves::kCodes;
  static constexpr bool kScaled = true;
  static constexpr bool kFoldsAny = true;

  static bool folds(float scale) { return in_fold_range(scale); }

  [[gnu::always_inline]] static Operand moved(Operand a, float scale) { return a * floats_of(kHalvesScale * scale); }

  static void pack_block(const uint8_t* codes, const float* scale, Operand* operands, int64_t stride) {
    const typename Expand::All expand(scale);
    for (int64_t i = 0; i < HD_SCALE_BLOCK; i += kChunk) {
      for (int step = 0; step < kOperands / 2; ++step) {
        Operand first, second;
        expand(reinterpret_cast<const std::byte*>(codes + i), step, first, second);
        operands[0] = first;
        operands[stride] = second;
        operands += 2 * stride;
      }
    }
  }
};

}  // namespace
}  // namespace hadal::cpu
