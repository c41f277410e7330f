// The matrix instructions against plain matrix products. Operands are laid out in shared memory element by element, by
// the ISA's canonical layouts and the tables of swizzled 16-byte units, and read back by the ISA's fragment figures.

#include "tensor_cores.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <random>
#include <set>

namespace emulator {
namespace {

constexpr size_t kSharedBytes = 200 * 1024;
constexpr uint32_t kNan = 0x7FFFFFFF;

// Where the 16-byte unit of a 128-byte line goes; the line's number picks the row. CUDA programming guide, swizzle
// modes.
constexpr uint32_t kUnits128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5},
                                      {3, 2, 1, 0, 7, 6, 5, 4}, {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                      {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
constexpr uint32_t kUnits64[4][8] = {
    {0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}, {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4}};
constexpr uint32_t kUnits32[2][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6}};

uint32_t Permute(uint32_t swizzle, uint32_t offset) {
  const uint32_t line = offset / 128, unit = offset % 128 / 16;
  const uint32_t moved = swizzle == 128  ? kUnits128[line % 8][unit]
                         : swizzle == 64 ? kUnits64[line % 4][unit]
                         : swizzle == 32 ? kUnits32[line % 2][unit]
                                         : unit;
  return line * 128 + moved * 16 + offset % 16;
}

// A matrix of `rows` (M or N) by k elements, row-major, as codes of its type.
struct Matrix {
  FloatType type;
  int rows, k;
  std::vector<uint32_t> codes;
  uint32_t at(int row, int column) const { return codes[static_cast<size_t>(row * k + column)]; }
  float value(int row, int column) const { return static_cast<float>(DecodeFloat(at(row, column), type)); }
};

Matrix RandomMatrix(FloatType type, int rows, int k, std::mt19937& random) {
  std::normal_distribution<float> normal;
  Matrix matrix{type, rows, k, {}};
  for (int i = 0; i < rows * k; ++i) {
    matrix.codes.push_back(static_cast<uint32_t>(EncodeFloat(normal(random), type, {.satfinite = true})));
  }
  return matrix;
}

struct Layout {
  uint32_t swizzle = 0;
  bool mn_major = false;
  uint32_t slice = 0;        // K-major, swizzled: which 32 bytes of the atom's rows
  uint32_t base_offset = 0;  // the pattern starts this many 128-byte lines past a 1024-byte boundary
};

// Puts the matrix at `base` (1024-byte aligned) and returns its descriptor.
uint64_t Place(const Matrix& matrix, const Layout& layout, uint32_t base, std::vector<std::byte>* shared) {
  const uint32_t element = FloatBits(matrix.type) / 8, width = layout.swizzle;
  base += layout.base_offset * 128;
  uint32_t leading = 16, stride, start = base;
  // Offsets between atoms are wider than the atoms, so that mixing them up shows.
  if (!layout.mn_major) {
    stride = width ? 8 * width + (width == 128 ? 1024 : 512) : 128 + 256;
    if (!width) leading = stride * 33;
    start += layout.slice * 32;
  } else {
    stride = width ? 8 * width + (width == 128 ? 1024 : 512) : 128 + 128;
    leading = width ? 4 * stride : 33 * stride;
  }
  for (int row = 0; row < matrix.rows; ++row) {
    for (int k = 0; k < matrix.k; ++k) {
      const uint32_t r = static_cast<uint32_t>(row), byte = static_cast<uint32_t>(k) * element;
      uint32_t offset;
      if (!layout.mn_major && width) {  // rows of `width` bytes, 8 an atom
        const uint32_t column = layout.slice * 32 + byte;
        offset = r / 8 * stride + Permute(width, r % 8 * width + column);
      } else if (!layout.mn_major) {  // 8×16-byte core matrices
        offset = r / 8 * stride + byte / 16 * leading + r % 8 * 16 + byte % 16;
      } else if (width) {  // lines of `width` bytes along M or N, 8 values of k an atom
        const uint32_t line = static_cast<uint32_t>(k), across = r * 2;
        offset = across / width * leading + line / 8 * stride + Permute(width, line % 8 * width + across % width);
      } else {
        const uint32_t line = static_cast<uint32_t>(k);
        offset = r / 8 * stride + line / 8 * leading + line % 8 * 16 + r % 8 * 2;
      }
      const uint32_t code = matrix.at(row, k);
      std::memcpy(shared->data() + base + offset, &code, element);
    }
  }
  const uint64_t mode = width == 128 ? 1 : width == 64 ? 2 : width == 32 ? 3 : 0;
  return uint64_t{start >> 4} | uint64_t{leading >> 4} << 16 | uint64_t{stride >> 4} << 32 |
         uint64_t{layout.base_offset} << 49 | mode << 62;
}

// Registers as arrays of lanes.
class Registers {
 public:
  explicit Registers(int count) : values_(static_cast<size_t>(count)) {
    for (auto& lanes : values_) pointers_.push_back(lanes.data());
  }
  uint32_t& at(int r, int lane) { return values_[static_cast<size_t>(r)][static_cast<size_t>(lane)]; }
  uint32_t* const* data() { return pointers_.data(); }
  const uint32_t* const* constants() const { return const_cast<const uint32_t* const*>(pointers_.data()); }

 private:
  std::vector<std::array<uint32_t, kLanes>> values_;
  std::vector<uint32_t*> pointers_;
};

// The ISA's figure of accumulators: element (row, column) of a 16×N tile is in this lane and f32 register.
struct LaneAndRegister {
  int lane, r;
};
LaneAndRegister AccumulatorPlace(int row, int column) {
  return {row % 8 * 4 + column % 8 / 2, column / 8 * 4 + row / 8 * 2 + column % 2};
}

void PutAccumulator(Registers& d, int first, FloatType type, int row, int column, float value) {
  const LaneAndRegister place = AccumulatorPlace(row, column);
  if (type == FloatType::kF32) {
    d.at(first + place.r, place.lane) = std::bit_cast<uint32_t>(value);
  } else {
    uint32_t& pair = d.at(first + place.r / 2, place.lane);
    const uint32_t shift = place.r % 2 * 16;
    pair = (pair & ~(0xFFFFu << shift)) | uint32_t{FloatToHalf(value)} << shift;
  }
}

uint32_t Accumulator(Registers& d, int first, FloatType type, int row, int column) {
  const LaneAndRegister place = AccumulatorPlace(row, column);
  if (type == FloatType::kF32) return d.at(first + place.r, place.lane);
  return d.at(first + place.r / 2, place.lane) >> (place.r % 2 * 16) & 0xFFFF;
}

// The ISA's figures of A's fragments: 16-bit elements go by pairs, 8-bit ones by fours.
void PutA(Registers& a, int first, const Matrix& matrix, int tile) {
  const int bits = FloatBits(matrix.type), group = 32 / bits;
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < matrix.k; ++k) {
      const int lane = row % 8 * 4 + k / group % 4, r = row / 8 + k / (4 * group) * 2;
      a.at(first + r, lane) |= matrix.at(tile * 16 + row, k) << (k % group * bits);
    }
  }
}

// The sum that the header promises: up k, a product and an addition a step.
float Dot(const Matrix& a, int row, const Matrix& b, int column, float start, float sign = 1) {
  float sum = start;
  for (int k = 0; k < a.k; ++k) sum += a.value(row, k) * (sign * b.value(column, k));
  return sum;
}

struct Case {
  WgmmaForm form;
  Layout a, b;
  bool scale_d = true;
  int first_warp = 0, warps = 4;
};

void Check(const Case& test, std::mt19937& random) {
  const WgmmaForm& form = test.form;
  SCOPED_TRACE("n " + std::to_string(form.n) + " types " + std::to_string(static_cast<int>(form.a_type)) + " A " +
               (form.a_in_registers ? "registers" : std::to_string(test.a.swizzle)) + (form.a_mn_major ? " M" : " K") +
               " B " + std::to_string(test.b.swizzle) + (form.b_mn_major ? " N" : " K"));
  const int k = FloatBits(form.a_type) == 16 ? 16 : 32;
  const Matrix a = RandomMatrix(form.a_type, 64, k, random), b = RandomMatrix(form.b_type, form.n, k, random);
  std::vector<std::byte> shared(kSharedBytes, std::byte{0xFF});  // NaN in all types
  WgmmaOperands operands;
  operands.first_warp = test.first_warp;
  operands.warps = test.warps;
  operands.scale_d = test.scale_d;
  operands.b_descriptor = Place(b, test.b, 64 * 1024, &shared);
  Registers a_registers(4 * test.warps);
  if (form.a_in_registers) {
    for (int warp = 0; warp < test.warps; ++warp) PutA(a_registers, 4 * warp, a, test.first_warp + warp);
    operands.a_registers = a_registers.constants();
  } else {
    operands.a_descriptor = Place(a, test.a, 0, &shared);
  }
  operands.shared = shared;
  const int registers = WgmmaAccumulatorRegisters(form);
  ASSERT_EQ(registers, form.n / (form.d_type == FloatType::kF32 ? 2 : 4));
  Registers d(registers * test.warps);
  std::vector<float> before;
  std::normal_distribution<float> normal;
  for (int row = 0; row < 16 * test.warps; ++row) {
    for (int column = 0; column < form.n; ++column) {
      before.push_back(static_cast<float>(DecodeFloat(EncodeFloat(normal(random), FloatType::kF16), FloatType::kF16)));
      PutAccumulator(d, row / 16 * registers, form.d_type, row % 16, column, before.back());
    }
  }
  operands.d = d.data();
  ASSERT_EQ(Wgmma(form, operands), "");
  for (int row = 0; row < 16 * test.warps; ++row) {
    for (int column = 0; column < form.n; ++column) {
      const float start = test.scale_d ? before[static_cast<size_t>(row * form.n + column)] : 0.0f;
      const float sign = form.negate_a != form.negate_b ? -1.0f : 1.0f;
      const float sum = Dot(a, test.first_warp * 16 + row, b, column, start, sign);
      const uint32_t expected = form.d_type == FloatType::kF32 ? std::bit_cast<uint32_t>(sum) : FloatToHalf(sum);
      ASSERT_EQ(expected, Accumulator(d, row / 16 * registers, form.d_type, row % 16, column))
          << "row " << row << " column " << column << " expected " << sum;
    }
  }
}

constexpr uint32_t kSwizzles[] = {0, 32, 64, 128};

TEST(Wgmma, EveryNAndEveryLayoutOfB) {
  std::mt19937 random(1);
  for (int n = 8; n <= 256; n += 8) {
    for (const uint32_t swizzle : kSwizzles) {
      const uint32_t slice = swizzle ? static_cast<uint32_t>(n / 8) % (swizzle / 32) : 0;
      for (const bool mn_major : {false, true}) {
        Check({{.n = n, .a_in_registers = true, .b_mn_major = mn_major}, {}, {swizzle, mn_major, mn_major ? 0 : slice}},
              random);
        if (HasFatalFailure()) return;
      }
      Check({{FloatType::kE4M3, FloatType::kE4M3, FloatType::kF32, n, true}, {}, {swizzle, false, slice}}, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Wgmma, EveryLayoutOfA) {
  std::mt19937 random(2);
  for (const FloatType type : {FloatType::kBF16, FloatType::kF16, FloatType::kE4M3, FloatType::kE5M2}) {
    for (const uint32_t swizzle : kSwizzles) {
      for (uint32_t slice = 0; slice < std::max(swizzle / 32, 1u); ++slice) {
        Check({{type, type, FloatType::kF32, 64}, {swizzle, false, slice}, {128, false, 3 - slice}}, random);
        if (HasFatalFailure()) return;
      }
      if (FloatBits(type) == 8) continue;
      Check({{.a_type = type, .b_type = type, .n = 64, .a_mn_major = true}, {swizzle, true}, {64, false, 1}}, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Wgmma, PatternsThatStartOffTheirBoundary) {
  std::mt19937 random(3);
  for (uint32_t lines = 0; lines < 8; ++lines) {
    Check({{.n = 32}, {128, false, 2, lines}, {128, false, 1, (lines + 3) % 8}}, random);
    Check({{.n = 128, .a_mn_major = true, .b_mn_major = true}, {128, true, 0, lines}, {64, true, 0, lines % 4}},
          random);
    if (HasFatalFailure()) return;
  }
}

TEST(Wgmma, TypesScalesAndParts) {
  std::mt19937 random(4);
  const Layout layout{128};
  for (const FloatType d : {FloatType::kF32, FloatType::kF16}) {
    for (const bool registers : {false, true}) {
      for (const bool scale_d : {false, true}) {
        Check({{FloatType::kF16, FloatType::kF16, d, 40, registers}, layout, layout, scale_d}, random);
        Check({{FloatType::kE4M3, FloatType::kE5M2, d, 24, registers}, layout, layout, scale_d}, random);
        Check({{FloatType::kE5M2, FloatType::kE4M3, d, 256, registers}, layout, layout, scale_d}, random);
        if (HasFatalFailure()) return;
      }
    }
  }
  Check({{.n = 16, .negate_a = true}, layout, layout}, random);
  Check({{.n = 16, .a_in_registers = true, .negate_b = true}, layout, layout}, random);
  Check({{.n = 16, .negate_a = true, .negate_b = true}, layout, layout}, random);
  for (int warp = 0; warp < 4; ++warp) {
    Check({{.n = 64}, layout, layout, true, warp, 1}, random);
    Check({{.n = 64, .a_in_registers = true}, layout, layout, true, warp, 1}, random);
    Check({{.n = 64, .a_mn_major = true}, {32, true}, layout, true, warp, 4 - warp}, random);
  }
}

TEST(Wgmma, EveryFp8CodeGoesThrough) {
  for (const FloatType type : {FloatType::kE4M3, FloatType::kE5M2}) {
    for (const bool registers : {false, true}) {
      Matrix a{type, 64, 32, {}}, unit{type, 32, 32, std::vector<uint32_t>(32 * 32)};
      for (uint32_t i = 0; i < 64 * 32; ++i) a.codes.push_back(i & 0xFF);
      const uint32_t one = static_cast<uint32_t>(EncodeFloat(1.0, type));
      for (size_t i = 0; i < 32; ++i) unit.codes[i * 33] = one;
      std::vector<std::byte> shared(kSharedBytes);
      Registers a_registers(16), d(64);
      for (int warp = 0; warp < 4; ++warp) PutA(a_registers, 4 * warp, a, warp);
      WgmmaOperands operands;
      operands.scale_d = false;
      operands.a_registers = a_registers.constants();
      operands.a_descriptor = Place(a, {64}, 0, &shared);
      operands.b_descriptor = Place(unit, {32}, 64 * 1024, &shared);
      operands.shared = shared;
      operands.d = d.data();
      ASSERT_EQ(Wgmma({type, type, FloatType::kF32, 32, registers}, operands), "");
      for (int row = 0; row < 64; ++row) {
        // A row with a NaN or an infinity (which 0 times makes a NaN) has NaN everywhere but at the infinity itself.
        int infinities = 0, nans = 0;
        for (int k = 0; k < 32; ++k) {
          infinities += std::isinf(a.value(row, k));
          nans += std::isnan(a.value(row, k));
        }
        for (int column = 0; column < 32; ++column) {
          const uint32_t actual = Accumulator(d, row / 16 * 16, FloatType::kF32, row % 16, column);
          const float value = a.value(row, column);
          if (nans || infinities > std::isinf(value)) {
            ASSERT_EQ(actual, kNan) << row << ' ' << column;
          } else {
            ASSERT_EQ(std::bit_cast<float>(actual), value) << row << ' ' << column;
          }
        }
      }
    }
  }
}

TEST(Wgmma, ReadsAreThoseThatMatter) {
  std::mt19937 random(6);
  const Matrix b = RandomMatrix(FloatType::kBF16, 64, 16, random), a = RandomMatrix(FloatType::kBF16, 64, 16, random);
  for (const bool mn_major : {false, true}) {
    std::vector<std::byte> shared(kSharedBytes);
    WgmmaForm form{.n = 64, .b_mn_major = mn_major};
    WgmmaOperands operands;
    operands.first_warp = 2;
    operands.warps = 1;
    operands.a_descriptor = Place(a, {128, false, 1}, 0, &shared);
    operands.b_descriptor = Place(b, {64, mn_major}, 64 * 1024, &shared);
    std::set<uint32_t> reads;
    for (const uint32_t address : WgmmaReads(form, operands)) {
      EXPECT_EQ(address % 16, 0u);
      reads.insert(address);
    }
    EXPECT_EQ(reads.size(), (16 + 64) * 2u);
    // NaN everywhere else changes nothing.
    for (uint32_t address = 0; address < kSharedBytes; address += 16) {
      if (!reads.contains(address)) std::memset(shared.data() + address, 0xFF, 16);
    }
    Registers d(32);
    operands.scale_d = false;
    operands.shared = shared;
    operands.d = d.data();
    ASSERT_EQ(Wgmma(form, operands), "");
    for (int row = 0; row < 16; ++row) {
      for (int column = 0; column < 64; ++column) {
        ASSERT_EQ(Accumulator(d, 0, FloatType::kF32, row, column),
                  std::bit_cast<uint32_t>(Dot(a, 32 + row, b, column, 0)));
      }
    }
  }
}

TEST(Wgmma, RefusesWhatTheIsaLacks) {
  std::vector<std::byte> shared(4096);
  Registers a(16), d(128 * 4);
  WgmmaOperands operands;
  operands.a_registers = a.constants();
  operands.shared = shared;
  operands.d = d.data();
  const auto error = [&](const WgmmaForm& form) { return Wgmma(form, operands); };
  using enum FloatType;
  EXPECT_NE(error({kBF16, kBF16, kF32, 12}).find("N is 12"), std::string::npos);
  EXPECT_NE(error({kBF16, kBF16, kF32, 264}).find("N is 264"), std::string::npos);
  EXPECT_NE(error({kBF16, kF16, kF32, 8}), "");
  EXPECT_NE(error({kBF16, kBF16, kF16, 8}), "");
  EXPECT_NE(error({kF32, kF32, kF32, 8}), "");
  EXPECT_NE(error({kE4M3, kE4M3, kF32, 8, false, false, true}).find("K-major"), std::string::npos);
  EXPECT_NE(error({kBF16, kBF16, kF32, 8, true, true}).find("transposed"), std::string::npos);
  // 8-row groups 4096 bytes apart in 4096 bytes: the second group is outside.
  d.at(0, 0) = 42;
  operands.b_descriptor = uint64_t{1} << 62 | uint64_t{4096 >> 4} << 32;
  EXPECT_NE(error({kBF16, kBF16, kF32, 16, true}).find("descriptor of B reaches 16 bytes at shared address 4096"),
            std::string::npos);
  operands.b_descriptor = uint64_t{1} << 62;
  operands.a_descriptor = operands.b_descriptor | 4080 >> 4 | uint64_t{1024 >> 4} << 32;
  EXPECT_NE(error({kBF16, kBF16, kF32, 16}).find("descriptor of A"), std::string::npos);
  EXPECT_EQ(d.at(0, 0), 42u);
  operands.a_descriptor = operands.b_descriptor;
  EXPECT_EQ(error({kBF16, kBF16, kF32, 16}), "");
}

TEST(MatrixDescriptors, Fields) {
  const MatrixDescriptor d = DecodeMatrixDescriptor(0x400A'0123'2345'3456ull | 3ull << 49);
  EXPECT_EQ(d.start, 0x3456u << 4);
  EXPECT_EQ(d.leading_offset, 0x2345u << 4);
  EXPECT_EQ(d.stride_offset, 0x0123u << 4);
  EXPECT_EQ(d.base_offset, 7u);
  EXPECT_EQ(d.swizzle_bytes, 128u);
  EXPECT_EQ(DecodeMatrixDescriptor(2ull << 62).swizzle_bytes, 64u);
  EXPECT_EQ(DecodeMatrixDescriptor(3ull << 62).swizzle_bytes, 32u);
}

// --- mma.sync
// ---------------------------------------------------------------------------------------------------------

TEST(Mma, EveryShapeAndType) {
  std::mt19937 random(7);
  using enum FloatType;
  const MmaForm forms[] = {{kBF16, kBF16, kF32, 16}, {kF16, kF16, kF32, 16},   {kF16, kF16, kF16, 16},
                           {kBF16, kBF16, kF32, 8},  {kF16, kF16, kF32, 8},    {kF16, kF16, kF16, 8},
                           {kE4M3, kE4M3, kF32, 32}, {kE4M3, kE5M2, kF32, 32}, {kE5M2, kE5M2, kF16, 32},
                           {kE4M3, kE4M3, kF32, 16}};
  for (const MmaForm& form : forms) {
    SCOPED_TRACE(std::to_string(static_cast<int>(form.a_type)) + " k " + std::to_string(form.k));
    const Matrix a = RandomMatrix(form.a_type, 16, form.k, random), b = RandomMatrix(form.b_type, 8, form.k, random);
    const MmaRegisters counts = MmaRegisterCounts(form);
    Registers a_registers(counts.a), b_registers(counts.b), c(counts.d), d(counts.d);
    PutA(a_registers, 0, a, 0);
    const int bits = FloatBits(form.a_type), group = 32 / bits;
    for (int n = 0; n < 8; ++n) {
      for (int k = 0; k < form.k; ++k) {
        b_registers.at(k / (4 * group), n * 4 + k / group % 4) |= b.at(n, k) << (k % group * bits);
      }
    }
    for (int row = 0; row < 16; ++row) {
      for (int n = 0; n < 8; ++n) PutAccumulator(c, 0, form.d_type, row, n, static_cast<float>(row * 8 + n) / 4);
    }
    ASSERT_EQ(Mma(form, a_registers.constants(), b_registers.constants(), c.constants(), d.data()), "");
    for (int row = 0; row < 16; ++row) {
      for (int n = 0; n < 8; ++n) {
        const float sum = Dot(a, row, b, n, static_cast<float>(row * 8 + n) / 4);
        ASSERT_EQ(Accumulator(d, 0, form.d_type, row, n),
                  form.d_type == kF32 ? std::bit_cast<uint32_t>(sum) : FloatToHalf(sum))
            << row << ' ' << n;
      }
    }
  }
  Registers none(4);
  EXPECT_NE(Mma({kBF16, kBF16, kF32, 32}, none.constants(), none.constants(), none.constants(), none.data()), "");
  EXPECT_NE(Mma({kBF16, kE4M3, kF32, 16}, none.constants(), none.constants(), none.constants(), none.data()), "");
}

TEST(MatrixMoves, LanesHoldRowsOrColumns) {
  std::byte rows[8][16];
  const auto element = [](int row, int column) { return static_cast<uint16_t>(0x100 * row + column); };
  for (int row = 0; row < 8; ++row) {
    for (int column = 0; column < 8; ++column) {
      const uint16_t value = element(row, column);
      std::memcpy(&rows[row][2 * column], &value, 2);
    }
  }
  for (const bool trans : {false, true}) {
    uint32_t lanes[kLanes];
    RowsToRegister(rows, trans, lanes);
    for (int lane = 0; lane < kLanes; ++lane) {
      // Figure of ldmatrix: lane 4r + c holds elements 2c and 2c + 1 of row r (of column r when transposed).
      const int r = lane / 4, c = lane % 4;
      EXPECT_EQ(lanes[lane] & 0xFFFF, trans ? element(2 * c, r) : element(r, 2 * c));
      EXPECT_EQ(lanes[lane] >> 16, trans ? element(2 * c + 1, r) : element(r, 2 * c + 1));
    }
    std::byte back[8][16];
    RegisterToRows(lanes, trans, back);
    EXPECT_EQ(std::memcmp(rows, back, sizeof rows), 0);
  }
}

}  // namespace
}  // namespace emulator
