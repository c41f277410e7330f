// The rows of grouped products that don't count, of which hadal.h leaves open on devices other than the CPU what is in
// them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "support/case.h"
#include "support/run.h"

namespace hadal::tests {

template <class Element>
const Element* content_of(const Case& source, const char* name) {
  for (const Tensor& tensor : source.tensors) {
    if (tensor.name == name) return reinterpret_cast<const Element*>(tensor.content.data());
  }
  return nullptr;
}

inline bool is_padding(const Case& source, size_t row, size_t group) {
  if (const auto* layout = content_of<int32_t>(source, "grouped_layout")) return layout[row] < 0;
  const auto* masked_m = content_of<int32_t>(source, "masked_m");
  return masked_m != nullptr && static_cast<int32_t>(row) >= masked_m[group];
}

// Takes what is in those rows from `expected`.
inline void forgive_padding(const Case& source, Outcome& actual, const Outcome& expected) {
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const auto& rows = source.tensors[i].rows;
    for (size_t row = 0; row < rows.size(); ++row) {
      for (size_t group = 0; group < rows[row].size(); ++group) {
        if (!is_padding(source, row, group)) continue;
        const auto [offset, bytes] = rows[row][group];
        std::copy_n(expected.tensors[i].begin() + static_cast<std::ptrdiff_t>(offset), bytes,
                    actual.tensors[i].begin() + static_cast<std::ptrdiff_t>(offset));
      }
    }
  }
}

}  // namespace hadal::tests
