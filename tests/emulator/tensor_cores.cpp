#include "tensor_cores.h"

#include <array>
#include <cstring>
#include <utility>

namespace emulator {
namespace {

constexpr int kMaxK = 32;
constexpr int kMaxN = 256;
constexpr uint32_t kPieceBytes = 16;

bool IsHalf(FloatType type) {
  return type == FloatType::kF16 || type == FloatType::kBF16;
}
bool IsFp8(FloatType type) {
  return type == FloatType::kE4M3 || type == FloatType::kE5M2;
}

// What the inputs' types and the accumulator's allow, for wgmma and mma alike.
std::string CheckTypes(FloatType a, FloatType b, FloatType d) {
  if (!IsHalf(a) && !IsFp8(a)) return "the inputs of a matrix instruction must be bf16, f16, e4m3 or e5m2";
  if (IsHalf(a) ? a != b : !IsFp8(b)) return "the types of A and B don't go together";
  if (d != FloatType::kF32 && d != FloatType::kF16) return "the accumulator must be f32 or f16";
  if (d == FloatType::kF16 && a == FloatType::kBF16) return "the accumulator of bf16 inputs must be f32";
  return {};
}

// --- unpacking
// --------------------------------------------------------------------------------------------------------

// `count` elements to f32. A NaN's payload doesn't matter: results that are NaN are made canonical.
void Unpack(FloatType type, const void* source, int count, bool negate, float* target) {
  if (type == FloatType::kBF16) {
    std::array<uint16_t, 8> values;
    std::memcpy(values.data(), source, static_cast<size_t>(count) * 2);
    for (int i = 0; i < count; ++i) target[i] = std::bit_cast<float>(uint32_t{values[i]} << 16);
  } else if (type == FloatType::kF16) {
    std::array<uint16_t, 8> values;
    std::memcpy(values.data(), source, static_cast<size_t>(count) * 2);
    for (int i = 0; i < count; ++i) target[i] = HalfToFloat(values[i]);
  } else {
    const auto* codes = static_cast<const uint8_t*>(source);
    for (int i = 0; i < count; ++i) {
      target[i] = type == FloatType::kE4M3 ? E4M3ToFloat(codes[i]) : E5M2ToFloat(codes[i]);
    }
  }
  if (negate) {
    for (int i = 0; i < count; ++i) target[i] = -target[i];
  }
}

uint32_t Swizzle(const MatrixDescriptor& descriptor, uint32_t address) {
  const uint32_t units = descriptor.swizzle_bytes / kPieceBytes;  // 0, 2, 4 or 8
  if (units == 0) return address;
  const uint32_t row = (address >> 7) - descriptor.base_offset;
  return address ^ ((row & (units - 1)) << 4);
}

// Bytes 16j… along k of row `row`.
uint32_t KMajorPiece(const MatrixDescriptor& d, int row, int j) {
  const uint32_t in_group = static_cast<uint32_t>(row % 8), group = static_cast<uint32_t>(row / 8);
  const uint32_t column = static_cast<uint32_t>(j);
  const uint32_t offset = d.swizzle_bytes == 0
                              ? in_group * kPieceBytes + group * d.stride_offset + column * d.leading_offset
                              : in_group * d.swizzle_bytes + group * d.stride_offset + column * kPieceBytes;
  return Swizzle(d, d.start + offset);
}

// Rows 8i… at `k`.
uint32_t MnMajorPiece(const MatrixDescriptor& d, int k, int i) {
  const uint32_t in_group = static_cast<uint32_t>(k % 8), group = static_cast<uint32_t>(k / 8);
  const uint32_t unit = static_cast<uint32_t>(i), units = d.swizzle_bytes / kPieceBytes;
  const uint32_t offset = d.swizzle_bytes == 0
                              ? in_group * kPieceBytes + group * d.leading_offset + unit * d.stride_offset
                              : in_group * d.swizzle_bytes + group * d.stride_offset + unit % units * kPieceBytes +
                                    unit / units * d.leading_offset;
  return Swizzle(d, d.start + offset);
}

// Calls piece(address, row, k): a piece's first element is (row, k), the others follow along k, or along the rows when
// MN-major.
template <class Function>
void ForEachPiece(const MatrixDescriptor& descriptor, bool mn_major, int first_row, int rows, int elements_a_piece,
                  Function&& piece) {
  if (mn_major) {
    for (int k = 0; k < 2 * elements_a_piece; ++k) {
      for (int i = 0; i < rows / 8; ++i) piece(MnMajorPiece(descriptor, k, first_row / 8 + i), 8 * i, k);
    }
  } else {
    for (int row = 0; row < rows; ++row) {
      for (int j = 0; j < 2; ++j) piece(KMajorPiece(descriptor, first_row + row, j), row, j * elements_a_piece);
    }
  }
}

// Rows [first_row, first_row + rows) of an operand in shared memory to target[rows][k], k = 32 bytes of elements.
std::string UnpackShared(const char* name, uint64_t descriptor_bits, FloatType type, bool mn_major, bool negate,
                         int first_row, int rows, std::span<const std::byte> shared, float* target) {
  const int elements = 128 / FloatBits(type), k = 2 * elements;
  const MatrixDescriptor descriptor = DecodeMatrixDescriptor(descriptor_bits);
  bool inside = true;
  uint32_t outside = 0;
  ForEachPiece(descriptor, mn_major, first_row, rows, elements, [&](uint32_t address, int row, int first_k) {
    if (address + kPieceBytes > shared.size()) {
      if (inside) outside = address;
      inside = false;
      return;
    }
    const std::byte* source = shared.data() + address;
    if (!mn_major) return Unpack(type, source, elements, negate, target + row * k + first_k);
    float values[8];
    Unpack(type, source, 8, negate, values);
    for (int i = 0; i < 8; ++i) target[(row + i) * k + first_k] = values[i];
  });
  if (inside) return {};
  return std::string("the descriptor of ") + name + " reaches 16 bytes at shared address " + std::to_string(outside) +
         ", beyond the block's " + std::to_string(shared.size()) + " bytes";
}

// The fragment of a 16-row operand in registers: register r has row lane/4 + 8·(r mod 2), and from k =
// (r div 2)·(k of 16 bytes) + lane mod 4 · (elements of a register) as many elements as a register holds.
void UnpackRows16(const uint32_t* const* registers, int count, FloatType type, bool negate, int k, float* target) {
  const int elements = 32 / FloatBits(type);
  for (int r = 0; r < count; ++r) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const int row = lane / 4 + 8 * (r % 2), first_k = r / 2 * 4 * elements + lane % 4 * elements;
      Unpack(type, &registers[r][lane], elements, negate, target + row * k + first_k);
    }
  }
}

// --- multiplying
// ------------------------------------------------------------------------------------------------------ All in the
// accumulator's own layout. For 8 columns, register r of a warp has row lane/4 + 8·(r div 2) and column 2·(lane mod 4)
// + r mod 2. So A spreads to lanes by rows and B by columns, and a register is 32 independent sums.

struct alignas(64) SpreadA {
  float values[2][kMaxK][kLanes];  // [r div 2][k][lane]
};
struct alignas(64) SpreadB {
  float values[2][kMaxK][kLanes];  // [r mod 2][k][lane]
};

void Spread(const float* a, int k, SpreadA* target) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < k; ++i) {
      for (int lane = 0; lane < kLanes; ++lane) target->values[half][i][lane] = a[(lane / 4 + 8 * half) * k + i];
    }
  }
}

void Spread(const float* b, int k, SpreadB* target) {
  for (int odd = 0; odd < 2; ++odd) {
    for (int i = 0; i < k; ++i) {
      const float columns[4] = {b[odd * k + i], b[(2 + odd) * k + i], b[(4 + odd) * k + i], b[(6 + odd) * k + i]};
      for (int lane = 0; lane < kLanes; lane += 4) std::memcpy(&target->values[odd][i][lane], columns, sizeof columns);
    }
  }
}

// Eight steps of k for one register: sum[lane] += a[k][lane] · b[k][lane].
template <size_t... kSteps>
[[gnu::always_inline]] inline void Steps(const float (*a)[kLanes], const float (*b)[kLanes], float* sum,
                                         std::index_sequence<kSteps...>) {
  for (int lane = 0; lane < kLanes; ++lane) {
    float value = sum[lane];
    ((value += a[kSteps][lane] * b[kSteps][lane]), ...);
    sum[lane] = value;
  }
}

[[gnu::always_inline]] inline void MultiplyBody(const SpreadA& a, const SpreadB& b, int k, float (*sums)[kLanes]) {
  for (int r = 0; r < 4; ++r) {
    for (int i = 0; i < k; i += 8) {
      Steps(a.values[r / 2] + i, b.values[r % 2] + i, sums[r], std::make_index_sequence<8>());
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = sums[r][lane];
      sums[r][lane] = value == value ? value : std::bit_cast<float>(0x7FFFFFFFu);
    }
  }
}

using MultiplyFunction = void (*)(const SpreadA&, const SpreadB&, int, float (*)[kLanes]);

void MultiplyPlain(const SpreadA& a, const SpreadB& b, int k, float (*sums)[kLanes]) {
  MultiplyBody(a, b, k, sums);
}
#ifdef __x86_64__
[[gnu::target("avx2")]] void MultiplyAvx2(const SpreadA& a, const SpreadB& b, int k, float (*sums)[kLanes]) {
  MultiplyBody(a, b, k, sums);
}
[[gnu::target("avx512f,prefer-vector-width=512")]] void MultiplyAvx512(const SpreadA& a, const SpreadB& b, int k,
                                                                       float (*sums)[kLanes]) {
  MultiplyBody(a, b, k, sums);
}
#endif

// The same additions in the same order on each, so the same bits.
MultiplyFunction ChooseMultiply() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return MultiplyAvx512;
  if (__builtin_cpu_supports("avx2")) return MultiplyAvx2;
#endif
  return MultiplyPlain;
}

// Eight columns of one warp: `c` is null for a zero accumulator. Registers are 4 of f32, or 2 of f16 pairs.
void MultiplyBlock(const SpreadA& a, const SpreadB& b, int k, FloatType d_type, const uint32_t* const* c,
                   uint32_t* const* d) {
  static const MultiplyFunction multiply = ChooseMultiply();
  alignas(64) float sums[4][kLanes] = {};
  if (d_type == FloatType::kF32) {
    if (c) {
      for (int r = 0; r < 4; ++r) std::memcpy(sums[r], c[r], sizeof sums[r]);
    }
    multiply(a, b, k, sums);
    for (int r = 0; r < 4; ++r) std::memcpy(d[r], sums[r], sizeof sums[r]);
    return;
  }
  if (c) {
    for (int r = 0; r < 4; ++r) {
      for (int lane = 0; lane < kLanes; ++lane) {
        sums[r][lane] = HalfToFloat(static_cast<uint16_t>(c[r / 2][lane] >> (r % 2 * 16)));
      }
    }
  }
  multiply(a, b, k, sums);
  for (int r = 0; r < 2; ++r) {
    for (int lane = 0; lane < kLanes; ++lane) {
      d[r][lane] = FloatToHalf(sums[2 * r][lane]) | uint32_t{FloatToHalf(sums[2 * r + 1][lane])} << 16;
    }
  }
}

std::string CheckWgmma(const WgmmaForm& form, const WgmmaOperands& operands) {
  if (std::string error = CheckTypes(form.a_type, form.b_type, form.d_type); !error.empty()) return error;
  if (form.n < 8 || form.n > kMaxN || form.n % 8) {
    return "wgmma's N is " + std::to_string(form.n) + ", it must be a multiple of 8 from 8 to 256";
  }
  if (IsFp8(form.a_type) && (form.a_mn_major || form.b_mn_major)) return "wgmma on 8-bit inputs must be K-major";
  if (form.a_in_registers && form.a_mn_major) return "wgmma's A in registers can't be transposed";
  if (operands.first_warp < 0 || operands.warps < 1 || operands.first_warp + operands.warps > 4) {
    return "a warpgroup has warps 0 to 3";
  }
  return {};
}

}  // namespace

MatrixDescriptor DecodeMatrixDescriptor(uint64_t bits) {
  static constexpr uint32_t kSwizzleBytes[4] = {0, 128, 64, 32};
  return {.start = static_cast<uint32_t>(bits & 0x3FFF) << 4,
          .leading_offset = static_cast<uint32_t>(bits >> 16 & 0x3FFF) << 4,
          .stride_offset = static_cast<uint32_t>(bits >> 32 & 0x3FFF) << 4,
          .base_offset = static_cast<uint32_t>(bits >> 49 & 7),
          .swizzle_bytes = kSwizzleBytes[bits >> 62]};
}

std::vector<uint32_t> MatrixPieces(const MatrixDescriptor& descriptor, bool mn_major, int first_row, int rows) {
  std::vector<uint32_t> pieces;
  // MN-major inputs have 16 bits, 8 elements a piece; K-major pieces are the same for all types.
  ForEachPiece(descriptor, mn_major, first_row, rows, 8,
               [&](uint32_t address, int, int) { pieces.push_back(address); });
  return pieces;
}

int WgmmaAccumulatorRegisters(const WgmmaForm& form) {
  return form.d_type == FloatType::kF32 ? form.n / 2 : form.n / 4;
}

std::vector<uint32_t> WgmmaReads(const WgmmaForm& form, const WgmmaOperands& operands) {
  std::vector<uint32_t> reads = MatrixPieces(DecodeMatrixDescriptor(operands.b_descriptor), form.b_mn_major, 0, form.n);
  if (!form.a_in_registers) {
    const std::vector<uint32_t> a = MatrixPieces(DecodeMatrixDescriptor(operands.a_descriptor), form.a_mn_major,
                                                 16 * operands.first_warp, 16 * operands.warps);
    reads.insert(reads.end(), a.begin(), a.end());
  }
  return reads;
}

std::string Wgmma(const WgmmaForm& form, const WgmmaOperands& operands) {
  if (std::string error = CheckWgmma(form, operands); !error.empty()) return error;
  const int k = 256 / FloatBits(form.a_type);
  float b[kMaxN * kMaxK];
  if (std::string error = UnpackShared("B", operands.b_descriptor, form.b_type, form.b_mn_major, form.negate_b, 0,
                                       form.n, operands.shared, b);
      !error.empty()) {
    return error;
  }
  SpreadA a[4];
  for (int warp = 0; warp < operands.warps; ++warp) {
    float rows[16 * kMaxK];
    if (form.a_in_registers) {
      UnpackRows16(operands.a_registers + 4 * warp, 4, form.a_type, form.negate_a, k, rows);
    } else if (std::string error = UnpackShared("A", operands.a_descriptor, form.a_type, form.a_mn_major, form.negate_a,
                                                16 * (operands.first_warp + warp), 16, operands.shared, rows);
               !error.empty()) {
      return error;
    }
    Spread(rows, k, &a[warp]);
  }
  const int registers = WgmmaAccumulatorRegisters(form), block_registers = 8 * registers / form.n;
  for (int block = 0; block < form.n / 8; ++block) {
    SpreadB columns;
    Spread(b + 8 * block * k, k, &columns);
    for (int warp = 0; warp < operands.warps; ++warp) {
      uint32_t* const* d = operands.d + warp * registers + block * block_registers;
      MultiplyBlock(a[warp], columns, k, form.d_type, operands.scale_d ? d : nullptr, d);
    }
  }
  return {};
}

MmaRegisters MmaRegisterCounts(const MmaForm& form) {
  const int words = form.k * FloatBits(form.a_type) / 128;  // of k, a lane's 32-bit words of one row
  return {2 * words, words, form.d_type == FloatType::kF32 ? 4 : 2};
}

std::string Mma(const MmaForm& form, const uint32_t* const* a, const uint32_t* const* b, const uint32_t* const* c,
                uint32_t* const* d) {
  if (std::string error = CheckTypes(form.a_type, form.b_type, form.d_type); !error.empty()) return error;
  const int k_of_word = 128 / FloatBits(form.a_type);
  if (form.k != k_of_word && form.k != 2 * k_of_word) {
    return "mma.m16n8 of these types has no K of " + std::to_string(form.k);
  }
  const MmaRegisters counts = MmaRegisterCounts(form);
  float rows[16 * kMaxK], columns[8 * kMaxK];
  UnpackRows16(a, counts.a, form.a_type, false, form.k, rows);
  const int elements = k_of_word / 4;
  for (int r = 0; r < counts.b; ++r) {
    for (int lane = 0; lane < kLanes; ++lane) {
      Unpack(form.b_type, &b[r][lane], elements, false,
             columns + lane / 4 * form.k + r * k_of_word + lane % 4 * elements);
    }
  }
  SpreadA spread_a;
  SpreadB spread_b;
  Spread(rows, form.k, &spread_a);
  Spread(columns, form.k, &spread_b);
  MultiplyBlock(spread_a, spread_b, form.k, form.d_type, c, d);
  return {};
}

void RowsToRegister(const std::byte (&rows)[8][16], bool trans, uint32_t* lanes) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const int major = lane / 4, pair = lane % 4 * 2;
    uint16_t low, high;
    std::memcpy(&low, trans ? &rows[pair][2 * major] : &rows[major][2 * pair], 2);
    std::memcpy(&high, trans ? &rows[pair + 1][2 * major] : &rows[major][2 * pair + 2], 2);
    lanes[lane] = low | uint32_t{high} << 16;
  }
}

void RegisterToRows(const uint32_t* lanes, bool trans, std::byte (&rows)[8][16]) {
  for (int lane = 0; lane < kLanes; ++lane) {
    const int major = lane / 4, pair = lane % 4 * 2;
    const uint16_t low = static_cast<uint16_t>(lanes[lane]), high = static_cast<uint16_t>(lanes[lane] >> 16);
    std::memcpy(trans ? &rows[pair][2 * major] : &rows[major][2 * pair], &low, 2);
    std::memcpy(trans ? &rows[pair + 1][2 * major] : &rows[major][2 * pair + 2], &high, 2);
  }
}

}  // namespace emulator
