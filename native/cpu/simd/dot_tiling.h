// How the rows of a product fall into tiles, for the dot-product GEMMs (dot_gemm.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/simd/dot_scheme.h"

namespace hadal::cpu {
namespace {

// Rows side by side.
struct DotTile {
  int64_t first;
  int64_t rows;
};

// Few rows: tiles of equal size, each of which turns b; the first-level cache holds it. More rows: the first tile turns
// b for the others, and is smaller, since that takes registers too.
template <DotScheme S>
class DotTiling {
 public:
  DotTiling(int64_t rows, Scaling scaling) : rows_(rows) {
    int64_t turned = S::kTurnedRows;
    int64_t most = S::kRows;
    if constexpr (BlockedDotScheme<S>) {
      if (scaling == Scaling::blocked) {
        turned = S::kBlockedTurnedRows;
        most = S::kBlockedRows;
      }
    }
    keeps_ = rows_ > turned;
    if (keeps_) {
      // As many as it can hold, or fewer where then all others are full.
      first_ = S::kTurningRows;
      for (int64_t fewer = 2; fewer < S::kTurningRows; ++fewer) {
        if ((rows_ - fewer) % most == 0) first_ = fewer;
      }
      count_ = 1 + (rows_ - first_ + most - 1) / most;
    } else {
      count_ = (rows_ + S::kTurningRows - 1) / S::kTurningRows;
      first_ = (rows_ + count_ - 1) / count_;
    }
    const int64_t others = std::max<int64_t>(count_ - 1, 1);
    least_ = (rows_ - first_) / others;
    larger_ = (rows_ - first_) % others;
  }

  // Whether the first tile keeps b turned for the others.
  bool keeps() const { return keeps_; }
  int64_t count() const { return count_; }

  DotTile at(int64_t tile) const {
    if (tile == 0) return {0, first_};
    const int64_t other = tile - 1;
    return {first_ + other * least_ + std::min(other, larger_), least_ + (other < larger_ ? 1 : 0)};
  }

  // The tile that holds a row.
  DotTile of(int64_t row) const {
    if (row < first_) return at(0);
    const int64_t other = row - first_;
    const int64_t in_larger = larger_ * (least_ + 1);
    return at(1 + (other < in_larger ? other / (least_ + 1) : larger_ + (other - in_larger) / least_));
  }

 private:
  int64_t rows_;
  int64_t first_;  // Rows of the first tile.
  int64_t count_;
  int64_t least_;  // Rows of each of the others; the first larger_ of them have one more.
  int64_t larger_;
  bool keeps_;
};

}  // namespace
}  // namespace hadal::cpu
