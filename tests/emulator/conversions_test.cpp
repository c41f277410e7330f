// Conversions and arithmetic against naive definitions: formats by their formula, rounding by looking for the two
// neighbours, the host's FPU under its own rounding modes, and PTX's tables of edge cases.

#include "conversions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <limits>
#include <random>
#include <vector>

namespace emulator {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Rounding kRoundings[] = {Rounding::kNearest, Rounding::kZero, Rounding::kDown, Rounding::kUp};

uint32_t Bits(float value) {
  return std::bit_cast<uint32_t>(value);
}
uint64_t Bits(double value) {
  return std::bit_cast<uint64_t>(value);
}
float FromBits(uint32_t bits) {
  return std::bit_cast<float>(bits);
}

// --- a naive model of the narrow formats
// ------------------------------------------------------------------------------

struct Narrow {
  FloatType type;
  int width, exponent_bits, fraction_bits;
  bool ieee;  // the top exponent is infinity and NaN; otherwise only the very last code is NaN
};
constexpr Narrow kNarrow[] = {{FloatType::kF16, 16, 5, 10, true},
                              {FloatType::kBF16, 16, 8, 7, true},
                              {FloatType::kE5M2, 8, 5, 2, true},
                              {FloatType::kE4M3, 8, 4, 3, false}};

uint32_t FirstNonFinite(const Narrow& f) {
  const uint32_t magnitudes = 1u << (f.width - 1);
  return f.ieee ? magnitudes - (1u << f.fraction_bits) : magnitudes - 1;
}

// The value of a magnitude code as if every exponent were finite.
double Magnitude(const Narrow& f, uint32_t code) {
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(code >> f.fraction_bits);
  const double fraction = code & ((1u << f.fraction_bits) - 1);
  const double one = 1 << f.fraction_bits;
  return exponent == 0 ? std::ldexp(fraction / one, 1 - bias) : std::ldexp(1 + fraction / one, exponent - bias);
}

// The code of a finite value by its neighbours in the ascending list of all magnitudes.
template <class Real>
uint32_t NaiveEncode(const Narrow& f, const std::vector<double>& magnitudes, Real value, bool negative,
                     Rounding rounding, bool satfinite) {
  const Real magnitude = value < 0 ? -value : value;
  const uint32_t sign = negative ? 1u << (f.width - 1) : 0;
  const uint32_t beyond = FirstNonFinite(f);
  // The list goes one step beyond the finite codes: that entry stands for the overflow.
  const auto above =
      std::upper_bound(magnitudes.begin(), magnitudes.end(), magnitude, [](Real a, double b) { return a < Real(b); });
  const uint32_t low = static_cast<uint32_t>(above - magnitudes.begin()) - 1;
  uint32_t code = low;
  if (low < beyond && Real(magnitudes[low]) != magnitude) {
    const Real below = magnitude - Real(magnitudes[low]), over = Real(magnitudes[low + 1]) - magnitude;
    const bool up = rounding == Rounding::kNearest ? over < below || (over == below && low % 2 == 1)
                    : rounding == Rounding::kZero  ? false
                    : rounding == Rounding::kDown  ? negative
                                                   : !negative;
    code = low + up;
  }
  if (code >= beyond) {
    const bool to_zero = rounding == Rounding::kZero || (rounding == Rounding::kDown && !negative) ||
                         (rounding == Rounding::kUp && negative);
    code = satfinite || to_zero ? beyond - 1 : f.ieee ? beyond : (1u << (f.width - 1)) - 1;
    if (!satfinite && !to_zero && !f.ieee) return static_cast<uint32_t>(CanonicalNan(f.type));
  }
  return sign | code;
}

std::vector<double> Magnitudes(const Narrow& f) {
  std::vector<double> values;
  for (uint32_t code = 0; code <= FirstNonFinite(f); ++code) values.push_back(Magnitude(f, code));
  return values;
}

TEST(Conversions, EveryNarrowCodeDecodesByItsFormula) {
  for (const Narrow& f : kNarrow) {
    for (uint32_t bits = 0; bits < 1u << f.width; ++bits) {
      const uint32_t magnitude = bits & ((1u << (f.width - 1)) - 1);
      const bool negative = bits != magnitude;
      const double value = DecodeFloat(bits, f.type);
      if (magnitude < FirstNonFinite(f)) {
        ASSERT_EQ(Bits(negative ? -Magnitude(f, magnitude) : Magnitude(f, magnitude)), Bits(value)) << bits;
      } else if (f.ieee && magnitude == FirstNonFinite(f)) {
        ASSERT_EQ(value, negative ? -kInf : kInf) << bits;
      } else {
        ASSERT_TRUE(std::isnan(value)) << bits;
      }
    }
  }
  EXPECT_EQ(DecodeFloat(0x7E, FloatType::kE4M3), 448);
  EXPECT_EQ(DecodeFloat(0x01, FloatType::kE4M3), 0x1p-9);
  EXPECT_EQ(DecodeFloat(0x7B, FloatType::kE5M2), 57344);
  EXPECT_EQ(DecodeFloat(0x7BFF, FloatType::kF16), 65504);
}

TEST(Conversions, QuickDecodersEqualTheFormula) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const uint16_t code = static_cast<uint16_t>(bits);
    ASSERT_EQ(Bits(HalfToFloat(code)), ConvertFloat(bits, FloatType::kF16, FloatType::kF32)) << bits;
    ASSERT_EQ(Bits(BFloat16ToFloat(code)), ConvertFloat(bits, FloatType::kBF16, FloatType::kF32)) << bits;
  }
  for (uint32_t bits = 0; bits < 0x100; ++bits) {
    const uint8_t code = static_cast<uint8_t>(bits);
    const float e4m3 = E4M3ToFloat(code), e5m2 = E5M2ToFloat(code);
    if (std::isnan(e4m3)) {
      ASSERT_EQ(bits & 0x7F, 0x7Fu);
    } else {
      ASSERT_EQ(double{e4m3}, DecodeFloat(bits, FloatType::kE4M3));
    }
    if (std::isnan(e5m2)) {
      ASSERT_GT(bits & 0x7F, 0x7Cu);
    } else {
      ASSERT_EQ(double{e5m2}, DecodeFloat(bits, FloatType::kE5M2));
    }
  }
}

TEST(Conversions, EveryStepAndTieOfTheNarrowFormats) {
  for (const Narrow& f : kNarrow) {
    const std::vector<double> magnitudes = Magnitudes(f);
    for (size_t i = 0; i + 1 < magnitudes.size(); ++i) {
      const double low = magnitudes[i], high = magnitudes[i + 1], middle = (low + high) / 2;
      const double inputs[] = {low,
                               std::nextafter(low, high),
                               middle,
                               std::nextafter(middle, low),
                               std::nextafter(middle, high),
                               std::nextafter(high, low)};
      for (const double input : inputs) {
        for (const Rounding rounding : kRoundings) {
          for (const bool negative : {false, true}) {
            for (const bool satfinite : {false, true}) {
              const uint32_t expected = NaiveEncode(f, magnitudes, input, negative, rounding, satfinite);
              const uint64_t actual =
                  EncodeFloat(negative ? -input : input, f.type, {.rounding = rounding, .satfinite = satfinite});
              ASSERT_EQ(expected, actual)
                  << input << " negative " << negative << " mode " << static_cast<int>(rounding);
            }
          }
        }
      }
    }
    for (const double input : {2 * magnitudes.back(), 1e30, 1e300}) {
      if (input < magnitudes.back()) continue;
      for (const Rounding rounding : kRoundings) {
        for (const bool negative : {false, true}) {
          ASSERT_EQ(NaiveEncode(f, magnitudes, magnitudes.back(), negative, rounding, false),
                    EncodeFloat(negative ? -input : input, f.type, {.rounding = rounding}))
              << input;
        }
      }
    }
  }
}

TEST(Conversions, FloatToBFloat16AndHalfOverAllUpperHalves) {
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const uint32_t lower : {0u, 1u, 0x0FFFu, 0x1000u, 0x1001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      const uint32_t bits = upper << 16 | lower;
      ASSERT_EQ(FloatToBFloat16(FromBits(bits)), ConvertFloat(bits, FloatType::kF32, FloatType::kBF16)) << bits;
      // By the definition on bits: the lower half decides, a tie goes to the even upper half.
      if ((bits & 0x7FFFFFFF) <= 0x7F800000) {
        const bool up = lower > 0x8000 || (lower == 0x8000 && upper % 2);
        ASSERT_EQ(FloatToBFloat16(FromBits(bits)), static_cast<uint16_t>(upper + up)) << bits;
      }
    }
  }
}

TEST(Conversions, SpecialValuesOfCvt) {
  const auto convert = [](float value, FloatType to, Modifiers modifiers = {}) {
    return ConvertFloat(Bits(value), FloatType::kF32, to, modifiers);
  };
  // NaN is the canonical one, whatever its sign and payload; satfinite and relu keep it.
  for (const uint32_t nan : {0x7FC00000u, 0xFFC00001u, 0x7F800001u}) {
    EXPECT_EQ(convert(FromBits(nan), FloatType::kF16), 0x7FFFu);
    EXPECT_EQ(convert(FromBits(nan), FloatType::kBF16, {.relu = true}), 0x7FFFu);
    EXPECT_EQ(convert(FromBits(nan), FloatType::kE4M3, {.satfinite = true}), 0x7Fu);
    EXPECT_EQ(convert(FromBits(nan), FloatType::kE5M2, {.satfinite = true, .relu = true}), 0x7Fu);
    EXPECT_EQ(convert(FromBits(nan), FloatType::kTF32), 0x7FFFFFFFu);
    EXPECT_EQ(convert(FromBits(nan), FloatType::kF32, {.sat = true}), 0u);
  }
  EXPECT_EQ(convert(kInf, FloatType::kE4M3, {.satfinite = true}), 0x7Eu);
  EXPECT_EQ(convert(-kInf, FloatType::kE4M3, {.satfinite = true}), 0xFEu);
  EXPECT_EQ(convert(-kInf, FloatType::kE5M2, {.satfinite = true}), 0xFBu);
  EXPECT_EQ(convert(1e9f, FloatType::kE5M2, {.satfinite = true}), 0x7Bu);
  EXPECT_EQ(convert(kInf, FloatType::kF16, {.satfinite = true}), 0x7BFFu);
  EXPECT_EQ(convert(-1e9f, FloatType::kF16, {.satfinite = true}), 0xFBFFu);
  EXPECT_EQ(convert(kInf, FloatType::kF16), 0x7C00u);
  // 464 is the tie between 448 and the absent 480: 448 is even. What lies above saturates or is NaN.
  EXPECT_EQ(convert(464.0f, FloatType::kE4M3), 0x7Eu);
  EXPECT_EQ(convert(465.0f, FloatType::kE4M3), 0x7Fu);
  EXPECT_EQ(convert(-465.0f, FloatType::kE4M3, {.satfinite = true}), 0xFEu);
  // relu: negative values and −0 become +0.
  EXPECT_EQ(convert(-3.0f, FloatType::kBF16, {.relu = true}), 0u);
  EXPECT_EQ(convert(-0.0f, FloatType::kF16, {.relu = true}), 0u);
  EXPECT_EQ(convert(-kInf, FloatType::kF16, {.relu = true}), 0u);
  EXPECT_EQ(convert(-0.0f, FloatType::kF16), 0x8000u);
  // ftz concerns f32 subnormals alone, on either side.
  EXPECT_EQ(convert(FromBits(0x80000001), FloatType::kF32, {.ftz = true}), 0x80000000u);
  EXPECT_EQ(convert(FromBits(0x00000001), FloatType::kF32), 1u);
  EXPECT_EQ(ConvertFloat(Bits(0x1p-130), FloatType::kF64, FloatType::kF32, {.ftz = true}), 0u);
  EXPECT_EQ(ConvertFloat(Bits(0x1p-130), FloatType::kF64, FloatType::kF32), 0x00080000u);
  EXPECT_EQ(convert(0x1p-20f, FloatType::kF16, {.ftz = true}), 0x0010u);
  EXPECT_EQ(ConvertFloat(Bits(FromBits(0x007FFFFF)), FloatType::kF32, FloatType::kF64, {.ftz = true}), 0u);
  EXPECT_EQ(convert(FromBits(0x007FFFFF), FloatType::kBF16, {.ftz = true}), 0u);
  EXPECT_EQ(convert(FromBits(0x007FFFFF), FloatType::kBF16), 0x0080u);
  // sat clamps to [0, 1].
  EXPECT_EQ(convert(1.5f, FloatType::kF32, {.sat = true}), Bits(1.0f));
  EXPECT_EQ(convert(-0.5f, FloatType::kF16, {.sat = true}), 0u);
  // tf32 keeps 10 fraction bits; .rna takes ties away from zero.
  EXPECT_EQ(convert(FromBits(0x3F801000), FloatType::kTF32), 0x3F800000u);
  EXPECT_EQ(convert(FromBits(0x3F801000), FloatType::kTF32, {.rounding = Rounding::kAway}), 0x3F802000u);
  EXPECT_EQ(convert(FromBits(0xBF801000), FloatType::kTF32, {.rounding = Rounding::kAway}), 0xBF802000u);
}

TEST(Conversions, PackedOperandsKeepTheirHalves) {
  EXPECT_EQ(ConvertToPacked(1.0f, 2.0f, FloatType::kBF16, {}), 0x3F804000u);
  EXPECT_EQ(ConvertToPacked(1.0f, 2.0f, FloatType::kF16, {}), 0x3C004000u);
  EXPECT_EQ(ConvertToPacked(1.0f, -448.0f, FloatType::kE4M3, {.satfinite = true}), 0x38FEu);
  EXPECT_EQ(ConvertPacked(0x38FE, FloatType::kE4M3, FloatType::kF16, {}), 0x3C00DF00u);
  EXPECT_EQ(ConvertPacked(0x3C00DF00, FloatType::kF16, FloatType::kE4M3, {.satfinite = true}), 0x38FEu);
  EXPECT_EQ(ConvertPacked(0xFC7B, FloatType::kE5M2, FloatType::kF16, {.relu = true}), 0x00007B00u);
  for (uint32_t code = 0; code < 0x100; ++code) {  // f16 holds both formats exactly
    for (const FloatType type : {FloatType::kE4M3, FloatType::kE5M2}) {
      if (std::isnan(DecodeFloat(code, type)) || std::isinf(DecodeFloat(code, type))) continue;
      const uint32_t halves = ConvertPacked(code << 8 | 0x38, type, FloatType::kF16, {});
      EXPECT_EQ(ConvertPacked(halves, FloatType::kF16, type, {.satfinite = true}), code << 8 | 0x38);
    }
  }
}

// --- integers
// ---------------------------------------------------------------------------------------------------------

using Wide = __int128;

Wide Value(uint64_t bits, IntegerType type) {
  const Wide modulus = Wide{1} << type.bits;
  const Wide value = Wide{bits} % modulus;
  return type.is_signed && value >= modulus / 2 ? value - modulus : value;
}
Wide Least(IntegerType type) {
  return type.is_signed ? -(Wide{1} << (type.bits - 1)) : 0;
}
Wide Greatest(IntegerType type) {
  return (Wide{1} << (type.bits - type.is_signed)) - 1;
}

constexpr IntegerType kIntegers[] = {{8, true},  {8, false},  {16, true}, {16, false},
                                     {32, true}, {32, false}, {64, true}, {64, false}};

std::vector<uint64_t> IntegerSamples() {
  std::vector<uint64_t> samples = {0};
  for (int bit = 0; bit < 64; ++bit) {
    for (const int64_t step : {-1, 0, 1}) {
      samples.push_back((uint64_t{1} << bit) + static_cast<uint64_t>(step));
      samples.push_back(~(uint64_t{1} << bit) + static_cast<uint64_t>(step));
    }
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 1000; ++i) samples.push_back(random() >> random() % 64);
  return samples;
}

TEST(Conversions, BetweenIntegers) {
  for (const IntegerType from : kIntegers) {
    for (const IntegerType to : kIntegers) {
      for (const uint64_t bits : IntegerSamples()) {
        const Wide value = Value(bits, from);
        const Wide clamped = std::clamp(value, Least(to), Greatest(to));
        ASSERT_TRUE(Value(ConvertInteger(bits, from, to, true), to) == clamped) << bits;
        ASSERT_EQ(ConvertInteger(bits, from, to, false),
                  static_cast<uint64_t>(value) & (~uint64_t{0} >> (64 - to.bits)));
      }
    }
  }
}

TEST(Conversions, FloatsToIntegers) {
  std::vector<double> samples = {0.0, -0.0, 0.25, 0.5, 0.75, 1.5, 2.5, 3.5, 1e-40, 1e10, 1e20, 1e30, kInf};
  for (int bit = 1; bit <= 65; ++bit) {
    for (const double step : {-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5})
      samples.push_back(std::ldexp(1.0, bit) + step);
  }
  for (const FloatType from : {FloatType::kF32, FloatType::kF64}) {
    for (const IntegerType to : kIntegers) {
      for (const Rounding rounding : kRoundings) {
        for (const double sample : samples) {
          for (const double sign : {1.0, -1.0}) {
            const double value = from == FloatType::kF32 ? static_cast<float>(sign * sample) : sign * sample;
            const uint64_t bits = from == FloatType::kF32 ? Bits(static_cast<float>(value)) : Bits(value);
            Wide expected;
            if (value >= 0x1p66) {
              expected = Greatest(to);
            } else if (value <= -0x1p66) {
              expected = Least(to);
            } else {
              Wide whole = static_cast<Wide>(value);  // towards zero
              const double rest = value - static_cast<double>(whole);
              const double magnitude = std::abs(rest);
              const int away = value < 0 ? -1 : 1;
              if (rounding == Rounding::kNearest && (magnitude > 0.5 || (magnitude == 0.5 && whole % 2 != 0))) {
                whole += away;
              } else if (rounding == Rounding::kDown && rest < 0) {
                whole -= 1;
              } else if (rounding == Rounding::kUp && rest > 0) {
                whole += 1;
              }
              expected = std::clamp(whole, Least(to), Greatest(to));
            }
            ASSERT_TRUE(Value(FloatToInteger(bits, from, to, {.rounding = rounding}), to) == expected)
                << value << " to " << to.bits << " mode " << static_cast<int>(rounding);
          }
        }
      }
    }
  }
  // NaN: zero, but the top bit alone for an f64 source or a 64-bit target.
  const uint64_t nan32 = Bits(kNan), nan64 = Bits(double{kNan});
  EXPECT_EQ(FloatToInteger(nan32, FloatType::kF32, {32, true}, {}), 0u);
  EXPECT_EQ(FloatToInteger(nan32, FloatType::kF32, {8, false}, {}), 0u);
  EXPECT_EQ(FloatToInteger(nan32, FloatType::kF32, {64, false}, {}), 0x8000000000000000u);
  EXPECT_EQ(FloatToInteger(nan64, FloatType::kF64, {32, true}, {}), 0x80000000u);
  EXPECT_EQ(FloatToInteger(0x7E00, FloatType::kF16, {64, true}, {}), 0x8000000000000000u);
  EXPECT_EQ(FloatToInteger(0xC100, FloatType::kF16, {32, true}, {.rounding = Rounding::kDown}), 0xFFFFFFFDu);
  EXPECT_EQ(FloatToInteger(1, FloatType::kF32, {32, true}, {.rounding = Rounding::kUp}), 1u);
  EXPECT_EQ(FloatToInteger(1, FloatType::kF32, {32, true}, {.rounding = Rounding::kUp, .ftz = true}), 0u);
}

TEST(Conversions, ToIntegralValues) {
  for (const float value : {-2.5f, -1.5f, -0.5f, -0.25f, -0.0f, 0.5f, 1.5f, 2.5f, 8388609.0f, 1e30f, kInf}) {
    const auto round = [&](Rounding rounding) {
      return FromBits(static_cast<uint32_t>(
          RoundToIntegral(Bits(value), FloatType::kF32, FloatType::kF32, {.rounding = rounding})));
    };
    EXPECT_EQ(Bits(round(Rounding::kNearest)), Bits(std::nearbyint(value))) << value;
    EXPECT_EQ(Bits(round(Rounding::kZero)), Bits(std::trunc(value))) << value;
    EXPECT_EQ(Bits(round(Rounding::kDown)), Bits(std::floor(value))) << value;
    EXPECT_EQ(Bits(round(Rounding::kUp)), Bits(std::ceil(value))) << value;
  }
}

TEST(Conversions, IntegersToFloats) {
  const struct {
    FloatType type;
    int precision;
  } targets[] = {{FloatType::kF32, 24}, {FloatType::kF64, 53}, {FloatType::kBF16, 8}};
  for (const IntegerType from : kIntegers) {
    for (const auto& target : targets) {
      for (const Rounding rounding : kRoundings) {
        for (const uint64_t bits : IntegerSamples()) {
          const Wide value = Value(bits, from);
          const Wide magnitude = value < 0 ? -value : value;
          Wide step = 1;
          while (magnitude / step >= Wide{1} << target.precision) step *= 2;
          Wide kept = magnitude / step;
          const Wide rest = magnitude % step;
          const bool up = rounding == Rounding::kNearest ? 2 * rest > step || (2 * rest == step && kept % 2 == 1)
                          : rounding == Rounding::kDown  ? rest != 0 && value < 0
                          : rounding == Rounding::kUp    ? rest != 0 && value > 0
                                                         : false;
          kept += up;
          const double expected = static_cast<double>(kept) * static_cast<double>(step) * (value < 0 ? -1 : 1);
          ASSERT_EQ(expected, DecodeFloat(IntegerToFloat(bits, from, target.type, {.rounding = rounding}), target.type))
              << bits << " mode " << static_cast<int>(rounding);
        }
      }
    }
  }
  EXPECT_EQ(IntegerToFloat(65520, {32, false}, FloatType::kF16), 0x7C00u);
  EXPECT_EQ(IntegerToFloat(65519, {32, false}, FloatType::kF16), 0x7BFFu);
  EXPECT_EQ(IntegerToFloat(0, {32, true}, FloatType::kF32), 0u);
}

// --- f32 and f64 arithmetic
// -------------------------------------------------------------------------------------------

class HostRounding {
 public:
  explicit HostRounding(Rounding rounding) {
    std::fesetround(rounding == Rounding::kZero   ? FE_TOWARDZERO
                    : rounding == Rounding::kDown ? FE_DOWNWARD
                    : rounding == Rounding::kUp   ? FE_UPWARD
                                                  : FE_TONEAREST);
  }
  ~HostRounding() { std::fesetround(FE_TONEAREST); }
};

template <class T, class Operation>
T OnHost(Rounding rounding, Operation operation, T a, T b, T c) {
  volatile T va = a, vb = b, vc = c;
  const HostRounding mode(rounding);
  volatile T result = operation(va, vb, vc);
  return result;
}

std::vector<float> FloatSamples() {
  std::vector<float> samples = {0.0f,
                                -0.0f,
                                1.0f,
                                -1.0f,
                                kInf,
                                -kInf,
                                kNan,
                                0x1p-149f,
                                -0x1p-149f,
                                0x1p-126f,
                                FromBits(0x007FFFFF),
                                FromBits(0x7F7FFFFF),
                                FromBits(0xFF7FFFFF),
                                FromBits(0x3F800001)};
  std::mt19937 random(7);
  for (int i = 0; i < 60; ++i) samples.push_back(FromBits(random()));
  for (int i = 0; i < 60; ++i) samples.push_back(FromBits(0x3F000000 + random() % 0x02000000) * (i % 2 ? -1.0f : 1.0f));
  return samples;
}

template <class T>
void ExpectSame(T expected, T actual, const char* what, T a, T b, T c, Rounding rounding) {
  if (std::isnan(expected)) {
    const auto canonical = sizeof(T) == 4 ? 0x7FFFFFFFu : 0x7FFFFFFFFFFFFFFFu;
    ASSERT_EQ(uint64_t{Bits(actual)}, canonical) << what << a << ' ' << b << ' ' << c;
  } else {
    ASSERT_EQ(Bits(expected), Bits(actual)) << what << a << ' ' << b << ' ' << c << " mode "
                                            << static_cast<int>(rounding) << ": " << expected << ' ' << actual;
  }
}

TEST(Arithmetic, FloatEqualsTheHostInEveryRounding) {
  const std::vector<float> samples = FloatSamples();
  std::mt19937 random(3);
  for (const Rounding rounding : kRoundings) {
    const Modifiers modifiers{.rounding = rounding};
    for (const float a : samples) {
      for (const float b : samples) {
        const float c = samples[random() % samples.size()];
        const auto check = [&](const char* what, auto operation, float actual) {
          ExpectSame(OnHost(rounding, operation, a, b, c), actual, what, a, b, c, rounding);
        };
        check(
            "add ", [](float x, float y, float) { return x + y; }, AddFloat(a, b, modifiers));
        check(
            "sub ", [](float x, float y, float) { return x - y; }, SubFloat(a, b, modifiers));
        check(
            "mul ", [](float x, float y, float) { return x * y; }, MulFloat(a, b, modifiers));
        check(
            "div ", [](float x, float y, float) { return x / y; }, DivFloat(a, b, modifiers));
        check(
            "fma ", [](float x, float y, float z) { return std::fma(x, y, z); }, FmaFloat(a, b, c, modifiers));
        if (HasFatalFailure()) return;
      }
      ExpectSame(OnHost(
                     rounding, [](float x, float, float) { return std::sqrt(x); }, a, a, a),
                 SqrtFloat(a, modifiers), "sqrt ", a, a, a, rounding);
      ExpectSame(OnHost(
                     rounding, [](float x, float, float) { return 1.0f / x; }, a, a, a),
                 RcpFloat(a, modifiers), "rcp ", a, a, a, rounding);
    }
  }
}

TEST(Arithmetic, DoubleEqualsTheHostInEveryRounding) {
  const std::vector<float> floats = FloatSamples();
  std::mt19937_64 random(5);
  for (const Rounding rounding : kRoundings) {
    for (int i = 0; i < 2000; ++i) {
      const double a = double{floats[random() % floats.size()]} / 3, b = double{floats[random() % floats.size()]} / 7;
      const double c = double{floats[random() % floats.size()]} / 11;
      ExpectSame(OnHost(
                     rounding, [](double x, double y, double) { return x + y; }, a, b, c),
                 AddDouble(a, b, rounding), "add ", a, b, c, rounding);
      ExpectSame(OnHost(
                     rounding, [](double x, double y, double) { return x - y; }, a, b, c),
                 SubDouble(a, b, rounding), "sub ", a, b, c, rounding);
      ExpectSame(OnHost(
                     rounding, [](double x, double y, double) { return x * y; }, a, b, c),
                 MulDouble(a, b, rounding), "mul ", a, b, c, rounding);
      ExpectSame(OnHost(
                     rounding, [](double x, double y, double) { return x / y; }, a, b, c),
                 DivDouble(a, b, rounding), "div ", a, b, c, rounding);
      ExpectSame(OnHost(
                     rounding, [](double x, double y, double z) { return std::fma(x, y, z); }, a, b, c),
                 FmaDouble(a, b, c, rounding), "fma ", a, b, c, rounding);
      ExpectSame(OnHost(
                     rounding, [](double x, double, double) { return std::sqrt(x); }, a, b, c),
                 SqrtDouble(a, rounding), "sqrt ", a, b, c, rounding);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(Arithmetic, FlushAndSaturate) {
  const float tiny = 0x1p-130f;
  EXPECT_EQ(Bits(AddFloat(tiny, 0.0f, {.ftz = true})), 0u);
  EXPECT_EQ(Bits(AddFloat(-tiny, -tiny, {.ftz = true})), 0x80000000u);
  EXPECT_EQ(Bits(MulFloat(-0x1p-100f, 0x1p-30f, {.ftz = true})), 0x80000000u);
  EXPECT_EQ(MulFloat(-0x1p-100f, 0x1p-30f), -tiny);
  EXPECT_EQ(FmaFloat(tiny, 0x1p20f, 1.0f, {.rounding = Rounding::kUp, .ftz = true}), 1.0f);
  EXPECT_GT(FmaFloat(tiny, 0x1p20f, 1.0f, {.rounding = Rounding::kUp}), 1.0f);
  EXPECT_EQ(DivFloat(1.0f, tiny, {.ftz = true}), kInf);
  EXPECT_EQ(Bits(SqrtFloat(-tiny, {.ftz = true})), 0x80000000u);
  EXPECT_EQ(AddFloat(0.75f, 0.75f, {.sat = true}), 1.0f);
  EXPECT_EQ(Bits(MulFloat(-2.0f, 3.0f, {.sat = true})), 0u);
  EXPECT_EQ(Bits(FmaFloat(kNan, 1.0f, 1.0f, {.sat = true})), 0u);
  EXPECT_EQ(Bits(FmaFloat(0.0f, kInf, 1.0f)), 0x7FFFFFFFu);
}

TEST(Arithmetic, MinimumAndMaximum) {
  EXPECT_EQ(Bits(MinFloat(0.0f, -0.0f)), 0x80000000u);
  EXPECT_EQ(Bits(MinFloat(-0.0f, 0.0f)), 0x80000000u);
  EXPECT_EQ(Bits(MaxFloat(0.0f, -0.0f)), 0u);
  EXPECT_EQ(Bits(MaxFloat(-0.0f, 0.0f)), 0u);
  EXPECT_EQ(MinFloat(kNan, 2.0f), 2.0f);
  EXPECT_EQ(MaxFloat(2.0f, kNan), 2.0f);
  EXPECT_EQ(Bits(MaxFloat(kNan, -kNan)), 0x7FFFFFFFu);
  EXPECT_EQ(Bits(MinFloat(kNan, 2.0f, {.nan = true})), 0x7FFFFFFFu);
  EXPECT_EQ(Bits(MaxFloat(0x1p-130f, -1.0f, {.ftz = true})), 0u);
  EXPECT_EQ(MaxFloat(-3.0f, 2.0f, {.xorsign_abs = true}), -3.0f);
  EXPECT_EQ(MinFloat(-3.0f, -2.0f, {.xorsign_abs = true}), 2.0f);
  EXPECT_EQ(MinFloat(-kInf, kInf), -kInf);
  EXPECT_EQ(MaxDouble(kNan, 4.0), 4.0);
  EXPECT_EQ(Bits(MinDouble(0.0, -0.0)), 0x8000000000000000u);
  EXPECT_EQ(MaxHalf(FloatType::kF16, 0xBC00, 0x7E00), 0xBC00u);
  EXPECT_EQ(MaxHalf(FloatType::kBF16, 0x3F80, 0x7FC0, {.nan = true}), 0x7FFFu);
  EXPECT_EQ(MinHalf(FloatType::kBF16, 0x0000, 0x8000), 0x8000u);
}

// --- approximate functions
// --------------------------------------------------------------------------------------------

TEST(Approximations, StayWithinTheBoundsOfThePtxIsa) {
  std::mt19937 random(11);
  std::uniform_real_distribution<float> unit(0.0f, 1.0f);
  for (int i = 0; i < 200000; ++i) {
    const float x = (unit(random) - 0.5f) * 250;
    EXPECT_NEAR(Ex2Approx(x, false) / std::exp2(double{x}), 1.0, 0x1p-22) << x;
    const float positive = std::ldexp(1.0f + unit(random), static_cast<int>(random() % 250) - 125);
    const double log = std::log2(double{positive});
    EXPECT_NEAR(Lg2Approx(positive, false), log, std::max(std::abs(log), 1.0) * 0x1p-22) << positive;
    EXPECT_NEAR(RcpApprox(positive, false) * double{positive}, 1.0, 0x1p-23) << positive;
    EXPECT_NEAR(RsqrtApprox(positive, false) * std::sqrt(double{positive}), 1.0, 0x1p-22) << positive;
    EXPECT_NEAR(SqrtApprox(positive, false) / std::sqrt(double{positive}), 1.0, 0x1p-23) << positive;
    const float angle = (unit(random) - 0.5f) * 6.28f;
    EXPECT_NEAR(SinApprox(angle, false), std::sin(double{angle}), 0x1p-20) << angle;
    EXPECT_NEAR(CosApprox(angle, false), std::cos(double{angle}), 0x1p-20) << angle;
    EXPECT_NEAR(TanhApprox(angle), std::tanh(double{angle}), 0x1p-11 * std::abs(std::tanh(angle))) << angle;
    EXPECT_NEAR(RsqrtApproxDouble(positive) * std::sqrt(double{positive}), 1.0, 1e-7);
    EXPECT_NEAR(RcpApproxDouble(positive) * double{positive}, 1.0, 0x1p-19);
    const float divisor = std::ldexp(1.0f + unit(random), static_cast<int>(random() % 8) - 4);
    EXPECT_NEAR(DivApprox(x, divisor, false) * double{divisor}, x, std::abs(x) * 0x1p-22);
    if (HasFailure()) return;
  }
}

TEST(Approximations, EdgeCasesOfThePtxIsa) {
  const float subnormal = 0x1p-130f;
  EXPECT_EQ(Bits(Ex2Approx(-kInf, false)), 0u);
  EXPECT_EQ(Ex2Approx(-subnormal, true), 1.0f);
  EXPECT_EQ(Ex2Approx(-0.0f, false), 1.0f);
  EXPECT_EQ(Ex2Approx(kInf, false), kInf);
  EXPECT_EQ(Bits(Ex2Approx(-kNan, false)), 0x7FFFFFFFu);
  EXPECT_EQ(Ex2Approx(-140.0f, false), 0x1p-140f);
  EXPECT_EQ(Ex2Approx(-140.0f, true), 0.0f);
  EXPECT_EQ(Lg2Approx(0.0f, false), -kInf);
  EXPECT_EQ(Lg2Approx(-0.0f, false), -kInf);
  EXPECT_EQ(Lg2Approx(subnormal, false), -130.0f);
  EXPECT_EQ(Lg2Approx(subnormal, true), -kInf);
  EXPECT_EQ(Bits(Lg2Approx(-1.0f, false)), 0x7FFFFFFFu);
  EXPECT_EQ(Lg2Approx(kInf, false), kInf);
  EXPECT_EQ(RcpApprox(-0.0f, false), -kInf);
  EXPECT_EQ(Bits(RcpApprox(-kInf, false)), 0x80000000u);
  EXPECT_EQ(RcpApprox(-subnormal, true), -kInf);
  EXPECT_EQ(RcpApprox(0x1p127f, false), 0x1p-127f);
  EXPECT_EQ(RcpApprox(0x1p127f, true), 0.0f);
  EXPECT_EQ(RsqrtApprox(-0.0f, false), -kInf);
  EXPECT_EQ(RsqrtApprox(-subnormal, true), -kInf);
  EXPECT_EQ(Bits(RsqrtApprox(-1.0f, false)), 0x7FFFFFFFu);
  EXPECT_EQ(Bits(RsqrtApprox(kInf, false)), 0u);
  EXPECT_EQ(Bits(SqrtApprox(-0.0f, false)), 0x80000000u);
  EXPECT_EQ(Bits(SqrtApprox(-2.0f, false)), 0x7FFFFFFFu);
  EXPECT_EQ(Bits(SqrtApprox(subnormal, true)), 0u);
  EXPECT_EQ(Bits(SinApprox(kInf, false)), 0x7FFFFFFFu);
  EXPECT_EQ(Bits(SinApprox(-0.0f, false)), 0x80000000u);
  EXPECT_EQ(CosApprox(-0.0f, false), 1.0f);
  EXPECT_EQ(TanhApprox(-kInf), -1.0f);
  EXPECT_EQ(Bits(DivApprox(-1.0f, 0x1.8p126f, false)), 0x80000000u);
  EXPECT_EQ(Bits(DivApprox(kInf, 0x1.8p126f, false)), 0x7FFFFFFFu);
  EXPECT_EQ(DivApprox(0x1p127f, 0x1p126f, false), 2.0f);
  EXPECT_EQ(DivFull(0x1p127f, 0x1.8p126f, false), 0x1p127f / 0x1.8p126f);
  EXPECT_EQ(Bits(DivApprox(1.0f, kInf, false)), 0u);
  EXPECT_EQ(Bits(RcpApproxDouble(3.0)) & 0xFFFFFFFF, 0u);
}

// --- f16 and bf16 arithmetic
// ------------------------------------------------------------------------------------------

TEST(HalfArithmetic, RoundsTheExactResultOnce) {
  std::mt19937 random(13);
  for (const Narrow& f : {kNarrow[0], kNarrow[1]}) {
    const std::vector<double> magnitudes = Magnitudes(f);
    for (int i = 0; i < 200000; ++i) {
      // bf16 operands are kept within 2^±31, so that quadruple precision holds every sum exactly.
      const auto operand = [&] {
        return static_cast<uint16_t>(f.type == FloatType::kF16 ? random()
                                                               : (random() & 0x8000) | (0x3000 + random() % 0x1F00));
      };
      const uint16_t a = operand(), b = operand(), c = operand();
      const double x = DecodeFloat(a, f.type), y = DecodeFloat(b, f.type), z = DecodeFloat(c, f.type);
      if (!std::isfinite(x) || !std::isfinite(y) || !std::isfinite(z)) continue;
      using Quad = __float128;
      const auto expect = [&](Quad exact, double rounded, uint16_t actual, const char* what) {
        const bool negative = exact < 0 || (exact == 0 && std::signbit(rounded));
        ASSERT_EQ(NaiveEncode(f, magnitudes, exact, negative, Rounding::kNearest, false), actual)
            << what << x << ' ' << y << ' ' << z;
      };
      expect(Quad{x} + y, x + y, AddHalf(f.type, a, b), "add ");
      expect(Quad{x} - y, x - y, SubHalf(f.type, a, b), "sub ");
      expect(Quad{x} * y, x * y, MulHalf(f.type, a, b), "mul ");
      expect(Quad{x} * y + z, x * y + z, FmaHalf(f.type, a, b, c), "fma ");
      if (HasFatalFailure()) return;
    }
  }
}

TEST(HalfArithmetic, Modifiers) {
  EXPECT_EQ(AddHalf(FloatType::kF16, 0x0001, 0x0001), 0x0002u);
  EXPECT_EQ(AddHalf(FloatType::kF16, 0x0001, 0x0001, {.ftz = true}), 0x0000u);
  EXPECT_EQ(MulHalf(FloatType::kF16, 0x8400, 0x3800, {.ftz = true}), 0x8000u);
  EXPECT_EQ(MulHalf(FloatType::kF16, 0x8400, 0x3800), 0x8200u);
  EXPECT_EQ(AddHalf(FloatType::kF16, 0x3C00, 0x3C00, {.sat = true}), 0x3C00u);
  EXPECT_EQ(FmaHalf(FloatType::kBF16, 0x3F80, 0xBF80, 0x0000, {.relu = true}), 0x0000u);
  EXPECT_EQ(FmaHalf(FloatType::kBF16, 0x7FC1, 0xBF80, 0x0000, {.relu = true}), 0x7FFFu);
  EXPECT_EQ(FmaHalf(FloatType::kF16, 0x7C00, 0x0000, 0x3C00), 0x7FFFu);
  // 1 + 2^-200 is not 1 when rounding once matters: the tie 1 + 2^-8 goes up by any excess.
  EXPECT_EQ(FmaHalf(FloatType::kBF16, 0x3B80, 0x3F80, 0x3F80), 0x3F80u);
  EXPECT_EQ(FmaHalf(FloatType::kBF16, 0x3B80, 0x3F81, 0x3F80), 0x3F81u);
  EXPECT_EQ(NegHalf(FloatType::kF16, 0xFE01), 0x7FFFu);
  EXPECT_EQ(AbsHalf(FloatType::kBF16, 0xBF80), 0x3F80u);
  EXPECT_EQ(Ex2Half(FloatType::kF16, 0x4000, false), 0x4400u);
  EXPECT_EQ(TanhHalf(FloatType::kBF16, 0xFF80), 0xBF80u);
  EXPECT_EQ(OnPair([](uint16_t a, uint16_t b) { return AddHalf(FloatType::kBF16, a, b); }, 0x3F804000u, 0x40003F80u),
            0x40404040u);
}

}  // namespace
}  // namespace emulator
