// What each operation of hadal.h comes to, in double precision and written from the header's words alone: plain loops
// that share nothing with the kernels. Where the header fixes each rounding, it is made here too.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "support/case.h"
#include "support/compare.h"
#include "support/numbers.h"

namespace hadal::tests {

using Results = std::map<std::string, Expected>;  // By the name of the output.

// The results of a case whose args point to its memory (Placed).
Results reference(int32_t op, const void* args);

#define HD_OPERATION(name, op) Results reference_of(const hd_##name##_args& args);
#include "abi/operations.inc"
#undef HD_OPERATION

inline double at(const void* data, int32_t dtype, int64_t index) {
  if (dtype == HD_DTYPE_F32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(data) + index * 4, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(data) + index * 2, 2);
  return decode_bf16(bits);
}

// As an element of the type holds it.
inline double rounded(double value, int32_t dtype) {
  const auto single = static_cast<float>(value);
  return dtype == HD_DTYPE_F32 ? single : decode_bf16(encode_bf16(single));
}

inline void put(Expected& expected, int64_t index, double value) {
  const auto i = static_cast<size_t>(index);
  if (i >= expected.values.size()) {
    expected.values.resize(i + 1);
    expected.written.resize(i + 1);
  }
  expected.values[i] = value;
  expected.written[i] = true;
}

// The rule of hd_fp8_quantize for 128 values: their scale, and their codes.
float quantized(const double* x, int32_t scale_format, uint8_t* codes);

}  // namespace hadal::tests
