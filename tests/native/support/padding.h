// The rows of grouped products that don't count, of which hadal.h leaves open on CUDA what is in them.
#pragma once

#include <cstdint>

#include "support/case.h"

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

}  // namespace hadal::tests
