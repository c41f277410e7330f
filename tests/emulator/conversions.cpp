#include "conversions.h"

#include <algorithm>
#include <array>
#include <cfenv>
#include <limits>

namespace emulator {
namespace {

struct Format {
  int bits, fraction, bias;
  int unused;           // low bits of the stored word that carry nothing (tf32)
  uint64_t max_finite;  // largest finite magnitude, without the unused bits
  bool has_infinity;    // max_finite + 1
};

constexpr Format FormatOf(FloatType type) {
  switch (type) {
    case FloatType::kF64:
      return {64, 52, 1023, 0, 0x7FEFFFFFFFFFFFFF, true};
    case FloatType::kF32:
      return {32, 23, 127, 0, 0x7F7FFFFF, true};
    case FloatType::kTF32:
      return {32, 10, 127, 13, 0x3FBFF, true};
    case FloatType::kF16:
      return {16, 10, 15, 0, 0x7BFF, true};
    case FloatType::kBF16:
      return {16, 7, 127, 0, 0x7F7F, true};
    case FloatType::kE5M2:
      return {8, 2, 15, 0, 0x7B, true};
    case FloatType::kE4M3:
      break;
  }
  return {8, 3, 7, 0, 0x7E, false};
}

constexpr uint64_t LowBits(int count) {
  return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

constexpr float kNanFloat = std::bit_cast<float>(0x7FFFFFFFu);
constexpr double kNanDouble = std::bit_cast<double>(0x7FFFFFFFFFFFFFFFu);
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Whether a magnitude `kept` + `rest`/2^`dropped` goes up to kept + 1; `rest` holds at least the top dropped bit and
// whether any other is set.
bool RoundsUp(uint64_t kept, uint64_t rest, int dropped, bool negative, Rounding rounding) {
  if (rest == 0) return false;
  const uint64_t half = uint64_t{1} << (dropped - 1);
  switch (rounding) {
    case Rounding::kNearest:
      return rest > half || (rest == half && (kept & 1));
    case Rounding::kAway:
      return rest >= half;
    case Rounding::kZero:
      return false;
    case Rounding::kDown:
      return negative;
    case Rounding::kUp:
      return !negative;
  }
  return false;
}

// An overflowing magnitude stays finite where the mode rounds towards zero.
bool OverflowsToInfinity(bool negative, Rounding rounding) {
  switch (rounding) {
    case Rounding::kZero:
      return false;
    case Rounding::kDown:
      return negative;
    case Rounding::kUp:
      return !negative;
    default:
      return true;
  }
}

// a + b (a / b, √a, …) as `nearest`, where the exact value lies on the side of `error`: a double whose last bit tells
// inexactness (round to odd). Rounding it again to at most 51 bits gives what one rounding of the exact value gives.
double ToOdd(double nearest, double error) {
  if (error == 0 || !std::isfinite(nearest) || (std::bit_cast<uint64_t>(nearest) & 1)) return nearest;
  return std::nextafter(nearest,
                        error > 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity());
}

double SumToOdd(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  return ToOdd(sum, (a - (sum - b_part)) + (b - b_part));
}

double Clamp01(double value) {
  return value > 0 ? std::min(value, 1.0) : 0.0;
}  // NaN gives 0

float FlushFloat(float value, bool ftz) {
  return ftz && std::abs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}

float FinishFloat(double value, Modifiers modifiers) {
  if (modifiers.sat) value = Clamp01(value);
  return std::bit_cast<float>(static_cast<uint32_t>(EncodeFloat(value, FloatType::kF32, modifiers)));
}

// A sum of operands with unlike signs that is exactly zero is −0 when rounding down.
double SignZeroSum(double sum, double a, double b, Rounding rounding) {
  return sum == 0 && rounding == Rounding::kDown && std::signbit(a) != std::signbit(b) ? -0.0 : sum;
}

// Runs `operation` on doubles under the host's rounding mode; volatile keeps it between the two changes.
template <class Operation>
double Directed(Rounding rounding, Operation operation, double a, double b = 0, double c = 0) {
  if (rounding == Rounding::kNearest) {
    const double result = operation(a, b, c);
    return std::isnan(result) ? kNanDouble : result;
  }
  const int mode = rounding == Rounding::kZero ? FE_TOWARDZERO : rounding == Rounding::kDown ? FE_DOWNWARD : FE_UPWARD;
  volatile double va = a, vb = b, vc = c;
  const int before = std::fegetround();
  std::fesetround(mode);
  volatile double result = operation(va, vb, vc);
  std::fesetround(before);
  return std::isnan(result) ? kNanDouble : static_cast<double>(result);
}

double RoundDouble(double value, Rounding rounding) {
  switch (rounding) {
    case Rounding::kZero:
      return std::trunc(value);
    case Rounding::kDown:
      return std::floor(value);
    case Rounding::kUp:
      return std::ceil(value);
    case Rounding::kAway:
      return std::round(value);
    case Rounding::kNearest:
      break;
  }
  return std::nearbyint(value);
}

// The value of an f16 or bf16 operand; with ftz a subnormal is a zero.
double HalfOperand(FloatType type, uint16_t bits, bool ftz) {
  const uint16_t lowest_normal = type == FloatType::kF16 ? 0x0400 : 0x0080;
  if (ftz && (bits & 0x7FFF) < lowest_normal) bits &= 0x8000;
  return DecodeFloat(bits, type);
}

uint16_t FinishHalf(FloatType type, double value, Modifiers modifiers) {
  if (modifiers.sat) value = Clamp01(value);
  uint16_t bits = static_cast<uint16_t>(EncodeFloat(value, type, {.relu = modifiers.relu}));
  const uint16_t lowest_normal = type == FloatType::kF16 ? 0x0400 : 0x0080;
  if (modifiers.ftz && (bits & 0x7FFF) < lowest_normal) bits &= 0x8000;
  return bits;
}

template <class T>
T MinMax(T a, T b, bool greatest, MinMaxModifiers modifiers, T nan) {
  const bool sign = std::signbit(a) != std::signbit(b);
  if (std::isnan(a) || std::isnan(b)) {
    if (modifiers.nan || (std::isnan(a) && std::isnan(b))) return nan;
    const T other = std::isnan(a) ? b : a;
    return modifiers.xorsign_abs ? std::copysign(other, sign ? T{-1} : T{1}) : other;
  }
  if (modifiers.xorsign_abs) {
    a = std::abs(a);
    b = std::abs(b);
  }
  const bool a_is_less = a < b || (a == b && std::signbit(a));
  const T result = a_is_less != greatest ? a : b;
  return modifiers.xorsign_abs ? std::copysign(result, sign ? T{-1} : T{1}) : result;
}

uint16_t MinMaxHalf(FloatType type, uint16_t a, uint16_t b, bool greatest, MinMaxModifiers modifiers) {
  const double result =
      MinMax(HalfOperand(type, a, modifiers.ftz), HalfOperand(type, b, modifiers.ftz), greatest, modifiers, kNanDouble);
  return static_cast<uint16_t>(EncodeFloat(result, type));
}

// An approximate function of f32: a double result, rounded once.
float Approximate(double result, bool ftz) {
  return FinishFloat(result, {.ftz = ftz});
}

std::array<float, 256> DecodeAll(FloatType type) {
  std::array<float, 256> values;
  for (int code = 0; code < 256; ++code) values[code] = static_cast<float>(DecodeFloat(code, type));
  return values;
}

}  // namespace

int FloatBits(FloatType type) {
  return FormatOf(type).bits;
}

uint64_t CanonicalNan(FloatType type) {
  return LowBits(FormatOf(type).bits - 1);
}

double DecodeFloat(uint64_t bits, FloatType type) {
  const Format format = FormatOf(type);
  bits = (bits & LowBits(format.bits)) >> format.unused;
  const int width = format.bits - format.unused;
  const uint64_t magnitude = bits & LowBits(width - 1);
  const bool negative = bits >> (width - 1);
  if (type == FloatType::kF64) return std::bit_cast<double>(bits);
  if (magnitude > format.max_finite) {
    if (!format.has_infinity || magnitude > format.max_finite + 1) return kNanDouble;
    return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  }
  const int exponent = static_cast<int>(magnitude >> format.fraction);
  const uint64_t fraction = magnitude & LowBits(format.fraction);
  double value;
  if (exponent == 0) {
    // 2^(1 − bias − fraction) is a normal double for every narrower format.
    value = static_cast<double>(fraction) *
            std::bit_cast<double>(static_cast<uint64_t>(1 - format.bias - format.fraction + 1023) << 52);
  } else {
    value = std::bit_cast<double>(static_cast<uint64_t>(exponent - format.bias + 1023) << 52 |
                                  fraction << (52 - format.fraction));
  }
  return negative ? -value : value;
}

uint64_t EncodeFloat(double value, FloatType type, Modifiers modifiers) {
  const Format format = FormatOf(type);
  if (std::isnan(value)) return CanonicalNan(type);
  if (modifiers.relu && std::signbit(value)) return 0;
  const uint64_t source = std::bit_cast<uint64_t>(value);
  const bool negative = source >> 63;
  const uint64_t sign = uint64_t{negative} << (format.bits - 1);
  const uint64_t beyond = modifiers.satfinite   ? sign | format.max_finite << format.unused
                          : format.has_infinity ? sign | (format.max_finite + 1) << format.unused
                                                : CanonicalNan(type);
  if (std::isinf(value)) return beyond;
  if (type == FloatType::kF64) return source;

  int exponent = static_cast<int>(source >> 52 & 0x7FF) - 1023;
  uint64_t significand = source & LowBits(52);
  if (exponent == -1023) {
    exponent = -1022;  // below every narrower format's smallest step: only zero or not matters
  } else {
    significand |= uint64_t{1} << 52;
  }
  const int lowest = 1 - format.bias;
  int dropped = 52 - format.fraction + std::max(lowest - exponent, 0);
  if (dropped > 60) {
    significand = significand != 0;  // far below half a step
    dropped = 60;
  }
  uint64_t magnitude = significand >> dropped;
  magnitude += RoundsUp(magnitude, significand & LowBits(dropped), dropped, negative, modifiers.rounding);
  if (exponent >= lowest) {
    // A carry out of the fraction goes into the exponent, as it should. `exponent` may be far too large here.
    magnitude += static_cast<uint64_t>(exponent - lowest) << format.fraction;
  }
  if (magnitude > format.max_finite) {
    if (!OverflowsToInfinity(negative, modifiers.rounding)) return sign | format.max_finite << format.unused;
    return beyond;
  }
  if (modifiers.ftz && type == FloatType::kF32 && magnitude >> format.fraction == 0) magnitude = 0;
  return sign | magnitude << format.unused;
}

uint64_t ConvertFloat(uint64_t bits, FloatType from, FloatType to, Modifiers modifiers) {
  double value = DecodeFloat(bits, from);
  if (from == FloatType::kF32) value = FlushFloat(static_cast<float>(value), modifiers.ftz);
  if (modifiers.sat) value = Clamp01(value);
  return EncodeFloat(value, to, modifiers);
}

uint64_t RoundToIntegral(uint64_t bits, FloatType from, FloatType to, Modifiers modifiers) {
  double value = DecodeFloat(bits, from);
  if (from == FloatType::kF32) value = FlushFloat(static_cast<float>(value), modifiers.ftz);
  value = RoundDouble(value, modifiers.rounding);
  if (modifiers.sat) value = Clamp01(value);
  return EncodeFloat(value, to, {.satfinite = modifiers.satfinite, .relu = modifiers.relu});
}

uint64_t FloatToInteger(uint64_t bits, FloatType from, IntegerType to, Modifiers modifiers) {
  double value = DecodeFloat(bits, from);
  if (std::isnan(value)) {
    return from == FloatType::kF64 || to.bits == 64 ? uint64_t{1} << (to.bits - 1) : 0;
  }
  if (from == FloatType::kF32) value = FlushFloat(static_cast<float>(value), modifiers.ftz);
  value = RoundDouble(value, modifiers.rounding);
  const uint64_t mask = LowBits(to.bits);
  if (to.is_signed) {
    const double end = std::ldexp(1.0, to.bits - 1);
    if (value >= end) return mask >> 1;
    if (value < -end) return (mask >> 1) + 1;
    return static_cast<uint64_t>(static_cast<int64_t>(value)) & mask;
  }
  if (value >= std::ldexp(1.0, to.bits)) return mask;
  return value <= 0 ? 0 : static_cast<uint64_t>(value);
}

uint64_t IntegerToFloat(uint64_t bits, IntegerType from, FloatType to, Modifiers modifiers) {
  bits &= LowBits(from.bits);
  const bool negative = from.is_signed && bits >> (from.bits - 1);
  uint64_t magnitude = negative ? (~bits + 1) & LowBits(from.bits) : bits;
  // 64 bits don't fit a double: drop the excess by the mode, or for a narrower target round to odd first.
  const int dropped = std::max(64 - std::countl_zero(magnitude) - 53, 0);
  if (dropped) {
    const uint64_t rest = magnitude & LowBits(dropped);
    magnitude >>= dropped;
    if (to == FloatType::kF64) {
      magnitude += RoundsUp(magnitude, rest, dropped, negative, modifiers.rounding);
    } else {
      magnitude |= rest != 0;
    }
  }
  double value = std::ldexp(static_cast<double>(magnitude), dropped);
  if (negative) value = -value;
  if (modifiers.sat) value = Clamp01(value);
  return EncodeFloat(value, to, modifiers);
}

uint64_t ConvertInteger(uint64_t bits, IntegerType from, IntegerType to, bool sat) {
  bits &= LowBits(from.bits);
  const bool negative = from.is_signed && bits >> (from.bits - 1);
  if (negative) bits |= ~LowBits(from.bits);
  if (sat) {
    const uint64_t greatest = LowBits(to.is_signed ? to.bits - 1 : to.bits);
    if (!negative && bits > greatest) return greatest;
    const int64_t least = to.is_signed ? -static_cast<int64_t>(LowBits(to.bits - 1)) - 1 : 0;
    if (negative && static_cast<int64_t>(bits) < least) return static_cast<uint64_t>(least) & LowBits(to.bits);
  }
  return bits & LowBits(to.bits);
}

uint32_t ConvertToPacked(float high, float low, FloatType to, Modifiers modifiers) {
  const auto convert = [&](float value) {
    return static_cast<uint32_t>(ConvertFloat(std::bit_cast<uint32_t>(value), FloatType::kF32, to, modifiers));
  };
  return convert(low) | convert(high) << FloatBits(to);
}

uint32_t ConvertPacked(uint32_t bits, FloatType from, FloatType to, Modifiers modifiers) {
  const uint32_t low = static_cast<uint32_t>(ConvertFloat(bits, from, to, modifiers));
  const uint32_t high = static_cast<uint32_t>(ConvertFloat(bits >> FloatBits(from), from, to, modifiers));
  return low | high << FloatBits(to);
}

float HalfToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000) << 16;
  if ((bits & 0x7FFF) > 0x7C00) return kNanFloat;
  if ((bits & 0x7FFF) == 0x7C00) return std::bit_cast<float>(sign | 0x7F800000);
  // As an f32 the exponent is short by the difference of the biases; the product is exact, subnormals too.
  const float scaled = std::bit_cast<float>(static_cast<uint32_t>(bits & 0x7FFF) << 13) * 0x1p112f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(scaled));
}

uint16_t FloatToHalf(float value) {
  return static_cast<uint16_t>(EncodeFloat(value, FloatType::kF16));
}

float E4M3ToFloat(uint8_t bits) {
  static const std::array<float, 256> values = DecodeAll(FloatType::kE4M3);
  return values[bits];
}

float E5M2ToFloat(uint8_t bits) {
  static const std::array<float, 256> values = DecodeAll(FloatType::kE5M2);
  return values[bits];
}

float AddFloat(float a, float b, Modifiers modifiers) {
  const double x = FlushFloat(a, modifiers.ftz), y = FlushFloat(b, modifiers.ftz);
  return FinishFloat(SignZeroSum(SumToOdd(x, y), x, y, modifiers.rounding), modifiers);
}

float SubFloat(float a, float b, Modifiers modifiers) {
  return AddFloat(a, -b, modifiers);
}

float MulFloat(float a, float b, Modifiers modifiers) {
  return FinishFloat(double{FlushFloat(a, modifiers.ftz)} * FlushFloat(b, modifiers.ftz), modifiers);
}

float FmaFloat(float a, float b, float c, Modifiers modifiers) {
  const double product = double{FlushFloat(a, modifiers.ftz)} * FlushFloat(b, modifiers.ftz);
  const double addend = FlushFloat(c, modifiers.ftz);
  return FinishFloat(SignZeroSum(SumToOdd(product, addend), product, addend, modifiers.rounding), modifiers);
}

float DivFloat(float a, float b, Modifiers modifiers) {
  const double x = FlushFloat(a, modifiers.ftz), y = FlushFloat(b, modifiers.ftz);
  const double quotient = x / y;
  if (!std::isfinite(quotient) || std::isinf(y) || quotient == 0) return FinishFloat(quotient, modifiers);
  const double remainder = std::fma(-quotient, y, x);
  return FinishFloat(ToOdd(quotient, std::signbit(y) ? -remainder : remainder), modifiers);
}

float RcpFloat(float a, Modifiers modifiers) {
  return DivFloat(1.0f, a, modifiers);
}

float SqrtFloat(float a, Modifiers modifiers) {
  const double x = FlushFloat(a, modifiers.ftz);
  const double root = std::sqrt(x);
  return FinishFloat(std::isfinite(root) && root != 0 ? ToOdd(root, std::fma(-root, root, x)) : root, modifiers);
}

double AddDouble(double a, double b, Rounding rounding) {
  return Directed(
      rounding, [](double x, double y, double) { return x + y; }, a, b);
}
double SubDouble(double a, double b, Rounding rounding) {
  return Directed(
      rounding, [](double x, double y, double) { return x - y; }, a, b);
}
double MulDouble(double a, double b, Rounding rounding) {
  return Directed(
      rounding, [](double x, double y, double) { return x * y; }, a, b);
}
double FmaDouble(double a, double b, double c, Rounding rounding) {
  return Directed(
      rounding, [](double x, double y, double z) { return std::fma(x, y, z); }, a, b, c);
}
double DivDouble(double a, double b, Rounding rounding) {
  return Directed(
      rounding, [](double x, double y, double) { return x / y; }, a, b);
}
double RcpDouble(double a, Rounding rounding) {
  return DivDouble(1.0, a, rounding);
}
double SqrtDouble(double a, Rounding rounding) {
  return Directed(
      rounding, [](double x, double, double) { return std::sqrt(x); }, a);
}

float MinFloat(float a, float b, MinMaxModifiers modifiers) {
  return MinMax(FlushFloat(a, modifiers.ftz), FlushFloat(b, modifiers.ftz), false, modifiers, kNanFloat);
}
float MaxFloat(float a, float b, MinMaxModifiers modifiers) {
  return MinMax(FlushFloat(a, modifiers.ftz), FlushFloat(b, modifiers.ftz), true, modifiers, kNanFloat);
}
double MinDouble(double a, double b) {
  return MinMax(a, b, false, {}, kNanDouble);
}
double MaxDouble(double a, double b) {
  return MinMax(a, b, true, {}, kNanDouble);
}

float Ex2Approx(float x, bool ftz) {
  const float result = std::exp2(x);
  return std::isnan(result) ? kNanFloat : FlushFloat(result, ftz);
}
float Lg2Approx(float x, bool ftz) {
  return Approximate(std::log2(double{FlushFloat(x, ftz)}), ftz);
}
float RcpApprox(float x, bool ftz) {
  return Approximate(1.0 / FlushFloat(x, ftz), ftz);
}
float RsqrtApprox(float x, bool ftz) {
  return Approximate(1.0 / std::sqrt(double{FlushFloat(x, ftz)}), ftz);
}
float SqrtApprox(float x, bool ftz) {
  return Approximate(std::sqrt(double{FlushFloat(x, ftz)}), ftz);
}
float SinApprox(float x, bool ftz) {
  return Approximate(std::sin(double{FlushFloat(x, ftz)}), ftz);
}
float CosApprox(float x, bool ftz) {
  return Approximate(std::cos(double{FlushFloat(x, ftz)}), ftz);
}
float TanhApprox(float x) {
  return Approximate(std::tanh(double{x}), false);
}

float DivApprox(float a, float b, bool ftz) {
  const float magnitude = std::abs(b);
  if (magnitude > 0x1p126f && magnitude < kInfinity && !std::isnan(a)) {
    if (std::isinf(a)) return kNanFloat;
    return std::signbit(a) != std::signbit(b) ? -0.0f : 0.0f;
  }
  return DivFull(a, b, ftz);
}

float DivFull(float a, float b, bool ftz) {
  return DivFloat(a, b, {.ftz = ftz});
}

double RcpApproxDouble(double x) {
  if (std::abs(x) < std::numeric_limits<double>::min()) x = std::copysign(0.0, x);
  const double result = 1.0 / x;
  if (std::isnan(result)) return kNanDouble;
  if (std::abs(result) < std::numeric_limits<double>::min()) return std::copysign(0.0, result);
  return std::bit_cast<double>(std::bit_cast<uint64_t>(result) & ~LowBits(32));  // the ISA: the low word is zero
}

double RsqrtApproxDouble(double x) {
  const double result = 1.0 / std::sqrt(x);
  return std::isnan(result) ? kNanDouble : result;
}

uint16_t AddHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers) {
  return FinishHalf(type, SumToOdd(HalfOperand(type, a, modifiers.ftz), HalfOperand(type, b, modifiers.ftz)),
                    modifiers);
}

uint16_t SubHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers) {
  return AddHalf(type, a, b ^ 0x8000, modifiers);
}

uint16_t MulHalf(FloatType type, uint16_t a, uint16_t b, Modifiers modifiers) {
  return FinishHalf(type, HalfOperand(type, a, modifiers.ftz) * HalfOperand(type, b, modifiers.ftz), modifiers);
}

uint16_t FmaHalf(FloatType type, uint16_t a, uint16_t b, uint16_t c, Modifiers modifiers) {
  const double product = HalfOperand(type, a, modifiers.ftz) * HalfOperand(type, b, modifiers.ftz);
  return FinishHalf(type, SumToOdd(product, HalfOperand(type, c, modifiers.ftz)), modifiers);
}

uint16_t MinHalf(FloatType type, uint16_t a, uint16_t b, MinMaxModifiers modifiers) {
  return MinMaxHalf(type, a, b, false, modifiers);
}
uint16_t MaxHalf(FloatType type, uint16_t a, uint16_t b, MinMaxModifiers modifiers) {
  return MinMaxHalf(type, a, b, true, modifiers);
}

uint16_t NegHalf(FloatType type, uint16_t a) {
  return std::isnan(DecodeFloat(a, type)) ? 0x7FFF : static_cast<uint16_t>(a ^ 0x8000);
}
uint16_t AbsHalf(FloatType type, uint16_t a) {
  return std::isnan(DecodeFloat(a, type)) ? 0x7FFF : static_cast<uint16_t>(a & 0x7FFF);
}

uint16_t Ex2Half(FloatType type, uint16_t a, bool ftz) {
  return FinishHalf(type, std::exp2(HalfOperand(type, a, ftz)), {.ftz = ftz});
}
uint16_t TanhHalf(FloatType type, uint16_t a) {
  return FinishHalf(type, std::tanh(DecodeFloat(a, type)), {});
}

}  // namespace emulator
