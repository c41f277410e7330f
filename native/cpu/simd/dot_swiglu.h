// silu(rows . gate) * (rows . up), for the dot-product GEMMs (dot_gemm.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "cpu/simd/dot_panel.h"
#include "cpu/simd/silu.h"

namespace hadal::cpu {
namespace {

// The product with `up` goes to a worker's own memory, some columns after those with `gate`, and is at once multiplied
// into them.
template <DotScheme S>
class DotSwiGlu {
 public:
  static constexpr int64_t kColumns = 128;  // Of the second product, at a time.
  static constexpr int64_t kMaxRows = 1024;

  static int64_t thread_bytes(int64_t max_rows, int32_t d_dtype) {
    return max_rows * kColumns * (d_dtype == HD_DTYPE_F32 ? 4 : 2);
  }

  // The columns [column, end) of both. `space` is what the panels want, up_space takes the second product.
  static void multiply(const DotPanels<S>& panels, const DotShape<S>& shape, const DotRows<S>& rows,
                       const DotWeight (&weights)[2], int64_t column, int64_t end, const std::byte* after,
                       std::byte* space, std::byte* up_space) {
    const auto& [gate, up] = weights;
    DotRows<S> own = rows;
    own.row_d = kOwnRows.data();
    own.d = up_space;
    own.d_stride = kColumns;
    for (int64_t next; column < end; column = next) {
      next = std::min(end, (column / kColumns + 1) * kColumns);
      own.d_column = column;
      panels.multiply(rows, gate, column, next, up.b + column * shape.b_stride, space);
      panels.multiply(own, up, column, next, next < end ? gate.b + next * shape.b_stride : after, space);
      for (int64_t row = 0; row < rows.count; ++row) {
        const int64_t d = rows.row_d[row] * rows.d_stride + column;
        for (int64_t i = 0; i < next - column; i += kFloats) {
          const int64_t left = next - column - i;
          const Floats product = silu_times(load_floats(rows.d, shape.d_dtype, d + i, left),
                                            load_floats(own.d, shape.d_dtype, row * kColumns + i, left));
          store_floats(rows.d, shape.d_dtype, d + i, product, left);
        }
      }
    }
  }

 private:
  static constexpr auto kOwnRows = [] {
    std::array<int64_t, kMaxRows> rows{};
    for (int64_t i = 0; i < kMaxRows; ++i) rows[static_cast<size_t>(i)] = i;
    return rows;
  }();
};

}  // namespace
}  // namespace hadal::cpu
