// The comparison of results, in order: the same infinities and NaNs, then each element's error, then the cosine.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/case.h"

namespace hadal::tests {

// What a tensor must hold after a call: a value for each element, or nothing where it must not be written.
struct Expected {
  std::vector<double> values;
  std::vector<bool> written;
};

// Elements of a tensor's bytes.
std::vector<double> elements_of(const std::vector<std::byte>& bytes, Type type);

testing::AssertionResult agrees(const Tensor& tensor, const std::vector<std::byte>& actual, const Expected& expected);

// Against the bytes that another run of the same case left.
testing::AssertionResult agrees(const Tensor& tensor, const std::vector<std::byte>& actual,
                                const std::vector<std::byte>& other);

// The same bits, element by element; of a NaN neither sign nor payload is promised, as processors take it from either
// operand.
bool same_bits(Type type, const std::byte* a, const std::byte* b, size_t bytes);

}  // namespace hadal::tests
