// e4m3 times a scale that is a power of two, exact in bf16, for AVX-512. Included by *_avx512.cpp alone.
#pragma once

#include <cstddef>

#include "cpu/simd/avx512.h"
#include "cpu/simd/e4m3_table.h"

namespace hadal::cpu {
namespace {

// The tables of e4m3 times each power of two that folds.
struct ScaledTables {
  E4m3Table of[kMostFold - kLeastFold + 1];
};

constexpr ScaledTables kScaledE4m3Tables = [] {
  ScaledTables tables{};
  for (int e = kLeastFold; e <= kMostFold; ++e) tables.of[e - kLeastFold] = make_e4m3_table(e);
  return tables;
}();

// Turns 64 codes at a time, with their scale where that is given: a power of two that folds.
class ScaledE4m3 {
 public:
  [[gnu::always_inline]] explicit ScaledE4m3(const float* scale)
      : table_(scale == nullptr ? kE4m3Table : kScaledE4m3Tables.of[fold_index(*scale)]) {}
  [[gnu::always_inline]] void operator()(const std::byte* codes, int, __m512i& first, __m512i& second) const {
    table_.by_lane(_mm512_loadu_si512(codes), first, second);
  }

 private:
  E4m3ToBf16 table_;
};

}  // namespace
}  // namespace hadal::cpu
