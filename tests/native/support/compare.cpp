#include "support/compare.h"

#include <cmath>
#include <cstring>

#include "support/numbers.h"

namespace hadal::tests {
namespace {

double element(const std::byte* bytes, Type type) {
  switch (type) {
    case Type::u8:
      return static_cast<double>(*bytes);
    case Type::i32: {
      int32_t value;
      std::memcpy(&value, bytes, 4);
      return value;
    }
    case Type::f32: {
      float value;
      std::memcpy(&value, bytes, 4);
      return value;
    }
    default: {
      uint16_t bits;
      std::memcpy(&bits, bytes, 2);
      return decode_bf16(bits);
    }
  }
}

bool same_kind(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return true;
}

}  // namespace

std::vector<double> elements_of(const std::vector<std::byte>& bytes, Type type) {
  std::vector<double> values(bytes.size() / size_of(type));
  for (size_t i = 0; i < values.size(); ++i) values[i] = element(&bytes[i * size_of(type)], type);
  return values;
}

testing::AssertionResult agrees(const Tensor& tensor, const std::vector<std::byte>& actual, const Expected& expected) {
  const size_t bytes = size_of(tensor.type);
  const size_t count = actual.size() / bytes;
  if (expected.values.size() != count) {
    return testing::AssertionFailure() << tensor.name << ": " << expected.values.size() << " expected elements, "
                                       << count << " in memory";
  }
  double squares = 0;
  size_t finite = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!expected.written[i]) {
      if (std::memcmp(&actual[i * bytes], &tensor.content[i * bytes], bytes) != 0) {
        return testing::AssertionFailure()
               << tensor.name << "[" << i << "] of " << count << " was written, which it must not be";
      }
      continue;
    }
    const double value = element(&actual[i * bytes], tensor.type);
    if (!same_kind(value, expected.values[i])) {
      return testing::AssertionFailure() << tensor.name << "[" << i << "] of " << count << " is " << value
                                         << "; expected " << expected.values[i];
    }
    if (std::isfinite(value)) {
      squares += expected.values[i] * expected.values[i];
      ++finite;
    }
  }
  const double rms = finite == 0 ? 0 : std::sqrt(squares / static_cast<double>(finite));
  const Tolerance& tolerance = tensor.tolerance;
  double product = 0;
  double actual_squares = 0;
  for (size_t i = 0; i < count; ++i) {
    const double value = element(&actual[i * bytes], tensor.type);
    const double wanted = expected.values[i];
    if (!expected.written[i] || !std::isfinite(value)) continue;
    const double allowed = tolerance.relative * std::fabs(wanted) + tolerance.of_rms * rms;
    if (std::fabs(value - wanted) > allowed) {
      return testing::AssertionFailure() << tensor.name << "[" << i << "] of " << count << " is " << value
                                         << "; expected " << wanted << " within " << allowed;
    }
    product += value * wanted;
    actual_squares += value * value;
  }
  if (!tolerance.exact() && squares > 0 && actual_squares > 0) {
    const double distance = 1 - product / std::sqrt(squares * actual_squares);
    if (distance > tolerance.cosine) {
      return testing::AssertionFailure() << tensor.name << ": the cosine is 1 - " << distance << "; allowed "
                                         << tolerance.cosine;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult agrees(const Tensor& tensor, const std::vector<std::byte>& actual,
                                const std::vector<std::byte>& other) {
  const size_t bytes = size_of(tensor.type);
  if (tensor.tolerance.exact()) {
    for (size_t i = 0; i < actual.size() / bytes; ++i) {
      if (std::memcmp(&actual[i * bytes], &other[i * bytes], bytes) == 0) continue;
      const double value = element(&actual[i * bytes], tensor.type);
      const double wanted = element(&other[i * bytes], tensor.type);
      if (std::isnan(value) && std::isnan(wanted)) continue;
      return testing::AssertionFailure() << tensor.name << "[" << i << "] of " << actual.size() / bytes << " is "
                                         << value << "; expected exactly " << wanted;
    }
    return testing::AssertionSuccess();
  }
  Expected expected{elements_of(other, tensor.type), std::vector<bool>(other.size() / bytes)};
  for (size_t i = 0; i < expected.written.size(); ++i) {
    expected.written[i] = std::memcmp(&other[i * bytes], &tensor.content[i * bytes], bytes) != 0;
  }
  return agrees(tensor, actual, expected);
}

bool same_bits(Type type, const std::byte* a, const std::byte* b, size_t bytes) {
  for (size_t i = 0; i < bytes; i += size_of(type)) {
    if (std::memcmp(a + i, b + i, size_of(type)) == 0) continue;
    if (!std::isnan(element(a + i, type)) || !std::isnan(element(b + i, type))) return false;
  }
  return true;
}

}  // namespace hadal::tests
