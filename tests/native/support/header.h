// The structs of a header's own text, with fields laid out by the rules of C.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hadal::tests {

struct HeaderRow {
  std::string type;
  std::string field;  // Empty for the struct itself, which comes before its fields.
  uint32_t offset;
  uint32_t size;
};

std::vector<HeaderRow> layout_of(const std::string& path);

}  // namespace hadal::tests
