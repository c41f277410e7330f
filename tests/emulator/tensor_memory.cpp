#include "tensor_memory.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace emulator {
namespace {

constexpr uint64_t kMagic = 0x70616D54'6C616448;
constexpr uint32_t kSwizzleUnit = 16;
constexpr size_t kSharedAlignment = 128;

// The 128 bytes: what fits without loss given the checks (dims − 1 in 32 bits, box − 1 in 8).
struct Encoded {
  uint64_t magic;
  uint64_t global_address;
  uint64_t strides[4];  // of dimensions 1 to 4
  uint32_t last_index[5];
  uint8_t last_box_index[5];
  uint8_t element_strides[5];
  uint8_t type, rank, swizzle, l2_promotion, oob_fill_nan;
  uint8_t unused[kTensorMapBytes - 87];
  uint32_t checksum;  // of everything before
};
static_assert(sizeof(Encoded) == kTensorMapBytes);

uint32_t Checksum(const Encoded& encoded) {
  std::array<uint8_t, offsetof(Encoded, checksum)> bytes;
  std::memcpy(bytes.data(), &encoded, bytes.size());
  uint32_t sum = 2166136261u;  // FNV-1a
  for (const uint8_t byte : bytes) sum = (sum ^ byte) * 16777619u;
  return sum;
}

uint32_t SwizzleBytes(TensorMapSwizzle swizzle) {
  return swizzle == TensorMapSwizzle::kNone ? 0 : 16u << static_cast<uint32_t>(swizzle);
}

bool IsFloating(TensorMapType type) {
  return type == TensorMapType::kFloat16 || type == TensorMapType::kFloat32 || type == TensorMapType::kFloat64 ||
         type == TensorMapType::kBFloat16;
}

// "dims[1] is 0, it must be …"
std::string Wrong(const std::string& what, uint64_t value, const std::string& rule) {
  return "tensor map: " + what + " is " + std::to_string(value) + ", it must be " + rule;
}

std::string Index(const char* name, uint32_t i) {
  return std::string(name) + "[" + std::to_string(i) + "]";
}

std::string CheckMap(const TensorMap& map) {
  if (map.type > TensorMapType::kBFloat16) {
    return Wrong("the data type", static_cast<uint32_t>(map.type), "0 to 9 (flushing and tf32 types aren't emulated)");
  }
  const size_t element = TensorMapElementBytes(map.type);
  if (map.rank < 1 || map.rank > 5) return Wrong("the rank", map.rank, "1 to 5");
  if (map.interleave != 0) return Wrong("interleave", map.interleave, "0 (interleaved layouts aren't emulated)");
  if (map.global_address % 16) return Wrong("the global address", map.global_address, "a multiple of 16");
  if (map.strides[0] != element) {
    return Wrong("strides[0]", map.strides[0], "the element's " + std::to_string(element) + " bytes");
  }
  for (uint32_t i = 0; i < map.rank; ++i) {
    if (map.dims[i] == 0 || map.dims[i] > uint64_t{1} << 32) return Wrong(Index("dims", i), map.dims[i], "1 to 2^32");
    if (i > 0 && (map.strides[i] % 16 || map.strides[i] >= uint64_t{1} << 40)) {
      return Wrong(Index("strides", i), map.strides[i], "a multiple of 16 below 2^40");
    }
    if (map.box[i] == 0 || map.box[i] > 256) return Wrong(Index("box", i), map.box[i], "1 to 256");
    if (map.element_strides[i] == 0 || map.element_strides[i] > 8) {
      return Wrong(Index("element_strides", i), map.element_strides[i], "1 to 8");
    }
  }
  const size_t inner = map.box[0] * element;
  if (inner % 16) return Wrong("the box's inner extent in bytes", inner, "a multiple of 16");
  if (map.swizzle > TensorMapSwizzle::k128B) {
    return Wrong("the swizzle", static_cast<uint32_t>(map.swizzle), "0 to 3");
  }
  const uint32_t width = SwizzleBytes(map.swizzle);
  if (width && inner > width) {
    return Wrong("the box's inner extent in bytes", inner, "at most the swizzle's " + std::to_string(width));
  }
  if (map.l2_promotion > 3) return Wrong("the L2 promotion", map.l2_promotion, "0 to 3");
  if (map.oob_fill_nan > 1) return Wrong("the out-of-bounds fill", map.oob_fill_nan, "0 or 1");
  if (map.oob_fill_nan && !IsFloating(map.type)) {
    return Wrong("the out-of-bounds fill", 1, "0 for integer types, which have no NaN");
  }
  return {};
}

// Element strides of the inner dimension are ignored by the hardware when nothing is interleaved.
uint32_t ElementStride(const TensorMap& map, uint32_t i) {
  return i == 0 ? 1 : map.element_strides[i];
}

uint32_t BoxElements(const TensorMap& map, uint32_t i) {
  return i < map.rank ? (map.box[i] + ElementStride(map, i) - 1) / ElementStride(map, i) : 1;
}

// Calls row(box offset of the row in bytes, address of the first element inside the tensor, first, count) for the rows
// of the box, where elements [first, first + count) of the row are inside. Stops when it returns false.
template <class Function>
bool ForEachRow(const TensorMap& map, std::span<const int32_t> coordinates, Function&& row) {
  const uint64_t element = map.strides[0];
  const int64_t inner = BoxElements(map, 0), inner_start = coordinates[0];
  const int64_t first = std::clamp<int64_t>(-inner_start, 0, inner);
  const int64_t end = std::clamp<int64_t>(static_cast<int64_t>(map.dims[0]) - inner_start, first, inner);
  uint64_t rows = 1;
  for (uint32_t i = 1; i < map.rank; ++i) rows *= BoxElements(map, i);
  for (uint64_t r = 0; r < rows; ++r) {
    uint64_t rest = r;
    bool inside = true;
    uint64_t address = map.global_address + static_cast<uint64_t>(inner_start + first) * element;
    for (uint32_t i = 1; i < map.rank; ++i) {
      const int64_t index = int64_t{coordinates[i]} + static_cast<int64_t>(rest % BoxElements(map, i)) *
                                                          static_cast<int64_t>(ElementStride(map, i));
      rest /= BoxElements(map, i);
      inside &= index >= 0 && static_cast<uint64_t>(index) < map.dims[i];
      address += static_cast<uint64_t>(index) * map.strides[i];
    }
    const size_t count = inside ? static_cast<size_t>(end - first) : 0;
    if (!row(r * static_cast<uint64_t>(inner) * element, address, static_cast<size_t>(first), count)) return false;
  }
  return true;
}

// Moves a row of the dense box to or from its place in the swizzled image.
template <class Copy>
void ForEachUnit(TensorMapSwizzle swizzle, uint32_t shared_address, size_t row_offset, size_t row_bytes, Copy&& copy) {
  if (swizzle == TensorMapSwizzle::kNone) return copy(0, row_offset, row_bytes);
  for (size_t at = 0; at < row_bytes; at += kSwizzleUnit) {
    const uint32_t address = shared_address + static_cast<uint32_t>(row_offset + at);
    copy(at, SwizzledAddress(swizzle, address) - shared_address, kSwizzleUnit);
  }
}

constexpr size_t kMaxRowBytes = 256 * 8;

}  // namespace

size_t TensorMapElementBytes(TensorMapType type) {
  switch (type) {
    case TensorMapType::kUint8:
      return 1;
    case TensorMapType::kUint16:
    case TensorMapType::kFloat16:
    case TensorMapType::kBFloat16:
      return 2;
    case TensorMapType::kUint64:
    case TensorMapType::kInt64:
    case TensorMapType::kFloat64:
      return 8;
    default:
      return 4;
  }
}

std::string EncodeTensorMap(const TensorMap& map, void* bytes) {
  if (std::string error = CheckMap(map); !error.empty()) return error;
  Encoded encoded = {};
  encoded.magic = kMagic;
  encoded.global_address = map.global_address;
  for (uint32_t i = 0; i < map.rank; ++i) {
    if (i > 0) encoded.strides[i - 1] = map.strides[i];
    encoded.last_index[i] = static_cast<uint32_t>(map.dims[i] - 1);
    encoded.last_box_index[i] = static_cast<uint8_t>(map.box[i] - 1);
    encoded.element_strides[i] = static_cast<uint8_t>(map.element_strides[i]);
  }
  encoded.type = static_cast<uint8_t>(map.type);
  encoded.rank = static_cast<uint8_t>(map.rank);
  encoded.swizzle = static_cast<uint8_t>(map.swizzle);
  encoded.l2_promotion = static_cast<uint8_t>(map.l2_promotion);
  encoded.oob_fill_nan = static_cast<uint8_t>(map.oob_fill_nan);
  encoded.checksum = Checksum(encoded);
  std::memcpy(bytes, &encoded, sizeof encoded);
  return {};
}

std::optional<TensorMap> DecodeTensorMap(const void* bytes) {
  Encoded encoded;
  std::memcpy(&encoded, bytes, sizeof encoded);
  if (encoded.magic != kMagic || encoded.checksum != Checksum(encoded)) return std::nullopt;
  TensorMap map;
  map.type = static_cast<TensorMapType>(encoded.type);
  map.rank = encoded.rank;
  map.global_address = encoded.global_address;
  map.strides[0] = TensorMapElementBytes(map.type);
  for (uint32_t i = 0; i < map.rank; ++i) {
    if (i > 0) map.strides[i] = encoded.strides[i - 1];
    map.dims[i] = uint64_t{encoded.last_index[i]} + 1;
    map.box[i] = uint32_t{encoded.last_box_index[i]} + 1;
    map.element_strides[i] = encoded.element_strides[i];
  }
  map.swizzle = static_cast<TensorMapSwizzle>(encoded.swizzle);
  map.l2_promotion = encoded.l2_promotion;
  map.oob_fill_nan = encoded.oob_fill_nan;
  return map;
}

size_t TensorBoxBytes(const TensorMap& map) {
  size_t bytes = map.strides[0];
  for (uint32_t i = 0; i < map.rank; ++i) bytes *= BoxElements(map, i);
  return bytes;
}

std::string CheckTensorBox(const TensorMap& map, uint32_t shared_address) {
  if (shared_address % kSharedAlignment) {
    return "the shared address of a tensor copy is " + std::to_string(shared_address) +
           ", it must be a multiple of 128";
  }
  const uint32_t width = SwizzleBytes(map.swizzle);
  const uint64_t inner = map.box[0] * map.strides[0];
  if (width && inner != width) {
    return "the box's inner extent is " + std::to_string(inner) + " bytes, which does not fill the swizzle's " +
           std::to_string(width);
  }
  return {};
}

uint32_t SwizzledAddress(TensorMapSwizzle swizzle, uint32_t address) {
  const uint32_t units = SwizzleBytes(swizzle) / kSwizzleUnit;
  return units ? address ^ ((address >> 7 & (units - 1)) << 4) : address;
}

bool LoadTensorBox(const TensorMap& map, std::span<const int32_t> coordinates, uint32_t shared_address,
                   std::span<std::byte> image, GlobalMemory& global) {
  const size_t element = map.strides[0], row_bytes = BoxElements(map, 0) * element;
  // All fraction bits set: the low bytes of an element are FF, its top byte 7F.
  std::array<std::byte, kMaxRowBytes> fill = {};
  if (map.oob_fill_nan) {
    for (size_t i = 0; i < row_bytes; ++i)
      fill[i] = std::byte{i % element == element - 1 ? uint8_t{0x7F} : uint8_t{0xFF}};
  }
  std::array<std::byte, kMaxRowBytes> row;
  return ForEachRow(map, coordinates, [&](uint64_t offset, uint64_t address, size_t first, size_t count) {
    std::memcpy(row.data(), fill.data(), row_bytes);
    if (count && !global.Read(address, row.data() + first * element, count * element)) return false;
    ForEachUnit(map.swizzle, shared_address, offset, row_bytes, [&](size_t at, size_t place, size_t bytes) {
      std::memcpy(image.data() + place, row.data() + at, bytes);
    });
    return true;
  });
}

bool StoreTensorBox(const TensorMap& map, std::span<const int32_t> coordinates, uint32_t shared_address,
                    std::span<const std::byte> image, GlobalMemory& global) {
  const size_t element = map.strides[0], row_bytes = BoxElements(map, 0) * element;
  std::array<std::byte, kMaxRowBytes> row;
  return ForEachRow(map, coordinates, [&](uint64_t offset, uint64_t address, size_t first, size_t count) {
    if (count == 0) return true;
    ForEachUnit(map.swizzle, shared_address, offset, row_bytes, [&](size_t at, size_t place, size_t bytes) {
      std::memcpy(row.data() + at, image.data() + place, bytes);
    });
    return global.Write(address, row.data() + first * element, count * element);
  });
}

}  // namespace emulator
