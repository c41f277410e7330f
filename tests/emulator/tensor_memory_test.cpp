// The tensor memory accelerator's tile mode against a copy of single elements, and the driver's rules for tensor maps.

#include "tensor_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

namespace emulator {
namespace {

constexpr uint64_t kBase = 0x7000'0000'0000;

// Global memory of some bytes at kBase that notes what was touched, and refuses from `limit` on.
class Global : public GlobalMemory {
 public:
  explicit Global(size_t bytes) : data(bytes), limit(bytes) {}
  bool Read(uint64_t address, void* target, size_t bytes) override {
    if (!Touch(address, bytes)) return false;
    std::memcpy(target, data.data() + (address - kBase), bytes);
    return true;
  }
  bool Write(uint64_t address, const void* source, size_t bytes) override {
    if (!Touch(address, bytes)) return false;
    std::memcpy(data.data() + (address - kBase), source, bytes);
    return true;
  }
  std::vector<uint8_t> data;
  uint64_t limit;
  std::set<uint64_t> touched;
  uint64_t refused = 0;

 private:
  bool Touch(uint64_t address, size_t bytes) {
    if (address < kBase || address - kBase + bytes > limit) {
      refused = address;
      return false;
    }
    for (size_t i = 0; i < bytes; ++i) EXPECT_TRUE(touched.insert(address - kBase + i).second) << "touched twice";
    return true;
  }
};

TensorMap Matrix(uint64_t columns, uint64_t rows, uint32_t box_columns, uint32_t box_rows,
                 TensorMapSwizzle swizzle = TensorMapSwizzle::kNone, TensorMapType type = TensorMapType::kBFloat16) {
  TensorMap map;
  map.type = type;
  map.rank = 2;
  map.global_address = kBase;
  const uint64_t element = TensorMapElementBytes(type);
  map.dims[0] = columns;
  map.dims[1] = rows;
  map.strides[0] = element;
  map.strides[1] = (columns * element + 15) / 16 * 16;
  map.box[0] = box_columns;
  map.box[1] = box_rows;
  map.swizzle = swizzle;
  return map;
}

// --- tensor maps
// ------------------------------------------------------------------------------------------------------

TEST(TensorMaps, ElementBytes) {
  const size_t bytes[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
  for (uint32_t type = 0; type < 13; ++type) EXPECT_EQ(TensorMapElementBytes(TensorMapType{type}), bytes[type]) << type;
}

TEST(TensorMaps, EncodingKeepsEverything) {
  TensorMap map;
  map.type = TensorMapType::kFloat32;
  map.rank = 5;
  map.global_address = kBase + 4096;
  const uint64_t dims[] = {uint64_t{1} << 32, 1, 7, 123456, 2},
                 strides[] = {4, 16, (uint64_t{1} << 40) - 16, 0, 1 << 20};
  const uint32_t box[] = {4, 256, 1, 3, 2}, element_strides[] = {1, 8, 2, 1, 3};
  std::copy_n(dims, 5, map.dims);
  std::copy_n(strides, 5, map.strides);
  std::copy_n(box, 5, map.box);
  std::copy_n(element_strides, 5, map.element_strides);
  map.swizzle = TensorMapSwizzle::k64B;
  map.l2_promotion = 3;
  map.oob_fill_nan = 1;
  alignas(64) std::byte bytes[kTensorMapBytes];
  ASSERT_EQ(EncodeTensorMap(map, bytes), "");
  const std::optional<TensorMap> decoded = DecodeTensorMap(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->type, map.type);
  EXPECT_EQ(decoded->rank, map.rank);
  EXPECT_EQ(decoded->global_address, map.global_address);
  EXPECT_TRUE(std::equal(dims, dims + 5, decoded->dims));
  EXPECT_TRUE(std::equal(strides, strides + 5, decoded->strides));
  EXPECT_TRUE(std::equal(box, box + 5, decoded->box));
  EXPECT_TRUE(std::equal(element_strides, element_strides + 5, decoded->element_strides));
  EXPECT_EQ(decoded->swizzle, map.swizzle);
  EXPECT_EQ(decoded->l2_promotion, 3u);
  EXPECT_EQ(decoded->oob_fill_nan, 1u);
  for (const size_t broken : {0u, 9u, 60u, 83u, 127u}) {
    bytes[broken] ^= std::byte{1};
    EXPECT_FALSE(DecodeTensorMap(bytes)) << broken;
    bytes[broken] ^= std::byte{1};
  }
  std::memset(bytes, 0, sizeof bytes);
  EXPECT_FALSE(DecodeTensorMap(bytes));
}

TEST(TensorMaps, RefusesByTheDriversRules) {
  const TensorMap good = Matrix(100, 50, 64, 8, TensorMapSwizzle::k128B);
  std::byte bytes[kTensorMapBytes] = {};
  ASSERT_EQ(EncodeTensorMap(good, bytes), "");
  const struct {
    const char* named;
    void (*breakage)(TensorMap&);
  } cases[] = {
      {"data type is 13", [](TensorMap& m) { m.type = TensorMapType{13}; }},
      {"rank is 0", [](TensorMap& m) { m.rank = 0; }},
      {"rank is 6", [](TensorMap& m) { m.rank = 6; }},
      {"interleave is 1", [](TensorMap& m) { m.interleave = 1; }},
      {"global address", [](TensorMap& m) { m.global_address += 8; }},
      {"dims[1] is 0", [](TensorMap& m) { m.dims[1] = 0; }},
      {"dims[0] is 4294967297", [](TensorMap& m) { m.dims[0] = (uint64_t{1} << 32) + 1; }},
      {"strides[0] is 4", [](TensorMap& m) { m.strides[0] = 4; }},
      {"strides[1] is 200", [](TensorMap& m) { m.strides[1] = 200; }},
      {"strides[1] is 1099511627776", [](TensorMap& m) { m.strides[1] = uint64_t{1} << 40; }},
      {"box[1] is 0", [](TensorMap& m) { m.box[1] = 0; }},
      {"box[1] is 257", [](TensorMap& m) { m.box[1] = 257; }},
      {"inner extent in bytes is 24", [](TensorMap& m) { m.box[0] = 12; }},
      {"inner extent in bytes is 144", [](TensorMap& m) { m.box[0] = 72; }},
      {"element_strides[1] is 0", [](TensorMap& m) { m.element_strides[1] = 0; }},
      {"element_strides[0] is 9", [](TensorMap& m) { m.element_strides[0] = 9; }},
      {"swizzle is 4", [](TensorMap& m) { m.swizzle = TensorMapSwizzle{4}; }},
      {"L2 promotion is 4", [](TensorMap& m) { m.l2_promotion = 4; }},
      {"fill is 2", [](TensorMap& m) { m.oob_fill_nan = 2; }},
      {"fill is 1", [](TensorMap& m) { m.type = TensorMapType::kUint16, m.oob_fill_nan = 1; }},
  };
  for (const auto& test : cases) {
    TensorMap map = good;
    test.breakage(map);
    std::byte target[kTensorMapBytes] = {};
    const std::string error = EncodeTensorMap(map, target);
    EXPECT_NE(error.find(test.named), std::string::npos) << test.named << ": " << error;
    EXPECT_TRUE(std::all_of(target, target + kTensorMapBytes, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(TensorBoxes, AlignmentAndSize) {
  TensorMap map = Matrix(100, 50, 64, 8, TensorMapSwizzle::k128B);
  EXPECT_EQ(TensorBoxBytes(map), 64u * 8 * 2);
  EXPECT_EQ(CheckTensorBox(map, 1024 + 128), "");
  EXPECT_NE(CheckTensorBox(map, 1024 + 64).find("shared address of a tensor copy is 1088"), std::string::npos);
  map.box[0] = 32;
  EXPECT_NE(CheckTensorBox(map, 1024).find("64 bytes, which does not fill the swizzle's 128"), std::string::npos);
  map.element_strides[1] = 3;
  EXPECT_EQ(TensorBoxBytes(map), 32u * 3 * 2);
}

// --- swizzles: the tables of the CUDA programming guide, 16-byte units of consecutive 128-byte lines
// --------------------

TEST(TensorBoxes, SwizzlesOfTheProgrammingGuide) {
  const uint32_t units128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
                                   {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                   {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
  const uint32_t units64[4][8] = {
      {0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4}};
  const uint32_t units32[2][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}};
  for (uint32_t line = 0; line < 32; ++line) {
    for (uint32_t unit = 0; unit < 8; ++unit) {
      const uint32_t address = line * 128 + unit * 16 + 5;
      const auto moved = [&](uint32_t to) { return line * 128 + to * 16 + 5; };
      EXPECT_EQ(SwizzledAddress(TensorMapSwizzle::k128B, address), moved(units128[line % 8][unit]));
      EXPECT_EQ(SwizzledAddress(TensorMapSwizzle::k64B, address), moved(units64[line % 4][unit]));
      EXPECT_EQ(SwizzledAddress(TensorMapSwizzle::k32B, address), moved(units32[line % 2][unit]));
      EXPECT_EQ(SwizzledAddress(TensorMapSwizzle::kNone, address), address);
    }
  }
}

// A 64×8 box of bf16 in shared memory at 1024: row r has its 16-byte piece c at unit c xor r.
TEST(TensorBoxes, ALoadSwizzlesByTheSharedAddress) {
  const TensorMap map = Matrix(64, 8, 64, 8, TensorMapSwizzle::k128B);
  Global global(64 * 8 * 2);
  for (size_t i = 0; i < global.data.size(); ++i) global.data[i] = static_cast<uint8_t>(i / 16);
  for (const uint32_t first_line : {0u, 3u}) {  // off the pattern's start, the lines' own numbers count
    global.touched.clear();
    std::vector<std::byte> image(TensorBoxBytes(map));
    const int32_t origin[] = {0, 0};
    ASSERT_TRUE(LoadTensorBox(map, origin, 1024 + first_line * 128, image, global));
    for (uint32_t row = 0; row < 8; ++row) {
      for (uint32_t piece = 0; piece < 8; ++piece) {
        const uint32_t unit = piece ^ ((row + first_line) % 8);
        EXPECT_EQ(image[row * 128 + unit * 16], std::byte(row * 8 + piece)) << row << ' ' << piece;
      }
    }
  }
}

// --- boxes against single elements
// ------------------------------------------------------------------------------------

struct Element {
  bool inside;
  uint64_t address;  // from kBase
  uint32_t place;    // in the image
};

// Every element of a box, by the definition: dimension by dimension, swizzled by its own shared address.
std::vector<Element> Elements(const TensorMap& map, const std::vector<int32_t>& coordinates, uint32_t shared_address) {
  std::vector<Element> elements;
  uint32_t counts[5] = {1, 1, 1, 1, 1};
  for (uint32_t i = 0; i < map.rank; ++i) {
    const uint32_t step = i == 0 ? 1 : map.element_strides[i];
    counts[i] = (map.box[i] + step - 1) / step;
  }
  const uint32_t bytes = static_cast<uint32_t>(map.strides[0]);
  uint32_t dense = 0;
  uint32_t j[5];
  for (j[4] = 0; j[4] < counts[4]; ++j[4]) {
    for (j[3] = 0; j[3] < counts[3]; ++j[3]) {
      for (j[2] = 0; j[2] < counts[2]; ++j[2]) {
        for (j[1] = 0; j[1] < counts[1]; ++j[1]) {
          for (j[0] = 0; j[0] < counts[0]; ++j[0]) {
            bool inside = true;
            int64_t address = 0;
            for (uint32_t i = 0; i < map.rank; ++i) {
              const int64_t index = int64_t{coordinates[i]} + int64_t{j[i]} * (i == 0 ? 1 : map.element_strides[i]);
              inside = inside && index >= 0 && index < static_cast<int64_t>(map.dims[i]);
              address += index * static_cast<int64_t>(map.strides[i]);
            }
            const uint32_t place = SwizzledAddress(map.swizzle, shared_address + dense) - shared_address;
            elements.push_back({inside, static_cast<uint64_t>(address), place});
            dense += bytes;
          }
        }
      }
    }
  }
  return elements;
}

TensorMap RandomMap(std::mt19937& random, uint32_t rank) {
  const TensorMapType types[] = {TensorMapType::kUint8,   TensorMapType::kBFloat16, TensorMapType::kFloat32,
                                 TensorMapType::kFloat64, TensorMapType::kInt32,    TensorMapType::kFloat16};
  TensorMap map;
  map.type = types[random() % 6];
  map.rank = rank;
  map.global_address = kBase;
  map.swizzle = TensorMapSwizzle{static_cast<uint32_t>(random() % 4)};
  const uint32_t element = static_cast<uint32_t>(TensorMapElementBytes(map.type));
  map.strides[0] = element;
  const uint32_t inner =
      map.swizzle == TensorMapSwizzle::kNone ? 16 * (1 + random() % 8) : 16u << static_cast<uint32_t>(map.swizzle);
  map.box[0] = inner / element;
  map.dims[0] = 1 + random() % (2 * map.box[0]);
  uint64_t bytes = (map.dims[0] * element + 15) / 16 * 16 + 16 * (random() % 2);
  for (uint32_t i = 1; i < rank; ++i) {
    map.dims[i] = 1 + random() % 5;
    map.box[i] = 1 + random() % 5;
    map.element_strides[i] = random() % 3 ? 1 : 1 + random() % 3;
    map.strides[i] = bytes;
    bytes *= map.dims[i];
  }
  const bool floating = map.type != TensorMapType::kUint8 && map.type != TensorMapType::kInt32;
  map.oob_fill_nan = floating && random() % 2;
  return map;
}

TEST(TensorBoxes, LoadsAndStoresOfAllRanksEqualElementCopies) {
  std::mt19937 random(1);
  int outside = 0;
  for (int round = 0; round < 2000; ++round) {
    const TensorMap map = RandomMap(random, 1 + static_cast<uint32_t>(round) % 5);
    std::byte encoded[kTensorMapBytes];
    ASSERT_EQ(EncodeTensorMap(map, encoded), "");
    const uint32_t shared_address = 128 * (random() % 16);
    ASSERT_EQ(CheckTensorBox(map, shared_address), "");
    std::vector<int32_t> coordinates;
    for (uint32_t i = 0; i < map.rank; ++i) {
      const int32_t box = static_cast<int32_t>(map.box[i]), dim = static_cast<int32_t>(map.dims[i]);
      coordinates.push_back(static_cast<int32_t>(random() % static_cast<uint32_t>(box + dim + 2)) - box - 1);
    }
    const size_t last = map.rank - 1;
    const size_t tensor_bytes = map.rank == 1 ? map.dims[0] * map.strides[0] : map.dims[last] * map.strides[last];
    Global global(tensor_bytes);
    for (uint8_t& byte : global.data) byte = static_cast<uint8_t>(random());
    const size_t bytes = map.strides[0];
    const std::vector<Element> elements = Elements(map, coordinates, shared_address);
    ASSERT_EQ(elements.size() * bytes, TensorBoxBytes(map));

    std::set<uint64_t> inside;
    std::vector<std::byte> image(TensorBoxBytes(map), std::byte{0xAA});
    ASSERT_TRUE(LoadTensorBox(map, coordinates, shared_address, image, global));
    for (const Element& element : elements) {
      outside += !element.inside;
      for (size_t i = 0; i < bytes; ++i) {
        const std::byte fill{static_cast<uint8_t>(!map.oob_fill_nan ? 0 : i == bytes - 1 ? 0x7F : 0xFF)};
        const std::byte expected = element.inside ? std::byte{global.data[element.address + i]} : fill;
        ASSERT_EQ(image[element.place + i], expected) << "round " << round;
        if (element.inside) inside.insert(element.address + i);
      }
    }
    EXPECT_EQ(global.touched, inside);  // no access that isn't the tensor's

    global.touched.clear();
    std::vector<uint8_t> expected = global.data;
    for (std::byte& byte : image) byte = std::byte(random() & 0xFF);
    for (const Element& element : elements) {
      if (element.inside) std::memcpy(expected.data() + element.address, image.data() + element.place, bytes);
    }
    ASSERT_TRUE(StoreTensorBox(map, coordinates, shared_address, image, global));
    ASSERT_EQ(global.data, expected) << "round " << round;
    EXPECT_EQ(global.touched, inside);
  }
  EXPECT_GT(outside, 1000);
}

TEST(TensorBoxes, BoxesFarOutsideAreFill) {
  const TensorMap map = Matrix(64, 8, 64, 8);
  Global global(64 * 8 * 2);
  for (const int32_t far : {INT32_MIN, -64, 64, INT32_MAX}) {
    std::vector<std::byte> image(TensorBoxBytes(map), std::byte{1});
    const int32_t coordinates[] = {far, 0};
    ASSERT_TRUE(LoadTensorBox(map, coordinates, 0, image, global));
    EXPECT_TRUE(std::all_of(image.begin(), image.end(), [](std::byte b) { return b == std::byte{0}; }));
    ASSERT_TRUE(StoreTensorBox(map, coordinates, 0, image, global));
  }
  EXPECT_TRUE(global.touched.empty());
}

TEST(TensorBoxes, ARefusedAccessEndsTheCopy) {
  const TensorMap map = Matrix(64, 8, 64, 8);
  Global global(64 * 8 * 2);
  global.limit = 64 * 2 * 5;  // the map says 8 rows, the allocation has 5
  std::vector<std::byte> image(TensorBoxBytes(map));
  const int32_t origin[] = {0, 0};
  EXPECT_FALSE(LoadTensorBox(map, origin, 0, image, global));
  EXPECT_EQ(global.refused, kBase + global.limit);
  global.touched.clear();
  EXPECT_FALSE(StoreTensorBox(map, origin, 0, image, global));
  EXPECT_EQ(global.touched.size(), global.limit);
}

}  // namespace
}  // namespace emulator
