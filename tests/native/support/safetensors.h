// The goldens' files. Reads what those hold and refuses the rest.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hadal::tests {

class Safetensors {
 public:
  // A file of tests/goldens.
  explicit Safetensors(const std::string& name);

  std::vector<int64_t> shape(const std::string& tensor) const { return entry(tensor).shape; }
  std::vector<float> f32(const std::string& tensor) const { return read<float>(tensor, "F32"); }
  std::vector<int32_t> i32(const std::string& tensor) const { return read<int32_t>(tensor, "I32"); }
  std::vector<uint8_t> u8(const std::string& tensor) const { return read<uint8_t>(tensor, "U8"); }
  std::vector<uint16_t> bf16(const std::string& tensor) const { return read<uint16_t>(tensor, "BF16"); }

 private:
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    size_t begin;
    size_t end;
  };

  const Entry& entry(const std::string& tensor) const;
  template <class T>
  std::vector<T> read(const std::string& tensor, const char* dtype) const;

  std::vector<char> data_;
  std::map<std::string, Entry> entries_;
};

}  // namespace hadal::tests
