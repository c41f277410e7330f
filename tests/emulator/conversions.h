#pragma once

// Numbers as PTX sees them: cvt, approximate functions, and arithmetic of f16, bf16, f32 and f64 with their modifiers,
// as functions of one value (of one pair for packed types). Nothing here depends on the rest of the emulator.
//
// A value of any type travels as its bits in the low end of a uint64_t; bits above its width are ignored on the way in
// and zero on the way out (ConvertInteger and FloatToInteger too: the caller extends signed results to a wider
// register).

#include <bit>
#include <cmath>
#include <cstdint>

namespace emulator {

// .rn .rz .rm .rp, and for roundings to an integral value .rni .rzi .rmi .rpi. kAway (.rna) is known to .tf32 alone.
enum class Rounding : uint8_t { kNearest, kZero, kDown, kUp, kAway };

enum class FloatType : uint8_t { kF64, kF32, kTF32, kF16, kBF16, kE5M2, kE4M3 };
struct IntegerType {
  int bits;  // 8, 16, 32 or 64
  bool is_signed;
};

struct Modifiers {
  Rounding rounding = Rounding::kNearest;
  bool ftz = false;        // f32 (and f16 arithmetic): subnormal inputs and results become zeros of the same sign
  bool sat = false;        // [0, 1], NaN becomes +0; between integers: clamp to the range of the target
  bool satfinite = false;  // beyond the largest finite value, infinities too: that value with the sign
  bool relu = false;       // negative results become +0; NaN stays
};

int FloatBits(FloatType type);

// The canonical NaN that arithmetic and conversions give: positive, all fraction bits set.
uint64_t CanonicalNan(FloatType type);

// Exact. NaN gives NaN.
double DecodeFloat(uint64_t bits, FloatType type);

// Rounds once. Uses rounding, satfinite, relu and, for f32, ftz. E4M3 has no infinities: what overflows without
// satfinite becomes NaN.
uint64_t EncodeFloat(double value, FloatType type, Modifiers modifiers = {});

// --- cvt
// --------------------------------------------------------------------------------------------------------------

// Between floating types, one rounding where the target is narrower. All NaN become the canonical one.
uint64_t ConvertFloat(uint64_t bits, FloatType from, FloatType to, Modifiers modifiers = {});

// cvt.rni.f32.f32 and its like: to an integral value of the same type; with another target type, of that type.
uint64_t RoundToIntegral(uint64_t bits, FloatType from, FloatType to, Modifiers modifiers);

// Rounds, then clamps to the target's range. NaN gives 0, or the target's top bit alone where the source is f64 or the
// target has 64 bits. ftz counts for an f32 source.
uint64_t FloatToInteger(uint64_t bits, FloatType from, IntegerType to, Modifiers modifiers);

// Rounds once; f16 overflows to infinity.
uint64_t IntegerToFloat(uint64_t bits, IntegerType from, FloatType to, Modifiers modifiers = {});

// Extends by the source's sign or cuts off; with sat, clamps.
uint64_t ConvertInteger(uint64_t bits, IntegerType from, IntegerType to, bool sat);

// cvt.f16x2.f32, bf16x2.f32, e4m3x2.f32, e5m2x2.f32: `high` is the first source operand of the instruction.
uint32_t ConvertToPacked(float high, float low, FloatType to, Modifiers modifiers);

// e4m3x2 or e5m2x2 (16 bits) to f16x2 (32 bits), and f16x2 to e4m3x2 or e5m2x2.
uint32_t ConvertPacked(uint32_t bits, FloatType from, FloatType to, Modifiers modifiers);

// Quick forms of the frequent ones, equal to ConvertFloat.
inline float BFloat16ToFloat(uint16_t bits) {
  return (bits & 0x7FFF) > 0x7F80 ? std::bit_cast<float>(0x7FFFFFFFu) : std::bit_cast<float>(uint32_t{bits} << 16);
}
inline uint16_t FloatToBFloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return 0x7FFF;
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}
float HalfToFloat(uint16_t bits);
uint16_t FloatToHalf(float value);
float E4M3ToFloat(uint8_t bits);
float E5M2ToFloat(uint8_t bits);

// --- f32 and f64 arithmetic
// ------------------------------------------------------------------------------------------- One rounding in the given
// mode; NaN results are canonical. Modifiers used: rounding, ftz (f32), sat (f32).

float AddFloat(float a, float b, Modifiers modifiers = {});
float SubFloat(float a, float b, Modifiers modifiers = {});
float MulFloat(float a, float b, Modifiers modifiers = {});
float FmaFloat(float a, float b, float c, Modifiers modifiers = {});
float DivFloat(float a, float b, Modifiers modifiers = {});
float RcpFloat(float a, Modifiers modifiers = {});
float SqrtFloat(float a, Modifiers modifiers = {});

double AddDouble(double a, double b, Rounding rounding = Rounding::kNearest);
double SubDouble(double a, double b, Rounding rounding = Rounding::kNearest);
double MulDouble(double a, double b, Rounding rounding = Rounding::kNearest);
double FmaDouble(double a, double b, double c, Rounding rounding = Rounding::kNearest);
double DivDouble(double a, double b, Rounding rounding = Rounding::kNearest);
double RcpDouble(double a, Rounding rounding = Rounding::kNearest);
double SqrtDouble(double a, Rounding rounding = Rounding::kNearest);

struct MinMaxModifiers {
  bool ftz = false;
  bool nan = false;          // .NaN: one NaN input gives NaN; otherwise the other input is the result
  bool xorsign_abs = false;  // of the magnitudes, with the sign of a xor b
};
// −0 counts as less than +0. Two NaN give the canonical one.
float MinFloat(float a, float b, MinMaxModifiers modifiers = {});
float MaxFloat(float a, float b, MinMaxModifiers modifiers = {});
double MinDouble(double a, double b);
double MaxDouble(double a, double b);

// --- approximate functions
// -------------------------------------------------------------------------------------------- Correct to an ulp or
// better, so within every bound of PTX's; edge cases are PTX's.

float Ex2Approx(float x, bool ftz);    // subnormal input: 1; with ftz, subnormal results are +0
float Lg2Approx(float x, bool ftz);    // ±0: −inf; below: NaN
float RcpApprox(float x, bool ftz);    // ±0: ±inf
float RsqrtApprox(float x, bool ftz);  // ±0: ±inf; below: NaN
float SqrtApprox(float x, bool ftz);   // −0: −0; below: NaN
float SinApprox(float x, bool ftz);    // ±inf: NaN
float CosApprox(float x, bool ftz);
float TanhApprox(float x);
float DivApprox(float a, float b, bool ftz);  // |b| above 2^126: 0, or NaN where a is infinite
float DivFull(float a, float b, bool ftz);
double RcpApproxDouble(double x);  // rcp.approx.ftz.f64, rsqrt.approx(.ftz).f64
double RsqrtApproxDouble(double x);

// --- f16 and bf16 arithmetic
// ------------------------------------------------------------------------------------------ `type` is kF16 or kBF16;
// one rounding to nearest. Modifiers used: ftz, sat, and relu for Fma.

uint16_t AddHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers = {});
uint16_t SubHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers = {});
uint16_t MulHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers = {});
uint16_t FmaHalf(FloatType type, uint16_t a, uint16_t b, uint16_t c, Modifiers modifiers = {});
uint16_t MinHalf(FloatType type, uint16_t a, uint16_t b, MinMaxModifiers modifiers = {});
uint16_t MaxHalf(FloatType type, uint16_t a, uint16_t b, MinMaxModifiers modifiers = {});
uint16_t NegHalf(FloatType type, uint16_t a);
uint16_t AbsHalf(FloatType type, uint16_t a);
uint16_t Ex2Half(FloatType type, uint16_t a, bool ftz);
uint16_t TanhHalf(FloatType type, uint16_t a);

// A function of 16-bit values on both halves of packed operands.
template <class Function, class... Packed>
uint32_t OnPair(Function&& function, Packed... packed) {
  const uint32_t low = function(static_cast<uint16_t>(packed)...);
  const uint32_t high = function(static_cast<uint16_t>(packed >> 16)...);
  return low | high << 16;
}

}  // namespace emulator
