// Floating-point instructions: that each form does what conversions.h defines (which conversions_test.cpp checks
// against naive definitions), and the edge cases that the PTX ISA spells out.

#include <bit>
#include <cmath>

#include "conversions.h"
#include "ptx_test.h"

namespace emulator {
namespace {

using enum FloatType;
using enum Rounding;

uint64_t Bits(float value) {
  return std::bit_cast<uint32_t>(value);
}
uint64_t Bits(double value) {
  return std::bit_cast<uint64_t>(value);
}
float Single(uint64_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits));
}
double Double(uint64_t bits) {
  return std::bit_cast<double>(bits);
}
uint16_t Half(uint64_t bits) {
  return static_cast<uint16_t>(bits);
}

const Values kSingles = {0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x3F800001, 0x3FC00000, 0x40490FDB,
                         0xC0200000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC12345, 0x00000001, 0x80000001,
                         0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0x4B800001, 0xCF000000,
                         0x4F000000, 0x5F000000, 0x33800000, 0x38D1B717, 0x477FE000, 0x477FF000, 0x43E80000,
                         0x3B000000, 0x7E800000, 0x7F000000, 0x42F60000};
const Values kDoubles = {0,
                         0x8000000000000000,
                         0x3FF0000000000000,
                         0xBFF8000000000000,
                         0x3FF0000000000001,
                         0x7FF0000000000000,
                         0xFFF0000000000000,
                         0x7FF8000000000000,
                         0x0000000000000001,
                         0x7FEFFFFFFFFFFFFF,
                         0x36A0000000000000,
                         0x380FFFFFFFFFFFFF,
                         0x47EFFFFFF0000000,
                         0x41DFFFFFFFE00000,
                         0xC1E0000000200000,
                         0x43E0000000000000,
                         0x3FE0000000000000,
                         0x4004000000000000};
const Values kHalves = {0x0000, 0x8000, 0x3C00, 0xBC00, 0x3C01, 0x4248, 0x7BFF, 0xFBFF, 0x7C00,
                        0xFC00, 0x7E00, 0xFE01, 0x0001, 0x8001, 0x03FF, 0x0400, 0x3800, 0x3F80,
                        0xBF80, 0x3F81, 0x7F80, 0xFF80, 0x7FC0, 0x4049, 0x0080, 0x007F, 0x7F7F};

struct Mode {
  const char* name;
  Rounding rounding;
};
constexpr Mode kModes[] = {{"rn", kNearest}, {"rz", kZero}, {"rm", kDown}, {"rp", kUp}};

// Two packed values from one list, so that the halves differ.
Values Packed(const Values& halves) {
  Values packed;
  for (size_t i = 0; i < halves.size(); ++i) packed.push_back(halves[i] | halves[(i * 7 + 3) % halves.size()] << 16);
  return packed;
}

TEST(PtxFloat, ArithmeticOfSingles) {
  const auto pairs = Pairs(kSingles, kSingles);
  const Values few = {0x3F800000, 0x80000000, 0x7F800000, 0x7FC00000, 0x00400000, 0xC0490FDB, 0x7F7FFFFF, 0x34000000};
  for (const Mode& mode : kModes) {
    for (const bool ftz : {false, true}) {
      const std::string suffix = "." + std::string(mode.name) + (ftz ? ".ftz" : "") + ".f32 %o, %w0, %w1";
      const Modifiers m{.rounding = mode.rounding, .ftz = ftz};
      Check(32, "add" + suffix + ";", pairs, [&](OPERANDS) { return Bits(AddFloat(Single(a), Single(b), m)); });
      Check(32, "sub" + suffix + ";", pairs, [&](OPERANDS) { return Bits(SubFloat(Single(a), Single(b), m)); });
      Check(32, "mul" + suffix + ";", pairs, [&](OPERANDS) { return Bits(MulFloat(Single(a), Single(b), m)); });
      Check(32, "div" + suffix + ";", pairs, [&](OPERANDS) { return Bits(DivFloat(Single(a), Single(b), m)); });
      Check(32, "fma" + suffix + ", %w2;", Triples(kSingles, few, few),
            [&](OPERANDS) { return Bits(FmaFloat(Single(a), Single(b), Single(c), m)); });
      const std::string one = "." + std::string(mode.name) + (ftz ? ".ftz" : "") + ".f32 %o, %w0;";
      Check(32, "rcp" + one, {kSingles}, [&](OPERANDS) { return Bits(RcpFloat(Single(a), m)); });
      Check(32, "sqrt" + one, {kSingles}, [&](OPERANDS) { return Bits(SqrtFloat(Single(a), m)); });
    }
  }
  // Without a rounding: to nearest. mad is fma.
  Check(32, "add.f32 %o, %w0, %w1;", pairs, [](OPERANDS) { return Bits(AddFloat(Single(a), Single(b))); });
  Check(32, "sub.f32 %o, %w0, %w1;", pairs, [](OPERANDS) { return Bits(SubFloat(Single(a), Single(b))); });
  Check(32, "mul.f32 %o, %w0, %w1;", pairs, [](OPERANDS) { return Bits(MulFloat(Single(a), Single(b))); });
  Check(32, "mul.ftz.f32 %o, %w0, %w1;", pairs,
        [](OPERANDS) { return Bits(MulFloat(Single(a), Single(b), {.ftz = true})); });
  Check(32, "mad.rn.f32 %o, %w0, %w1, %w2;", Triples(few, few, few),
        [](OPERANDS) { return Bits(FmaFloat(Single(a), Single(b), Single(c))); });
  Check(32, "add.sat.f32 %o, %w0, %w1;", pairs,
        [](OPERANDS) { return Bits(AddFloat(Single(a), Single(b), {.sat = true})); });
  Check(32, "fma.rn.sat.f32 %o, %w0, %w1, %w2;", Triples(few, few, few),
        [](OPERANDS) { return Bits(FmaFloat(Single(a), Single(b), Single(c), {.sat = true})); });
}

TEST(PtxFloat, SignsMinimumMaximum) {
  const auto pairs = Pairs(kSingles, kSingles);
  Check(32, "min.f32 %o, %w0, %w1;", pairs, [](OPERANDS) { return Bits(MinFloat(Single(a), Single(b))); });
  Check(32, "max.f32 %o, %w0, %w1;", pairs, [](OPERANDS) { return Bits(MaxFloat(Single(a), Single(b))); });
  Check(32, "max.ftz.f32 %o, %w0, %w1;", pairs,
        [](OPERANDS) { return Bits(MaxFloat(Single(a), Single(b), {.ftz = true})); });
  Check(32, "min.NaN.f32 %o, %w0, %w1;", pairs,
        [](OPERANDS) { return Bits(MinFloat(Single(a), Single(b), {.nan = true})); });
  Check(32, "max.ftz.NaN.f32 %o, %w0, %w1;", pairs,
        [](OPERANDS) { return Bits(MaxFloat(Single(a), Single(b), {.ftz = true, .nan = true})); });
  Check(64, "min.f64 %o, %a0, %a1;", Pairs(kDoubles, kDoubles),
        [](OPERANDS) { return Bits(MinDouble(Double(a), Double(b))); });
  Check(64, "max.f64 %o, %a0, %a1;", Pairs(kDoubles, kDoubles),
        [](OPERANDS) { return Bits(MaxDouble(Double(a), Double(b))); });
  Values numbers;  // what the sign of a NaN becomes is unspecified
  for (const uint64_t value : kSingles) {
    if (!std::isnan(Single(value))) numbers.push_back(value);
  }
  Check(32, "neg.f32 %o, %w0;", {numbers}, [](OPERANDS) { return a ^ 0x80000000; });
  Check(32, "abs.f32 %o, %w0;", {numbers}, [](OPERANDS) { return a & 0x7FFFFFFF; });
  Check(32, "abs.ftz.f32 %o, %w0;", {numbers},
        [](OPERANDS) { return (a & 0x7FFFFFFF) < 0x00800000 ? 0 : a & 0x7FFFFFFF; });
  Check(64, "neg.f64 %o, %a0;", {{0, 0x3FF0000000000000}}, [](OPERANDS) { return a ^ 0x8000000000000000; });
  Check(64, "abs.f64 %o, %a0;", {{0x8000000000000000, 0xBFF0000000000000}},
        [](OPERANDS) { return a & ~(uint64_t{1} << 63); });
}

TEST(PtxFloat, ArithmeticOfDoubles) {
  const auto pairs = Pairs(kDoubles, kDoubles);
  const auto same = [](double value) { return std::isnan(value) ? 1 : Bits(value); };
  // Any NaN will do.
  const std::string nan = "setp.nan.f64 %p0, %o, %o; selp.b64 %o, 1, %o, %p0;";
  for (const Mode& mode : kModes) {
    const std::string suffix = "." + std::string(mode.name) + ".f64 %o, %a0, %a1";
    Check(64, "add" + suffix + ";" + nan, pairs,
          [&](OPERANDS) { return same(AddDouble(Double(a), Double(b), mode.rounding)); });
    Check(64, "mul" + suffix + ";" + nan, pairs,
          [&](OPERANDS) { return same(MulDouble(Double(a), Double(b), mode.rounding)); });
    Check(64, "div" + suffix + ";" + nan, pairs,
          [&](OPERANDS) { return same(DivDouble(Double(a), Double(b), mode.rounding)); });
    Check(64, "fma" + suffix + ", %a0;" + nan, pairs,
          [&](OPERANDS) { return same(FmaDouble(Double(a), Double(b), Double(a), mode.rounding)); });
  }
  Check(64, "sub.f64 %o, %a0, %a1;" + nan, pairs, [&](OPERANDS) { return same(Double(a) - Double(b)); });
  Check(64, "rcp.rn.f64 %o, %a0;" + nan, {kDoubles}, [&](OPERANDS) { return same(1 / Double(a)); });
  Check(64, "sqrt.rn.f64 %o, %a0;" + nan, {kDoubles}, [&](OPERANDS) { return same(std::sqrt(Double(a))); });
}

TEST(PtxFloat, Approximations) {
  struct Form {
    const char* name;
    float (*function)(float, bool);
  };
  const Form forms[] = {{"ex2.approx", Ex2Approx},     {"lg2.approx", Lg2Approx}, {"rcp.approx", RcpApprox},
                        {"rsqrt.approx", RsqrtApprox}, {"sin.approx", SinApprox}, {"sqrt.approx", SqrtApprox},
                        {"cos.approx", CosApprox}};
  for (const Form& form : forms) {
    for (const bool ftz : {false, true}) {
      Check(32, std::string(form.name) + (ftz ? ".ftz" : "") + ".f32 %o, %w0;", {kSingles},
            [&](OPERANDS) { return Bits(form.function(Single(a), ftz)); });
    }
  }
  Check(32, "tanh.approx.f32 %o, %w0;", {kSingles}, [](OPERANDS) { return Bits(TanhApprox(Single(a))); });
  for (const bool ftz : {false, true}) {
    const std::string suffix = std::string(ftz ? ".ftz" : "") + ".f32 %o, %w0, %w1;";
    Check(32, "div.approx" + suffix, Pairs(kSingles, kSingles),
          [&](OPERANDS) { return Bits(DivApprox(Single(a), Single(b), ftz)); });
    Check(32, "div.full" + suffix, Pairs(kSingles, kSingles),
          [&](OPERANDS) { return Bits(DivFull(Single(a), Single(b), ftz)); });
  }
}

TEST(PtxFloat, ConversionsOfSinglesToNarrow) {
  struct Form {
    const char* name;
    FloatType to;
    Modifiers modifiers;
  };
  const Form forms[] = {{"rn.f16", kF16, {}},
                        {"rz.f16", kF16, {.rounding = kZero}},
                        {"rm.f16", kF16, {.rounding = kDown}},
                        {"rp.f16", kF16, {.rounding = kUp}},
                        {"rn.ftz.f16", kF16, {.ftz = true}},
                        {"rn.sat.f16", kF16, {.sat = true}},
                        {"rn.relu.f16", kF16, {.relu = true}},
                        {"rn.bf16", kBF16, {}},
                        {"rz.bf16", kBF16, {.rounding = kZero}},
                        {"rn.relu.bf16", kBF16, {.relu = true}}};
  for (const Form& form : forms) {
    Check(16, "cvt." + std::string(form.name) + ".f32 %o, %w0;", {kSingles},
          [&](OPERANDS) { return ConvertFloat(a, kF32, form.to, form.modifiers); });
  }
  const auto pairs = Pairs(kSingles, kSingles);
  const Form packed[] = {
      {"rn.f16x2", kF16, {}},   {"rz.f16x2", kF16, {.rounding = kZero}},   {"rn.relu.f16x2", kF16, {.relu = true}},
      {"rn.bf16x2", kBF16, {}}, {"rz.bf16x2", kBF16, {.rounding = kZero}}, {"rn.relu.bf16x2", kBF16, {.relu = true}}};
  for (const Form& form : packed) {  // the first operand goes to the upper half
    Check(32, "cvt." + std::string(form.name) + ".f32 %o, %w0, %w1;", pairs,
          [&](OPERANDS) { return ConvertToPacked(Single(a), Single(b), form.to, form.modifiers); });
  }
  const Form bytes[] = {{"rn.satfinite.e4m3x2", kE4M3, {.satfinite = true}},
                        {"rn.satfinite.relu.e4m3x2", kE4M3, {.satfinite = true, .relu = true}},
                        {"rn.satfinite.e5m2x2", kE5M2, {.satfinite = true}}};
  for (const Form& form : bytes) {
    Check(16, "cvt." + std::string(form.name) + ".f32 %o, %w0, %w1;", pairs,
          [&](OPERANDS) { return ConvertToPacked(Single(a), Single(b), form.to, form.modifiers); });
    Check(16, "cvt." + std::string(form.name) + ".f16x2 %o, %w0;", {Packed(kHalves)},
          [&](OPERANDS) { return ConvertPacked(static_cast<uint32_t>(a), kF16, form.to, form.modifiers); });
  }
  Values codes;
  for (uint64_t code = 0; code < 256; ++code) codes.push_back(code | (code * 37 & 0xFF) << 8);
  Check(32, "cvt.rn.f16x2.e4m3x2 %o, %h0;", {codes},
        [](OPERANDS) { return ConvertPacked(static_cast<uint32_t>(a), kE4M3, kF16, {}); });
  Check(32, "cvt.rn.f16x2.e5m2x2 %o, %h0;", {codes},
        [](OPERANDS) { return ConvertPacked(static_cast<uint32_t>(a), kE5M2, kF16, {}); });
  Check(32, "cvt.rn.relu.f16x2.e4m3x2 %o, %h0;", {codes},
        [](OPERANDS) { return ConvertPacked(static_cast<uint32_t>(a), kE4M3, kF16, {.relu = true}); });
  Check(32, "cvt.rna.tf32.f32 %o, %w0;", {kSingles},
        [](OPERANDS) { return ConvertFloat(a, kF32, kTF32, {.rounding = kAway}); });
}

TEST(PtxFloat, ConversionsUpAndAcross) {
  Check(32, "cvt.f32.f16 %o, %h0;", {kHalves}, [](OPERANDS) { return ConvertFloat(a, kF16, kF32); });
  Check(32, "cvt.f32.bf16 %o, %h0;", {kHalves}, [](OPERANDS) { return ConvertFloat(a, kBF16, kF32); });
  Values numbers;
  for (const uint64_t value : kSingles) {
    if (!std::isnan(Single(value))) numbers.push_back(value);
  }
  Check(64, "cvt.f64.f32 %o, %w0;", {numbers}, [](OPERANDS) { return Bits(double{Single(a)}); });
  Check(64, "cvt.ftz.f64.f32 %o, %w0;", {numbers}, [](OPERANDS) { return ConvertFloat(a, kF32, kF64, {.ftz = true}); });
  for (const Mode& mode : kModes) {
    for (const bool ftz : {false, true}) {
      Check(32, "cvt." + std::string(mode.name) + (ftz ? ".ftz" : "") + ".f32.f64 %o, %a0;", {kDoubles},
            [&](OPERANDS) { return ConvertFloat(a, kF64, kF32, {.rounding = mode.rounding, .ftz = ftz}); });
    }
    Check(32, "cvt." + std::string(mode.name) + "i.f32.f32 %o, %w0;", {kSingles},
          [&](OPERANDS) { return RoundToIntegral(a, kF32, kF32, {.rounding = mode.rounding}); });
    Check(64, "cvt." + std::string(mode.name) + "i.f64.f64 %o, %a0;",
          {{Bits(-2.5), Bits(0.5), Bits(1e300), Bits(-0.25)}},
          [&](OPERANDS) { return RoundToIntegral(a, kF64, kF64, {.rounding = mode.rounding}); });
  }
  Check(16, "cvt.rn.f16.f64 %o, %a0;", {kDoubles}, [](OPERANDS) { return ConvertFloat(a, kF64, kF16); });
  Check(32, "cvt.sat.f32.f32 %o, %w0;", {kSingles},
        [](OPERANDS) { return ConvertFloat(a, kF32, kF32, {.sat = true}); });
}

TEST(PtxFloat, ConversionsFromAndToIntegers) {
  struct Target {
    const char* name;
    IntegerType type;
  };
  const Target targets[] = {{"s32", {32, true}}, {"u32", {32, false}}, {"s64", {64, true}}, {"u64", {64, false}},
                            {"s16", {16, true}}, {"u16", {16, false}}, {"u8", {8, false}},  {"s8", {8, true}}};
  for (const Target& target : targets) {
    const int bits = std::max(target.type.bits, 16);
    const std::string letter = target.type.bits == 64 ? "%a0" : target.type.bits == 32 ? "%w0" : "%h0";
    const auto extend = [&](uint64_t value) {  // to the register that takes 8-bit results
      return target.type.bits == 8 && target.type.is_signed ? static_cast<uint64_t>(static_cast<int8_t>(value)) : value;
    };
    for (const Mode& mode : kModes) {
      const std::string to = "cvt." + std::string(mode.name) + "i." + target.name;
      const Modifiers m{.rounding = mode.rounding};
      Check(bits, to + ".f32 %o, %w0;", {kSingles},
            [&](OPERANDS) { return extend(FloatToInteger(a, kF32, target.type, m)); });
      Check(bits, to + ".f64 %o, %a0;", {kDoubles},
            [&](OPERANDS) { return extend(FloatToInteger(a, kF64, target.type, m)); });
      Check(bits, to + ".f16 %o, %h0;", {kHalves},
            [&](OPERANDS) { return extend(FloatToInteger(a, kF16, target.type, m)); });
      const std::string from = std::string(".") + target.name + " %o, " + letter + ";";
      Check(32, "cvt." + std::string(mode.name) + ".f32" + from, {kEdges64},
            [&](OPERANDS) { return IntegerToFloat(a, target.type, kF32, m); });
      Check(64, "cvt." + std::string(mode.name) + ".f64" + from, {kEdges64},
            [&](OPERANDS) { return IntegerToFloat(a, target.type, kF64, m); });
      Check(16, "cvt." + std::string(mode.name) + ".f16" + from, {kEdges64},
            [&](OPERANDS) { return IntegerToFloat(a, target.type, kF16, m); });
    }
  }
  Check(32, "cvt.rzi.ftz.s32.f32 %o, %w0;", {kSingles}, [](OPERANDS) {
    return FloatToInteger(a, kF32, {32, true}, {.rounding = kZero, .ftz = true});
  });
  Check(16, "cvt.rn.bf16.s32 %o, %w0;", {kEdges64}, [](OPERANDS) { return IntegerToFloat(a, {32, true}, kBF16); });
}

TEST(PtxFloat, ComparisonsWithNan) {
  struct Comparison {
    const char* name;
    bool (*holds)(float, float);
  };
  const Comparison all[] = {{"eq", [](float a, float b) { return a == b; }},
                            {"ne", [](float a, float b) { return a < b || a > b; }},
                            {"lt", [](float a, float b) { return a < b; }},
                            {"le", [](float a, float b) { return a <= b; }},
                            {"gt", [](float a, float b) { return a > b; }},
                            {"ge", [](float a, float b) { return a >= b; }},
                            {"equ", [](float a, float b) { return !(a < b || a > b); }},
                            {"neu", [](float a, float b) { return !(a == b); }},
                            {"ltu", [](float a, float b) { return !(a >= b); }},
                            {"leu", [](float a, float b) { return !(a > b); }},
                            {"gtu", [](float a, float b) { return !(a <= b); }},
                            {"geu", [](float a, float b) { return !(a < b); }},
                            {"num", [](float a, float b) { return !std::isnan(a) && !std::isnan(b); }},
                            {"nan", [](float a, float b) { return std::isnan(a) || std::isnan(b); }}};
  const std::string rest = "selp.u32 %o, 1, 0, %p0;";
  const auto flush = [](float x) { return std::abs(x) < 0x1p-126f ? std::copysign(0.0f, x) : x; };
  for (const Comparison& comparison : all) {
    const std::string op = std::string("setp.") + comparison.name;
    Check(32, op + ".f32 %p0, %w0, %w1;" + rest, Pairs(kSingles, kSingles),
          [&](OPERANDS) { return comparison.holds(Single(a), Single(b)); });
    Check(32, op + ".ftz.f32 %p0, %w0, %w1;" + rest, Pairs(kSingles, kSingles),
          [&](OPERANDS) { return comparison.holds(flush(Single(a)), flush(Single(b))); });
    Check(32, op + ".f16 %p0, %h0, %h1;" + rest, Pairs(kHalves, kHalves),
          [&](OPERANDS) { return comparison.holds(HalfToFloat(Half(a)), HalfToFloat(Half(b))); });
    Check(32, op + ".bf16 %p0, %h0, %h1;" + rest, Pairs(kHalves, kHalves),
          [&](OPERANDS) { return comparison.holds(BFloat16ToFloat(Half(a)), BFloat16ToFloat(Half(b))); });
    const Values doubles = {Bits(1.0), Bits(-2.0), 0x7FF8000000000000, 0, 0x8000000000000000};
    Check(32, op + ".f64 %p0, %a0, %a1;" + rest, Pairs(doubles, doubles),
          [&](OPERANDS) { return comparison.holds(static_cast<float>(Double(a)), static_cast<float>(Double(b))); });
  }
}

TEST(PtxFloat, HalfArithmetic) {
  const auto pairs = Pairs(kHalves, kHalves);
  const Values few = {0x3C00, 0xBF80, 0x0001, 0x7E00, 0x7BFF, 0x0000};
  const auto triples = Triples(kHalves, few, few);
  auto packed = Pairs(Packed(kHalves), Packed(kHalves));
  auto packed3 = Triples(Packed(kHalves), Packed(few), Packed(few));
  for (const auto& [name, type] : {std::pair{"f16", kF16}, {"bf16", kBF16}}) {
    const std::string n = name;
    const auto on_pairs = [&](auto function) {
      return [=](uint64_t a, uint64_t b, uint64_t, uint64_t) {
        return OnPair(function, static_cast<uint32_t>(a), static_cast<uint32_t>(b));
      };
    };
    const auto add = [&](uint16_t a, uint16_t b) { return AddHalf(type, a, b); };
    const auto sub = [&](uint16_t a, uint16_t b) { return SubHalf(type, a, b); };
    const auto mul = [&](uint16_t a, uint16_t b) { return MulHalf(type, a, b); };
    const auto low = [&](uint16_t a, uint16_t b) { return MinHalf(type, a, b); };
    const auto high = [&](uint16_t a, uint16_t b) { return MaxHalf(type, a, b); };
    const auto fma = [&](uint16_t a, uint16_t b, uint16_t c) { return FmaHalf(type, a, b, c); };
    Check(16, "add." + n + " %o, %h0, %h1;", pairs, [&](OPERANDS) { return add(Half(a), Half(b)); });
    Check(16, "sub." + n + " %o, %h0, %h1;", pairs, [&](OPERANDS) { return sub(Half(a), Half(b)); });
    Check(16, "mul." + n + " %o, %h0, %h1;", pairs, [&](OPERANDS) { return mul(Half(a), Half(b)); });
    Check(16, "min." + n + " %o, %h0, %h1;", pairs, [&](OPERANDS) { return low(Half(a), Half(b)); });
    Check(16, "max." + n + " %o, %h0, %h1;", pairs, [&](OPERANDS) { return high(Half(a), Half(b)); });
    Check(16, "fma.rn." + n + " %o, %h0, %h1, %h2;", triples, [&](OPERANDS) { return fma(Half(a), Half(b), Half(c)); });
    Check(32, "add." + n + "x2 %o, %w0, %w1;", packed, on_pairs(add));
    Check(32, "sub." + n + "x2 %o, %w0, %w1;", packed, on_pairs(sub));
    Check(32, "mul." + n + "x2 %o, %w0, %w1;", packed, on_pairs(mul));
    Check(32, "min." + n + "x2 %o, %w0, %w1;", packed, on_pairs(low));
    Check(32, "max." + n + "x2 %o, %w0, %w1;", packed, on_pairs(high));
    Check(32, "fma.rn." + n + "x2 %o, %w0, %w1, %w2;", packed3, [&](OPERANDS) {
      return OnPair(fma, static_cast<uint32_t>(a), static_cast<uint32_t>(b), static_cast<uint32_t>(c));
    });
    Check(32, "fma.rn.relu." + n + "x2 %o, %w0, %w1, %w2;", packed3, [&](OPERANDS) {
      return OnPair([&](uint16_t x, uint16_t y, uint16_t z) { return FmaHalf(type, x, y, z, {.relu = true}); },
                    static_cast<uint32_t>(a), static_cast<uint32_t>(b), static_cast<uint32_t>(c));
    });
    Values numbers;
    for (const uint64_t value : kHalves) {
      if (!std::isnan(DecodeFloat(value, type))) numbers.push_back(value);
    }
    Check(16, "neg." + n + " %o, %h0;", {numbers}, [](OPERANDS) { return a ^ 0x8000; });
    Check(16, "abs." + n + " %o, %h0;", {numbers}, [](OPERANDS) { return a & 0x7FFF; });
    Check(32, "neg." + n + "x2 %o, %w0;", {Packed(numbers)}, [](OPERANDS) { return a ^ 0x80008000; });
    Check(32, "abs." + n + "x2 %o, %w0;", {Packed(numbers)}, [](OPERANDS) { return a & 0x7FFF7FFF; });
  }
  Check(32, "fma.rn.ftz.f16x2 %o, %w0, %w1, %w2;", packed3, [](OPERANDS) {
    return OnPair([](uint16_t x, uint16_t y, uint16_t z) { return FmaHalf(kF16, x, y, z, {.ftz = true}); },
                  static_cast<uint32_t>(a), static_cast<uint32_t>(b), static_cast<uint32_t>(c));
  });
  Check(16, "ex2.approx.f16 %o, %h0;", {kHalves}, [](OPERANDS) { return Ex2Half(kF16, Half(a), false); });
  Check(16, "ex2.approx.ftz.bf16 %o, %h0;", {kHalves}, [](OPERANDS) { return Ex2Half(kBF16, Half(a), true); });
  Check(16, "tanh.approx.f16 %o, %h0;", {kHalves}, [](OPERANDS) { return TanhHalf(kF16, Half(a)); });
}

}  // namespace
}  // namespace emulator
