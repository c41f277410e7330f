// Puts a case together.
#pragma once

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "support/case.h"
#include "support/numbers.h"
#include "support/random.h"

namespace hadal::tests {

// Tolerances of results that are sums in f32 in an order of the kernel's own, by the type that they are stored in.
constexpr Tolerance kExact{};
constexpr Tolerance kF32{1e-5, 1e-5, 1e-9};
constexpr Tolerance kBf16{0x1p-7, 1e-4, 1e-5};

constexpr Tolerance tolerance_of(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? kF32 : kBf16;
}

inline std::vector<std::byte> to_bytes(const std::vector<float>& values, Type type) {
  std::vector<std::byte> bytes(values.size() * size_of(type));
  for (size_t i = 0; i < values.size(); ++i) {
    if (type == Type::f32) {
      std::memcpy(&bytes[i * 4], &values[i], 4);
    } else {
      const uint16_t bits = encode_bf16(values[i]);
      std::memcpy(&bytes[i * 2], &bits, 2);
    }
  }
  return bytes;
}

template <class T>
std::vector<std::byte> to_bytes(const std::vector<T>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <class Args>
class Builder {
 public:
  Args args{};

  Builder(std::string name, int32_t op) {
    case_.name = std::move(name);
    case_.op = op;
    args.struct_size = sizeof(Args);
  }

  template <class Pointer>
  size_t field(Pointer Args::*member) const {
    return static_cast<size_t>(reinterpret_cast<const char*>(&(args.*member)) - reinterpret_cast<const char*>(&args));
  }

  template <class Pointer>
  Tensor& input(const char* name, Pointer Args::*member, const std::vector<float>& values, int32_t dtype) {
    return add(name, {field(member)}, type_of(dtype), Role::input, to_bytes(values, type_of(dtype)));
  }

  template <class Pointer>
  Tensor& input(const char* name, Pointer Args::*member, const std::vector<uint8_t>& codes) {
    return add(name, {field(member)}, Type::u8, Role::input, to_bytes(codes));
  }

  template <class Pointer>
  Tensor& input(const char* name, Pointer Args::*member, const std::vector<int32_t>& values) {
    return add(name, {field(member)}, Type::i32, Role::input, to_bytes(values));
  }

  // Memory that `arrays` point to.
  size_t loose(const std::string& name, std::vector<std::byte> content, Type type) {
    add(name, {}, type, Role::input, std::move(content));
    return case_.tensors.size() - 1;
  }

  size_t loose_output(const std::string& name, Type type, int64_t count, Tolerance tolerance) {
    add_output(name, {}, type, count, tolerance);
    return case_.tensors.size() - 1;
  }

  Tensor& tensor(size_t index) { return case_.tensors[index]; }

  template <class Pointer, class Number>
  void host_array(Pointer Args::*member, const std::vector<Number>& numbers) {
    const auto* bytes = reinterpret_cast<const std::byte*>(numbers.data());
    case_.host_arrays.push_back({field(member), {bytes, bytes + numbers.size() * sizeof(Number)}});
  }

  template <class Pointer>
  void array(Pointer Args::*member, std::vector<size_t> tensors) {
    case_.arrays.push_back({field(member), std::move(tensors)});
  }

  template <class Pointer>
  Tensor& output(const char* name, Pointer Args::*member, Type type, int64_t count, Tolerance tolerance) {
    return add_output(name, {field(member)}, type, count, tolerance);
  }

  template <class Pointer>
  Tensor& updated(const char* name, Pointer Args::*member, const std::vector<float>& values, int32_t dtype,
                  Tolerance tolerance) {
    Tensor& tensor = add(name, {field(member)}, type_of(dtype), Role::updated, to_bytes(values, type_of(dtype)));
    tensor.tolerance = tolerance;
    return tensor;
  }

  Case finish() {
    case_.args.resize(sizeof(Args));
    std::memcpy(case_.args.data(), &args, sizeof(Args));
    return std::move(case_);
  }

 private:
  Tensor& add(std::string name, std::vector<size_t> fields, Type type, Role role, std::vector<std::byte> content) {
    // Placed at its element's own alignment and no better, since nothing more is promised to a kernel.
    case_.tensors.push_back(
        {std::move(name), std::move(fields), type, role, std::move(content), size_of(type), {}, {}});
    return case_.tensors.back();
  }

  Tensor& add_output(std::string name, std::vector<size_t> fields, Type type, int64_t count, Tolerance tolerance) {
    Tensor& tensor = add(std::move(name), std::move(fields), type, Role::output,
                         std::vector<std::byte>(static_cast<size_t>(count) * size_of(type), kUnwritten));
    tensor.tolerance = tolerance;
    return tensor;
  }

  Case case_;
};

// Row i of an output of contiguous or strided rows.
inline void strided_rows(Tensor& tensor, size_t count, int64_t stride, int64_t width) {
  const size_t element = size_of(tensor.type);
  for (size_t i = 0; i < count; ++i) {
    tensor.rows.push_back({{i * static_cast<size_t>(stride) * element, static_cast<size_t>(width) * element}});
  }
}

// Row i of an output of scales, at i * row_stride + block * block_stride for each block.
inline void strided_scales(Tensor& tensor, int64_t count, int64_t blocks, int64_t row_stride, int64_t block_stride) {
  for (int64_t i = 0; i < count; ++i) {
    auto& slices = tensor.rows.emplace_back();
    for (int64_t block = 0; block < blocks; ++block) {
      slices.push_back({static_cast<size_t>(i * row_stride + block * block_stride) * sizeof(float), sizeof(float)});
    }
  }
}

// [rows, width] of standard normals times `size`, rows `stride` apart, the gaps NaN so that whoever reads them shows
// it.
inline std::vector<float> normal_rows(uint64_t seed, const char* name, std::span<const int> row_ids, int64_t width,
                                      int64_t stride, float size = 1.0f) {
  if (row_ids.empty()) return {};
  std::vector<float> values((row_ids.size() - 1) * static_cast<size_t>(stride) + static_cast<size_t>(width),
                            std::numeric_limits<float>::quiet_NaN());
  for (size_t row = 0; row < row_ids.size(); ++row) {
    Random random(seed, name, row_ids[row]);
    for (int64_t i = 0; i < width; ++i) {
      values[row * static_cast<size_t>(stride) + static_cast<size_t>(i)] = random.normal() * size;
    }
  }
  return values;
}

inline std::vector<float> normals(uint64_t seed, const char* name, int64_t count, float size = 1.0f) {
  const int row[] = {0};
  return normal_rows(seed, name, row, count, count, size);
}

// What e4m3 codes a case is filled with.
enum class Codes {
  normal,  // Of standard normals times 64: what a quantised tensor looks like.
  any,     // Every finite code alike.
  small,   // Zeros, subnormals and the smallest normals of both signs.
  whole,   // -2 to 2: every sum of them is exact.
};

inline uint8_t random_code(Random& random, Codes codes) {
  static constexpr uint8_t kWhole[] = {0x00, 0x38, 0x40, 0xb8, 0xc0};
  switch (codes) {
    case Codes::normal: {
      // Nearest code by bisection over the positive codes, which ascend with their values.
      const double x = static_cast<double>(random.normal()) * 64;
      int low = 0;
      int high = 0x7e;
      while (high - low > 1) {
        const int middle = (low + high) / 2;
        (decode_e4m3(static_cast<uint8_t>(middle)) <= std::fabs(x) ? low : high) = middle;
      }
      return static_cast<uint8_t>(low | (x < 0 ? 0x80 : 0));
    }
    case Codes::any:
      for (;;) {
        const auto code = static_cast<uint8_t>(random.next());
        if ((code & 0x7f) != 0x7f) return code;
      }
    case Codes::small:
      return static_cast<uint8_t>(random.below(16) | (random.one_in(2) ? 0x80 : 0));
    default:
      return kWhole[random.below(5)];
  }
}

inline std::vector<uint8_t> code_rows(uint64_t seed, const char* name, std::span<const int> row_ids, int64_t width,
                                      Codes codes) {
  std::vector<uint8_t> values;
  values.reserve(row_ids.size() * static_cast<size_t>(width));
  for (const int row : row_ids) {
    Random random(seed, name, row);
    for (int64_t i = 0; i < width; ++i) values.push_back(random_code(random, codes));
  }
  return values;
}

inline std::vector<int> iota(int count) {
  std::vector<int> ids(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) ids[static_cast<size_t>(i)] = i;
  return ids;
}

inline int count_of(std::span<const int> row_ids) {
  return static_cast<int>(row_ids.size());
}

}  // namespace hadal::tests
