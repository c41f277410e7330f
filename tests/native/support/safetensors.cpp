#include "support/safetensors.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace hadal::tests {

Safetensors::Safetensors(const std::string& name) {
  const std::string path = std::string(HADAL_GOLDENS) + "/" + name;
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  uint64_t header = 0;
  if (bytes.size() < 8) throw std::runtime_error(path + " can't be read");
  std::memcpy(&header, bytes.data(), 8);
  if (header > bytes.size() - 8) throw std::runtime_error(path + " has a header longer than itself");
  const std::string json(&bytes[8], header);
  data_.assign(bytes.begin() + 8 + static_cast<int64_t>(header), bytes.end());
  const std::regex one(
      R"re("([^"]+)"\s*:\s*\{\s*"dtype"\s*:\s*"(\w+)"\s*,\s*"shape"\s*:\s*\[([\d,\s]*)\]\s*,\s*"data_offsets"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*\])re");
  for (std::sregex_iterator match(json.begin(), json.end(), one), last; match != last; ++match) {
    Entry& entry = entries_[(*match)[1]];
    entry.dtype = (*match)[2];
    const std::string shape = (*match)[3];
    const std::regex number(R"(\d+)");
    for (std::sregex_iterator size(shape.begin(), shape.end(), number); size != last; ++size) {
      entry.shape.push_back(std::stoll(size->str()));
    }
    entry.begin = std::stoull((*match)[4]);
    entry.end = std::stoull((*match)[5]);
    if (entry.begin > entry.end || entry.end > data_.size()) {
      throw std::runtime_error(path + ": " + (*match)[1].str() + " lies outside the file");
    }
  }
}

const Safetensors::Entry& Safetensors::entry(const std::string& tensor) const {
  const auto found = entries_.find(tensor);
  if (found == entries_.end()) throw std::runtime_error("no tensor " + tensor);
  return found->second;
}

template <class T>
std::vector<T> Safetensors::read(const std::string& tensor, const char* dtype) const {
  const Entry& found = entry(tensor);
  if (found.dtype != dtype) throw std::runtime_error(tensor + " is of " + found.dtype + ", not " + dtype);
  std::vector<T> values((found.end - found.begin) / sizeof(T));
  std::memcpy(values.data(), &data_[found.begin], found.end - found.begin);
  return values;
}

template std::vector<float> Safetensors::read(const std::string&, const char*) const;
template std::vector<int32_t> Safetensors::read(const std::string&, const char*) const;
template std::vector<uint8_t> Safetensors::read(const std::string&, const char*) const;
template std::vector<uint16_t> Safetensors::read(const std::string&, const char*) const;

}  // namespace hadal::tests
