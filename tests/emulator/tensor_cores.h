#pragma once

// The matrix instructions: wgmma, mma.sync, and the shuffles of ldmatrix and stmatrix. A register is an array of 32
// lanes; shared memory is the bytes of one CTA. When an instruction takes effect, and what may read its registers
// meanwhile, is the caller's affair.
//
// Arithmetic: each sum starts from the accumulator (or from 0) and goes up k, one product and one addition in f32 a
// step. A product of two inputs is exact in f32 (of bf16 ones, while it neither overflows nor falls below 2^-126), so a
// step rounds once, to nearest even; an f16 accumulator is rounded once at the end of the instruction. A card sums in
// groups with truncated alignment (FP8: about 14 bits of the running sum), so its low bits differ. NaN results are
// canonical.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "conversions.h"

namespace emulator {

inline constexpr int kLanes = 32;

// The 64-bit shared memory matrix descriptor of wgmma, in bytes.
struct MatrixDescriptor {
  uint32_t start = 0;           // bits 0–13, 16-byte units; offset in the CTA's shared memory, below 256 KiB
  uint32_t leading_offset = 0;  // bits 16–29, 16-byte units
  uint32_t stride_offset = 0;   // bits 32–45, 16-byte units
  uint32_t base_offset = 0;     // bits 49–51: row of 128 bytes at which the swizzle pattern starts
  uint32_t swizzle_bytes = 0;   // bits 62–63: 0 none, 1 → 128, 2 → 64, 3 → 32
};
MatrixDescriptor DecodeMatrixDescriptor(uint64_t bits);

// Shared memory addresses of the 16-byte pieces of the part [first_row, first_row + rows) × [0, 32 bytes of k) of an
// operand. K-major: piece 2·row + j holds bytes 16j… of that row along k. MN-major (16-bit types): piece
// k·(rows / 8) + i holds rows 8i… at that k. Addresses may lie outside shared memory.
std::vector<uint32_t> MatrixPieces(const MatrixDescriptor& descriptor, bool mn_major, int first_row, int rows);

// wgmma.mma_async.sync.aligned.m64nNk16 (16-bit inputs) or m64nNk32 (8-bit inputs).
struct WgmmaForm {
  FloatType a_type = FloatType::kBF16, b_type = FloatType::kBF16;  // equal, or e4m3 and e5m2 in any combination
  FloatType d_type = FloatType::kF32;                              // f32; f16 too with f16 or 8-bit inputs
  int n = 8;                                                       // a multiple of 8 up to 256
  bool a_in_registers = false;
  bool a_mn_major = false, b_mn_major = false;  // imm-trans-a, imm-trans-b = 1; 16-bit inputs in shared memory alone
  bool negate_a = false, negate_b = false;      // imm-scale-a, imm-scale-b = −1
};

// Registers that one warp gives to the accumulator: n/2 for f32, n/4 (packed pairs) for f16.
int WgmmaAccumulatorRegisters(const WgmmaForm& form);

struct WgmmaOperands {
  // Warps of the warpgroup to compute: all four at once is quicker than four calls. Warp w has rows 16w to 16w + 15.
  int first_warp = 0, warps = 4;
  bool scale_d = true;                           // false: D = A·B
  const uint32_t* const* a_registers = nullptr;  // [warps · 4] arrays of 32 lanes, when a_in_registers
  uint64_t a_descriptor = 0;                     // otherwise
  uint64_t b_descriptor = 0;
  std::span<const std::byte> shared;
  uint32_t* const* d = nullptr;  // [warps · WgmmaAccumulatorRegisters] arrays of 32 lanes, read (scale_d) and written
};

// What is wrong with the form or a descriptor (then D is untouched), or an empty text.
std::string Wgmma(const WgmmaForm& form, const WgmmaOperands& operands);

// All pieces of shared memory that the instruction reads, 16 bytes each, for checks of address and initialisation.
std::vector<uint32_t> WgmmaReads(const WgmmaForm& form, const WgmmaOperands& operands);

// mma.sync.aligned.m16n8kK.row.col: K is 8 or 16 for 16-bit inputs, 16 or 32 for 8-bit ones (types may be mixed).
struct MmaForm {
  FloatType a_type = FloatType::kBF16, b_type = FloatType::kBF16;
  FloatType d_type = FloatType::kF32;  // of C too; f16 with f16 or 8-bit inputs
  int k = 16;
};
// Registers of A, B, and C or D.
struct MmaRegisters {
  int a, b, d;
};
MmaRegisters MmaRegisterCounts(const MmaForm& form);
// D may be C. Returns what is wrong with the form, or an empty text.
std::string Mma(const MmaForm& form, const uint32_t* const* a, const uint32_t* const* b, const uint32_t* const* c,
                uint32_t* const* d);

// ldmatrix and stmatrix .m8n8.b16, one 8×8 matrix: row r is the 16 bytes at the address that lane 8i + r gives for
// matrix i (matrix i is register i). `trans` is the .trans modifier.
void RowsToRegister(const std::byte (&rows)[8][16], bool trans, uint32_t* lanes);
void RegisterToRows(const uint32_t* lanes, bool trans, std::byte (&rows)[8][16]);

}  // namespace emulator
