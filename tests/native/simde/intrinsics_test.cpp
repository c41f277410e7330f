// The emulated AVX-512 intrinsics: our own against models in scalars, written from the Intel SDM (volume 2), and all of
// them against the instructions.
#include "simde/intrinsics.h"

#include <gtest/gtest.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "cpu/features.h"
#include "support/random.h"

// The processor's own answer, which supports.cpp replaces.
extern "C" bool __real__ZN5hadal3cpu8supportsENS0_3IsaE(hadal::cpu::Isa isa);

namespace hadal::tests {
namespace {

constexpr int kRounds = 10000;

template <class T>
T lane(const Operand& x, int i) {
  T value;
  std::memcpy(&value, x.bytes + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
void set_lane(Operand& x, int i, T value) {
  std::memcpy(x.bytes + i * sizeof(T), &value, sizeof(T));
}

// Zeros, denormals, the least normals, ties of bf16, moderate numbers near each other, the largest, infinities, and
// NaNs of both kinds.
uint32_t float_bits(Random& random) {
  constexpr uint32_t kMagnitudes[] = {0,          1,          0x00000fff, 0x007fffff, 0x00800000, 0x00800001,
                                      0x00ff8000, 0x00ffffff, 0x3f7fffff, 0x3f800000, 0x3f808000, 0x3f808001,
                                      0x3f818000, 0x3f817fff, 0x40490fdb, 0x7f7f8000, 0x7f7fffff, 0x7f800000,
                                      0x7f800001, 0x7fa00000, 0x7fc12345};
  const auto bits = static_cast<uint32_t>(random.next());
  const uint32_t sign = bits & 0x80000000u;
  switch (random.below(4)) {
    case 0:
      return sign | kMagnitudes[random.below(std::size(kMagnitudes))];
    case 1:  // Between 2^-8 and 2^8.
      return sign | (bits & 0x007fffffu) | static_cast<uint32_t>(119 + random.below(16)) << 23;
    case 2:  // About the least normal, whole and as a factor.
      return sign | (bits & 0x007fffffu) |
             static_cast<uint32_t>(random.one_in(2) ? random.below(28) : 58 + random.below(8)) << 23;
    default:
      return bits;
  }
}

void fill(Operand& x, Random& random, int kind) {
  for (int i = 0; i < 16; ++i) {
    const uint32_t bits = float_bits(random);
    // A float, two bf16, or any bits.
    set_lane(x, i,
             kind == 0   ? bits
             : kind == 1 ? (bits & 0xffff0000u) | float_bits(random) >> 16
                         : static_cast<uint32_t>(random.next()));
  }
}

void fill(Operands& x, Random& random) {
  const int kind = random.below(4);
  fill(x.a, random, kind == 3 ? 0 : kind);
  fill(x.b, random, kind == 3 ? 1 : kind);
  fill(x.c, random, kind == 3 ? 1 : kind);
  x.mask = random.next();
}

uint32_t quiet(uint32_t nan) {
  return nan | 0x00400000u;
}

bool is_nan(uint32_t bits) {
  return (bits & 0x7fffffffu) > 0x7f800000u;
}

float daz(uint32_t bits) {
  return std::bit_cast<float>((bits & 0x7f800000u) == 0 ? bits & 0x80000000u : bits);
}

// a * b + c in one rounding to nearest even; a and b have 8 bits of mantissa. Denormals count as zero, and what would
// be one after rounding becomes zero.
uint32_t fma_of_bf16(uint32_t a, uint32_t b, uint32_t c) {
  for (const uint32_t x : {a, b, c}) {
    if (is_nan(x)) return quiet(x);
  }
  const double product = static_cast<double>(daz(a)) * static_cast<double>(daz(b));  // Exact.
  const double addend = daz(c);
  double sum = product + addend;
  if (std::isnan(sum)) return 0xffc00000u;
  // What the sum lost makes its last bit odd, so that rounding it again is rounding once.
  if (std::isfinite(sum)) {
    const double other = sum - product;
    const double lost = (product - (sum - other)) + (addend - other);
    auto bits = std::bit_cast<uint64_t>(sum);
    if (lost != 0 && bits % 2 == 0) bits += std::signbit(lost) == std::signbit(sum) ? 1 : -1;
    sum = std::bit_cast<double>(bits);
  }
  // Tiny is what is so after rounding without bounds of the exponent.
  if (std::fabs(static_cast<float>(sum * 0x1p100)) < 0x1p-26f) sum = std::copysign(0.0, sum);
  return std::bit_cast<uint32_t>(static_cast<float>(sum));
}

uint16_t bf16_of(uint32_t x) {
  if (is_nan(x)) return static_cast<uint16_t>(quiet(x) >> 16);
  const float value = daz(x);
  const uint32_t below = std::bit_cast<uint32_t>(value) & 0xffff0000u;
  if (std::isinf(value)) return static_cast<uint16_t>(below >> 16);
  // In f64 the neighbour above exists for the largest too.
  const double step = std::ldexp(1.0, std::max(std::ilogb(value), -126) - 7);
  const double rest =
      (std::fabs(static_cast<double>(value)) - std::fabs(static_cast<double>(std::bit_cast<float>(below)))) / step;
  const bool up = value != 0 && (rest > 0.5 || (rest == 0.5 && (below >> 16 & 1) != 0));
  return static_cast<uint16_t>((below >> 16) + up);
}

using Model = std::function<void(const Operands& x, Operand& y)>;

// A model lane by lane.
template <class To, class Lane>
Model each(int lanes, Lane lane_of) {
  return [=](const Operands& x, Operand& y) {
    for (int i = 0; i < lanes; ++i) set_lane<To>(y, i, lane_of(x, i));
  };
}

template <class T, class Compare>
Model mask_of(int lanes, Compare compare) {
  return [=](const Operands& x, Operand& y) {
    uint64_t mask = 0;
    for (int i = 0; i < lanes; ++i) mask |= uint64_t{compare(lane<T>(x.a, i), lane<T>(x.b, i))} << i;
    std::memcpy(y.bytes, &mask, static_cast<size_t>(lanes / 8));
  };
}

template <class T>
Model masked_load(int lanes) {
  return each<T>(lanes, [](const Operands& x, int i) { return (x.mask >> i & 1) != 0 ? lane<T>(x.a, i) : T{}; });
}

template <class T>
Model masked_store(int lanes) {
  return [=](const Operands& x, Operand& y) {
    for (int i = 0; i < lanes; ++i) {
      if ((x.mask >> i & 1) != 0) set_lane(y, i, lane<T>(x.a, i));
    }
  };
}

Model whole() {
  return each<uint32_t>(16, [](const Operands& x, int i) { return lane<uint32_t>(x.a, i); });
}

Model bytes_of_lanes(int from) {
  return [=](const Operands& x, Operand& y) {
    for (int i = 0; i < 16; ++i) y.bytes[i] = x.a.bytes[i * from];
  };
}

template <class Combine>
Model reduced(Combine combine) {
  return [=](const Operands& x, Operand& y) {
    auto all = lane<uint32_t>(x.a, 0);
    for (int i = 1; i < 16; ++i) all = combine(all, lane<uint32_t>(x.a, i));
    set_lane(y, 0, all);
  };
}

// Upper and lower halves, and of the last four lanes 0 and 2, 1 and 3. Of a pair the second is taken where they are
// equal, or one is NaN.
void largest(const Operands& x, Operand& y) {
  const auto larger = [](float a, float b) { return a > b ? a : b; };
  float most[16];
  for (int i = 0; i < 16; ++i) most[i] = lane<float>(x.a, i);
  for (int i = 0; i < 8; ++i) most[i] = larger(most[8 + i], most[i]);
  for (int i = 0; i < 4; ++i) most[i] = larger(most[4 + i], most[i]);
  set_lane(y, 0, larger(larger(most[0], most[2]), larger(most[1], most[3])));
}

// The table of special cases, then a * 2^floor(b).
uint32_t scaled(uint32_t a, uint32_t b) {
  const bool minus = b >> 31 != 0;
  const bool infinite = (b & 0x7fffffffu) == 0x7f800000u;
  const float x = std::bit_cast<float>(a);
  if (is_nan(a)) return infinite && quiet(a) == a ? (minus ? 0u : 0x7f800000u) : quiet(a);
  if (is_nan(b)) return quiet(b);
  if (infinite && minus) return std::isinf(x) ? 0xffc00000u : a & 0x80000000u;
  if (infinite) return x == 0 ? 0xffc00000u : (a & 0x80000000u) | 0x7f800000u;
  const double n = std::clamp(std::floor(static_cast<double>(std::bit_cast<float>(b))), -500.0, 500.0);
  return std::bit_cast<uint32_t>(static_cast<float>(std::ldexp(static_cast<double>(x), static_cast<int>(n))));
}

// 128-bit lanes of a, a, b, b.
Model lanes_of_128(int a, int b, int c, int d) {
  return [=](const Operands& x, Operand& y) {
    const std::byte* from[] = {x.a.bytes + 16 * a, x.a.bytes + 16 * b, x.b.bytes + 16 * c, x.b.bytes + 16 * d};
    for (int i = 0; i < 4; ++i) std::memcpy(y.bytes + 16 * i, from[i], 16);
  };
}

Model permuted(int a, int b, int c, int d) {
  return each<uint32_t>(16, [=](const Operands& x, int i) {
    return lane<uint32_t>(x.a, i / 4 * 4 + std::array{a, b, c, d}[static_cast<size_t>(i % 4)]);
  });
}

float f32_of_f16(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16;
  uint32_t magnitude;
  if (exponent == 31) {
    magnitude = 0x7f800000u | static_cast<uint32_t>(mantissa) << 13;
    if (mantissa != 0) magnitude = quiet(magnitude);
  } else {
    magnitude = std::bit_cast<uint32_t>(exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                                      : std::ldexp(static_cast<float>(1024 + mantissa), exponent - 25));
  }
  return std::bit_cast<float>(sign | magnitude);
}

// What is ours, by the name in the table.
const std::map<std::string, Model>& models() {
  const auto cvtneps = [](int lanes) {
    return each<uint16_t>(lanes, [](const Operands& x, int i) { return bf16_of(lane<uint32_t>(x.a, i)); });
  };
  static const std::map<std::string, Model> all{
      {"_mm256_cmpeq_epi16_mask", mask_of<int16_t>(16, std::equal_to())},
      {"_mm512_cmpeq_epi16_mask", mask_of<int16_t>(32, std::equal_to())},
      {"_mm512_cmplt_epi32_mask", mask_of<int32_t>(16, std::less())},
      {"_mm512_cvtepu8_epi32",
       each<uint32_t>(16, [](const Operands& x, int i) { return uint32_t{lane<uint8_t>(x.a, i)}; })},
      {"_mm512_cvtepu16_epi32",
       each<uint32_t>(16, [](const Operands& x, int i) { return uint32_t{lane<uint16_t>(x.a, i)}; })},
      {"_mm512_cvtepi32_epi8", bytes_of_lanes(4)},
      {"_mm256_cvtepi16_epi8", bytes_of_lanes(2)},
      {"_mm512_cvtph_ps", each<float>(16, [](const Operands& x, int i) { return f32_of_f16(lane<uint16_t>(x.a, i)); })},
      {"_mm_maskz_loadu_epi8", masked_load<uint8_t>(16)},
      {"_mm256_maskz_loadu_epi16", masked_load<uint16_t>(16)},
      {"_mm512_maskz_loadu_epi16", masked_load<uint16_t>(32)},
      {"_mm512_maskz_loadu_ps", masked_load<uint32_t>(16)},
      {"_mm256_mask_storeu_epi16", masked_store<uint16_t>(16)},
      {"_mm512_mask_storeu_ps", masked_store<uint32_t>(16)},
      {"_mm512_load_ps", whole()},
      {"_mm512_load_si512", whole()},
      {"_mm512_store_ps", whole()},
      {"_mm512_store_si512", whole()},
      {"_mm512_abs_ps",
       each<uint32_t>(16, [](const Operands& x, int i) { return lane<uint32_t>(x.a, i) & 0x7fffffffu; })},
      {"_mm512_srai_epi32 x.a, 31",
       each<int32_t>(16, [](const Operands& x, int i) { return lane<int32_t>(x.a, i) < 0 ? -1 : 0; })},
      {"_mm512_extractf32x8_ps x.a, 1",
       each<uint32_t>(8, [](const Operands& x, int i) { return lane<uint32_t>(x.a, 8 + i); })},
      {"_mm512_permute_ps x.a, 0x4e", permuted(2, 3, 0, 1)},
      {"_mm512_permute_ps x.a, 0xb1", permuted(1, 0, 3, 2)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0x44", lanes_of_128(0, 1, 0, 1)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0x4e", lanes_of_128(2, 3, 0, 1)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0x88", lanes_of_128(0, 2, 0, 2)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0xb1", lanes_of_128(1, 0, 3, 2)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0xdd", lanes_of_128(1, 3, 1, 3)},
      {"_mm512_shuffle_f32x4 x.a, x.b, 0xee", lanes_of_128(2, 3, 2, 3)},
      {"_mm512_reduce_and_epi32", reduced(std::bit_and())},
      {"_mm512_reduce_or_epi32", reduced(std::bit_or())},
      {"_mm512_reduce_max_ps", largest},
      {"_mm512_scalef_ps",
       each<uint32_t>(16,
                      [](const Operands& x, int i) { return scaled(lane<uint32_t>(x.a, i), lane<uint32_t>(x.b, i)); })},
      {"_mm512_cvtneps_pbh", cvtneps(16)},
      {"_mm_cvtneps_pbh",
       each<uint16_t>(8,
                      [](const Operands& x, int i) { return i < 4 ? bf16_of(lane<uint32_t>(x.a, i)) : uint16_t{0}; })},
      {"_mm512_cvtne2ps_pbh", each<uint16_t>(32,
                                             [](const Operands& x, int i) {
                                               return bf16_of(i < 16 ? lane<uint32_t>(x.b, i)
                                                                     : lane<uint32_t>(x.a, i - 16));
                                             })},
      {"_mm512_dpbf16_ps",
       each<uint32_t>(16,
                      [](const Operands& x, int i) {
                        const auto upper = [i](const Operand& pairs) { return lane<uint32_t>(pairs, i) & 0xffff0000u; };
                        const auto lower = [i](const Operand& pairs) { return lane<uint32_t>(pairs, i) << 16; };
                        return fma_of_bf16(lower(x.b), lower(x.c),
                                           fma_of_bf16(upper(x.b), upper(x.c), lane<uint32_t>(x.a, i)));
                      })},
  };
  return all;
}

// Differences are said with the operands of the first one.
void expect_same(const Intrinsic& emulated, const Operands& x, const Operand& expected, const Operand& actual,
                 bool nans_are_alike) {
  for (int i = 0; i < 16; ++i) {
    const auto want = lane<uint32_t>(expected, i), got = lane<uint32_t>(actual, i);
    if (want == got || (nans_are_alike && is_nan(want) && is_nan(got))) continue;
    std::ostringstream words;
    words << std::hex << emulated.name << ", 32 bits at " << i << ": " << got << ", not " << want << ", of";
    for (const Operand* operand : {&x.a, &x.b, &x.c}) {
      words << "\n ";
      for (int j = 0; j < 16; ++j) words << ' ' << lane<uint32_t>(*operand, j);
    }
    FAIL() << words.str() << "\n  mask " << x.mask;
  }
}

TEST(EmulatedIntrinsics, OursGiveTheBitsOfTheirModels) {
  if (!cpu::supports(cpu::Isa::avx512)) GTEST_SKIP() << "this processor lacks AVX2, which the emulation wants";
  size_t compared = 0;
  for (const Intrinsic& emulated : emulated_intrinsics()) {
    const auto model = models().find(emulated.name);
    if (model == models().end()) continue;
    ++compared;
    Random random(1, emulated.name);
    for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
      Operands x;
      fill(x, random);
      Operand expected{}, actual{};
      model->second(x, expected);
      emulated.call(x, actual);
      expect_same(emulated, x, expected, actual, false);
    }
  }
  EXPECT_EQ(compared, models().size()) << "a model has no intrinsic of its name";
}

TEST(EmulatedIntrinsics, AllGiveTheBitsOfTheInstructions) {
  if (!__real__ZN5hadal3cpu8supportsENS0_3IsaE(cpu::Isa::avx512)) {
    GTEST_SKIP() << "this processor lacks AVX-512, so its instructions were not compared with their emulation";
  }
  const auto hardware = hardware_intrinsics();
  const auto emulated = emulated_intrinsics();
  ASSERT_EQ(hardware.size(), emulated.size());
  for (size_t i = 0; i < hardware.size(); ++i) {
    ASSERT_STREQ(hardware[i].name, emulated[i].name);
    Random random(2, hardware[i].name);
    for (int round = 0; round < kRounds && !HasFatalFailure(); ++round) {
      Operands x;
      fill(x, random);
      Operand expected{}, actual{};
      hardware[i].call(x, expected);
      emulated[i].call(x, actual);
      // Which NaN of two an addition takes depends on the order that the compiler gives them.
      expect_same(emulated[i], x, expected, actual, true);
    }
  }
}

TEST(EmulatedIntrinsics, TheDotProductHeedsAndChangesNoMxcsr) {
  if (!cpu::supports(cpu::Isa::avx512)) GTEST_SKIP() << "this processor lacks AVX2, which the emulation wants";
  const auto dot = std::ranges::find(emulated_intrinsics(), std::string("_mm512_dpbf16_ps"), &Intrinsic::name);
  Operands x{};
  for (int i = 0; i < 16; ++i) {
    set_lane(x.a, i, 1.0f);
    set_lane(x.b, i, 0x33803f80u);  // 2^-24 + 1 in bf16, so that both sums round.
    set_lane(x.c, i, 0x3f803f81u);
  }
  Operand nearest{}, upward{};
  dot->call(x, nearest);
  const uint32_t before = _mm_getcsr();
  const uint32_t rounding_up = (before & ~0x603fu) | 0x4000u;
  _mm_setcsr(rounding_up);
  dot->call(x, upward);
  const uint32_t after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after, rounding_up);
  EXPECT_EQ(std::memcmp(nearest.bytes, upward.bytes, sizeof nearest.bytes), 0);
}

TEST(EmulatedIntrinsics, EveryOneOfTheKernelsIsInTheTable) {
  const std::regex call(R"(\b_mm(512_\w+|(256)?_(maskz?_\w+|\w+_mask|\w+_pbh|cvtepi16_epi8))\b)");
  std::set<std::string> used, compared;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(HADAL_CPU_SOURCES)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::sregex_iterator i(text.begin(), text.end(), call); i != std::sregex_iterator(); ++i)
      used.insert(i->str());
  }
  for (const Intrinsic& one : emulated_intrinsics())
    compared.insert(std::string(one.name, std::strcspn(one.name, " ")));
  EXPECT_EQ(used, compared);
}

}  // namespace
}  // namespace hadal::tests
