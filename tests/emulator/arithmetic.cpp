// Integer, floating and logical instructions, comparisons and moves.

#include <bit>
#include <cfloat>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "conversions.h"
#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

bool IsSigned(Type type) {
  return type == Type::kS8 || type == Type::kS16 || type == Type::kS32 || type == Type::kS64;
}
bool IsFloating(Type type) {
  return type == Type::kF32 || type == Type::kF64 || type == Type::kF16 || type == Type::kF16x2 ||
         type == Type::kBf16 || type == Type::kBf16x2;
}
bool IsHalf(Type type) {
  return type == Type::kF16 || type == Type::kBf16 || type == Type::kF16x2 || type == Type::kBf16x2;
}

// Sets the sources a, b, c from the operands 1, 2, 3 and the target d from operand 0.
void Operands(Decoder& decoder, Op& op, Type type, size_t sources, int target_bytes = 0) {
  if (decoder.operand_count() != sources + 1) {
    decoder.Fail("must have " + std::to_string(sources + 1) + " operands");
  }
  op.d = decoder.Target(0, target_bytes ? target_bytes : ptx::SizeOf(type));
  if (op.d == kNoRef) decoder.Fail("a target is missing");
  op.a = decoder.Source(1, type);
  if (sources > 1) op.b = decoder.Source(2, type);
  if (sources > 2) op.c = decoder.Source(3, type);
}

// --- integers
// A handler for a binary function of unsigned and signed integers of each size.
template <auto F>
Handler Integer2(Type type) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return Map2<uint16_t, uint16_t, uint16_t, F>;
    case Type::kB32:
    case Type::kU32:
      return Map2<uint32_t, uint32_t, uint32_t, F>;
    case Type::kB64:
    case Type::kU64:
      return Map2<uint64_t, uint64_t, uint64_t, F>;
    case Type::kS16:
      return Map2<int16_t, int16_t, int16_t, F>;
    case Type::kS32:
      return Map2<int32_t, int32_t, int32_t, F>;
    case Type::kS64:
      return Map2<int64_t, int64_t, int64_t, F>;
    default:
      return nullptr;
  }
}
template <auto F>
Handler Integer1(Type type) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return Map1<uint16_t, uint16_t, F>;
    case Type::kB32:
    case Type::kU32:
      return Map1<uint32_t, uint32_t, F>;
    case Type::kB64:
    case Type::kU64:
      return Map1<uint64_t, uint64_t, F>;
    case Type::kS16:
      return Map1<int16_t, int16_t, F>;
    case Type::kS32:
      return Map1<int32_t, int32_t, F>;
    case Type::kS64:
      return Map1<int64_t, int64_t, F>;
    default:
      return nullptr;
  }
}
template <auto F>
Handler Integer3(Type type) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return Map3<uint16_t, uint16_t, uint16_t, uint16_t, F>;
    case Type::kB32:
    case Type::kU32:
      return Map3<uint32_t, uint32_t, uint32_t, uint32_t, F>;
    case Type::kB64:
    case Type::kU64:
      return Map3<uint64_t, uint64_t, uint64_t, uint64_t, F>;
    case Type::kS16:
      return Map3<int16_t, int16_t, int16_t, int16_t, F>;
    case Type::kS32:
      return Map3<int32_t, int32_t, int32_t, int32_t, F>;
    case Type::kS64:
      return Map3<int64_t, int64_t, int64_t, int64_t, F>;
    default:
      return nullptr;
  }
}

template <typename T>
using Unsigned = std::make_unsigned_t<T>;
template <typename T>
using Twice =
    std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                          std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

// Wraps around; unsigned arithmetic so that nothing overflows. Promotion of 16 bits is to 32 unsigned ones.
template <typename T>
auto Raw(T x) {
  return static_cast<std::conditional_t<(sizeof(T) < 4), uint32_t, Unsigned<T>>>(x);
}

constexpr auto kAdd = []<typename T>(T a, T b) { return static_cast<T>(Raw(a) + Raw(b)); };
constexpr auto kSub = []<typename T>(T a, T b) { return static_cast<T>(Raw(a) - Raw(b)); };
constexpr auto kMulLo = []<typename T>(T a, T b) { return static_cast<T>(Raw(a) * Raw(b)); };
constexpr auto kMulHi = []<typename T>(T a, T b) {
  return static_cast<T>(static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b) >> (8 * sizeof(T)));
};
constexpr auto kMadLo = []<typename T>(T a, T b, T c) { return kAdd(kMulLo(a, b), c); };
constexpr auto kMadHi = []<typename T>(T a, T b, T c) { return kAdd(kMulHi(a, b), c); };
// Division by zero gives all ones, as the card does; the least negative number by −1 wraps.
constexpr auto kDiv = []<typename T>(T a, T b) {
  if (b == 0) return static_cast<T>(~T{0});
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(0 - Raw(a));
  }
  return static_cast<T>(a / b);
};
constexpr auto kRem = []<typename T>(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return T{0};
  }
  return static_cast<T>(a % b);
};
constexpr auto kMin = []<typename T>(T a, T b) { return a < b ? a : b; };
constexpr auto kMax = []<typename T>(T a, T b) { return a > b ? a : b; };
constexpr auto kAnd = []<typename T>(T a, T b) { return static_cast<T>(a & b); };
constexpr auto kOr = []<typename T>(T a, T b) { return static_cast<T>(a | b); };
constexpr auto kXor = []<typename T>(T a, T b) { return static_cast<T>(a ^ b); };
constexpr auto kNot = []<typename T>(T a) { return static_cast<T>(~a); };
constexpr auto kCnot = []<typename T>(T a) { return static_cast<T>(a == 0); };
constexpr auto kNeg = []<typename T>(T a) { return static_cast<T>(0 - Raw(a)); };
constexpr auto kAbs = []<typename T>(T a) { return a < 0 ? static_cast<T>(0 - Raw(a)) : a; };
constexpr auto kSame = []<typename T>(T a) { return a; };
constexpr auto kAddSat = []<typename T>(T a, T b) {
  const int64_t sum = int64_t{a} + b;
  return static_cast<T>(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
};
constexpr auto kSubSat = []<typename T>(T a, T b) {
  const int64_t sum = int64_t{a} - b;
  return static_cast<T>(sum > INT32_MAX ? INT32_MAX : sum < INT32_MIN ? INT32_MIN : sum);
};

// Shift amounts are 32-bit and clamped at the width.
constexpr auto kShl = []<typename T>(T a, uint32_t n) {
  return n >= 8 * sizeof(T) ? T{0} : static_cast<T>(Raw(a) << n);
};
constexpr auto kShr = []<typename T>(T a, uint32_t n) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(a >> (n >= kBits ? kBits - 1 : n));
  } else {
    return n >= kBits ? T{0} : static_cast<T>(a >> n);
  }
};
template <auto F>
Handler Shift(Type type) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return Map2<uint16_t, uint16_t, uint32_t, F>;
    case Type::kB32:
    case Type::kU32:
      return Map2<uint32_t, uint32_t, uint32_t, F>;
    case Type::kB64:
    case Type::kU64:
      return Map2<uint64_t, uint64_t, uint32_t, F>;
    case Type::kS16:
      return Map2<int16_t, int16_t, uint32_t, F>;
    case Type::kS32:
      return Map2<int32_t, int32_t, uint32_t, F>;
    case Type::kS64:
      return Map2<int64_t, int64_t, uint32_t, F>;
    default:
      return nullptr;
  }
}

constexpr auto kFunnelLeftClamp = [](uint32_t low, uint32_t high, uint32_t n) {
  n = n > 32 ? 32 : n;
  return static_cast<uint32_t>((uint64_t{high} << 32 | low) << n >> 32);
};
constexpr auto kFunnelLeftWrap = [](uint32_t low, uint32_t high, uint32_t n) {
  return static_cast<uint32_t>((uint64_t{high} << 32 | low) << (n & 31) >> 32);
};
constexpr auto kFunnelRightClamp = [](uint32_t low, uint32_t high, uint32_t n) {
  return static_cast<uint32_t>((uint64_t{high} << 32 | low) >> (n > 32 ? 32 : n));
};
constexpr auto kFunnelRightWrap = [](uint32_t low, uint32_t high, uint32_t n) {
  return static_cast<uint32_t>((uint64_t{high} << 32 | low) >> (n & 31));
};

constexpr auto kPopc = []<typename T>(T a) { return static_cast<uint32_t>(std::popcount(a)); };
constexpr auto kClz = []<typename T>(T a) { return static_cast<uint32_t>(std::countl_zero(a)); };
constexpr auto kBrev = []<typename T>(T a) {
  T reversed = 0;
  for (size_t i = 0; i < 8 * sizeof(T); ++i) reversed = static_cast<T>(reversed << 1 | (a >> i & 1));
  return reversed;
};
// Position of the highest bit that isn't the sign's; all ones when there is none.
constexpr auto kBfind = []<typename T>(T a) {
  Unsigned<T> bits = static_cast<Unsigned<T>>(a);
  if constexpr (std::is_signed_v<T>) {
    if (a < 0) bits = static_cast<Unsigned<T>>(~bits);
  }
  return bits == 0 ? ~0u : static_cast<uint32_t>(8 * sizeof(T) - 1) - static_cast<uint32_t>(std::countl_zero(bits));
};

// The field of `length` bits at `position`, both of 8 bits.
template <typename T>
T BitFieldExtract(T a, uint32_t position, uint32_t length) {
  constexpr uint32_t kBits = 8 * sizeof(T);
  position &= 255;
  length &= 255;
  T sign = 0;
  if constexpr (std::is_signed_v<T>) {
    if (length) {
      const uint32_t at = position + length - 1 < kBits - 1 ? position + length - 1 : kBits - 1;
      sign = a >> at & 1;
    }
  }
  Unsigned<T> result = 0;
  for (uint32_t i = 0; i < kBits; ++i) {
    const bool bit = i < length && position + i < kBits ? a >> (position + i) & 1 : sign;
    result |= static_cast<Unsigned<T>>(bit) << i;
  }
  return static_cast<T>(result);
}
template <typename T>
Next BitFieldInsert(Warp& warp, const Op& op, uint32_t mask) {
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b);
  const uint32_t *position = warp.In<uint32_t>(op.c), *length = warp.In<uint32_t>(op.e);
  alignas(64) T values[32];
  for (int i = 0; i < 32; ++i) {
    const uint32_t p = position[i] & 255, n = length[i] & 255;
    const T ones = n >= 8 * sizeof(T) ? ~T{0} : static_cast<T>((T{1} << n) - 1);
    const T field = p >= 8 * sizeof(T) ? T{0} : static_cast<T>(ones << p);
    const T moved = p >= 8 * sizeof(T) ? T{0} : static_cast<T>(a[i] << p);
    values[i] = (b[i] & ~field) | (moved & field);
  }
  Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

// The special modes of prmt as selectors of its general one, by the two low bits of their own.
struct PermuteMode {
  const char* name;
  uint16_t selectors[4];
};
constexpr PermuteMode kPermuteModes[] = {
    {"f4e", {0x3210, 0x4321, 0x5432, 0x6543}}, {"b4e", {0x5670, 0x6701, 0x7012, 0x0123}},
    {"rc8", {0x0000, 0x1111, 0x2222, 0x3333}}, {"ecl", {0x3210, 0x3211, 0x3222, 0x3333}},
    {"ecr", {0x0000, 0x1110, 0x2210, 0x3210}}, {"rc16", {0x1010, 0x3232, 0x1010, 0x3232}}};

Next Permute(Warp& warp, const Op& op, uint32_t mask) {
  const uint32_t *a = warp.In<uint32_t>(op.a), *b = warp.In<uint32_t>(op.b), *c = warp.In<uint32_t>(op.c);
  alignas(64) uint32_t values[32];
  const auto* mode = static_cast<const PermuteMode*>(op.extra);
  for (int i = 0; i < 32; ++i) {
    const uint64_t bytes = uint64_t{b[i]} << 32 | a[i];
    const uint32_t selectors = mode ? mode->selectors[c[i] & 3] : c[i];
    uint32_t result = 0;
    for (int j = 0; j < 4; ++j) {
      const uint32_t selector = selectors >> (4 * j) & 15;
      uint32_t byte = static_cast<uint32_t>(bytes >> (8 * (selector & 7))) & 255;
      if (selector & 8) byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * j);
    }
    values[i] = result;
  }
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

Next Logic3(Warp& warp, const Op& op, uint32_t mask) {
  const uint32_t *a = warp.In<uint32_t>(op.a), *b = warp.In<uint32_t>(op.b), *c = warp.In<uint32_t>(op.c);
  alignas(64) uint32_t values[32];
  uint32_t terms[8];
  for (int t = 0; t < 8; ++t) terms[t] = op.imm >> t & 1 ? ~0u : 0;
  for (int i = 0; i < 32; ++i) {
    uint32_t result = 0;
    for (int t = 0; t < 8; ++t)
      result |= terms[t] & (t & 4 ? a[i] : ~a[i]) & (t & 2 ? b[i] : ~b[i]) & (t & 1 ? c[i] : ~c[i]);
    values[i] = result;
  }
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

// dp4a: four products of bytes, and c.
// Additions that take a carry (flag 1) or leave one (flag 2); of subtractions it is the borrow.
enum class Chain { kSum, kDifference, kProductLow, kProductHigh };

template <typename T, Chain kChain>
Next CarryChain(Warp& warp, const Op& op, uint32_t mask) {
  using U = std::make_unsigned_t<T>;
  using Wide = std::conditional_t<sizeof(T) == 4, uint64_t, unsigned __int128>;
  using Product = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
  constexpr bool kMultiply = kChain == Chain::kProductLow || kChain == Chain::kProductHigh;
  constexpr int kBits = sizeof(T) * 8;
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b);
  const T* addend = kMultiply ? warp.In<T>(op.c) : b;
  U values[32];
  uint32_t carries = 0;
  for (int i = 0; i < 32; ++i) {
    const Wide in = op.flags & 1 ? warp.carry >> i & 1 : 0;
    U first = static_cast<U>(a[i]);
    if (kMultiply) first = static_cast<U>(Product{a[i]} * Product{b[i]} >> (kChain == Chain::kProductHigh ? kBits : 0));
    const Wide second = static_cast<U>(addend[i]);
    const Wide sum = kChain == Chain::kDifference ? first - second - in : first + second + in;
    values[i] = static_cast<U>(sum);
    carries |= static_cast<uint32_t>(sum >> kBits & 1) << i;
  }
  if (op.flags & 2) warp.carry = (warp.carry & ~mask) | (carries & mask);
  Blend(warp.Out<U>(op.d), values, mask);
  return Next::kNext;
}

template <Chain kChain>
Handler CarryChainOf(Type type) {
  switch (type) {
    case Type::kS32:
      return CarryChain<int32_t, kChain>;
    case Type::kU32:
      return CarryChain<uint32_t, kChain>;
    case Type::kS64:
      return CarryChain<int64_t, kChain>;
    case Type::kU64:
      return CarryChain<uint64_t, kChain>;
    default:
      return nullptr;
  }
}

template <bool kSignedA, bool kSignedB>
Next DotProduct4(Warp& warp, const Op& op, uint32_t mask) {
  const uint32_t *a = warp.In<uint32_t>(op.a), *b = warp.In<uint32_t>(op.b), *c = warp.In<uint32_t>(op.c);
  alignas(64) uint32_t values[32];
  for (int i = 0; i < 32; ++i) {
    uint32_t sum = c[i];
    for (int j = 0; j < 4; ++j) {
      const auto byte = [j](uint32_t x, bool is_signed) {
        const auto bits = static_cast<uint8_t>(x >> (8 * j));
        return is_signed ? int32_t{static_cast<int8_t>(bits)} : int32_t{bits};
      };
      sum += static_cast<uint32_t>(byte(a[i], kSignedA) * byte(b[i], kSignedB));
    }
    values[i] = sum;
  }
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

// --- predicates as masks
template <auto F>
Next PredicateLogic(Warp& warp, const Op& op, uint32_t mask) {
  const uint32_t a = warp.PredicateOf(op.a), b = op.b == kNoRef ? 0 : warp.PredicateOf(op.b);
  SetPredicate(warp, op.d, F(a, b), mask);
  return Next::kNext;
}

// --- floating point
template <bool kFtz>
float Flush(float x) {
  if constexpr (!kFtz) return x;
  return std::fabs(x) < FLT_MIN ? std::copysign(0.0f, x) : x;
}
// Results that are NaN are the canonical one.
float Canonical(float x) {
  return x == x ? x : std::bit_cast<float>(0x7FFFFFFFu);
}
double Canonical(double x) {
  return x == x ? x : std::bit_cast<double>(0x7FFFFFFFFFFFFFFFu);
}

template <bool kFtz>
constexpr auto kAddF = [](float a, float b) { return Flush<kFtz>(Canonical(Flush<kFtz>(a) + Flush<kFtz>(b))); };
template <bool kFtz>
constexpr auto kSubF = [](float a, float b) { return Flush<kFtz>(Canonical(Flush<kFtz>(a) - Flush<kFtz>(b))); };
template <bool kFtz>
constexpr auto kMulF = [](float a, float b) { return Flush<kFtz>(Canonical(Flush<kFtz>(a) * Flush<kFtz>(b))); };
template <bool kFtz>
constexpr auto kFmaF = [](float a, float b, float c) {
  return Flush<kFtz>(Canonical(std::fma(Flush<kFtz>(a), Flush<kFtz>(b), Flush<kFtz>(c))));
};
// −0 is less than +0; one NaN gives the other operand.
template <bool kFtz, bool kMaximum>
constexpr auto kMinMaxF = [](float x, float y) {
  const float a = Flush<kFtz>(x), b = Flush<kFtz>(y);
  const bool a_is_less = a < b || (a == b && std::signbit(a));
  const float chosen = a_is_less == kMaximum ? b : a;
  return a != a ? Canonical(b) : b != b ? a : chosen;
};
constexpr auto kAddD = [](double a, double b) { return Canonical(a + b); };
constexpr auto kSubD = [](double a, double b) { return Canonical(a - b); };
constexpr auto kMulD = [](double a, double b) { return Canonical(a * b); };
constexpr auto kFmaD = [](double a, double b, double c) { return Canonical(std::fma(a, b, c)); };
constexpr auto kDivF = [](float a, float b) { return Canonical(a / b); };
constexpr auto kDivD = [](double a, double b) { return Canonical(a / b); };

// The rare forms go by a function of a lane with modifiers.
struct Form {
  Modifiers modifiers;
  MinMaxModifiers minmax;
  FloatType type = FloatType::kF32;
};
const Form& FormOf(const Op& op) {
  return *static_cast<const Form*>(op.extra);
}
template <typename D, typename T, auto F>
Next Slow1(Warp& warp, const Op& op, uint32_t mask) {
  const T* a = warp.In<T>(op.a);
  D* d = warp.Out<D>(op.d);
  ForLanes(mask, [&](int i) { d[i] = F(FormOf(op), a[i]); });
  return Next::kNext;
}
template <typename T, auto F>
Next Slow2(Warp& warp, const Op& op, uint32_t mask) {
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b);
  T* d = warp.Out<T>(op.d);
  ForLanes(mask, [&](int i) { d[i] = F(FormOf(op), a[i], b[i]); });
  return Next::kNext;
}
template <typename T, auto F>
Next Slow3(Warp& warp, const Op& op, uint32_t mask) {
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b), *c = warp.In<T>(op.c);
  T* d = warp.Out<T>(op.d);
  ForLanes(mask, [&](int i) { d[i] = F(FormOf(op), a[i], b[i], c[i]); });
  return Next::kNext;
}

Modifiers TakeModifiers(Decoder& decoder) {
  Modifiers modifiers;
  const auto rounding = decoder.TakeOneOf({"rn", "rz", "rm", "rp"});
  modifiers.rounding = rounding == "rz"   ? Rounding::kZero
                       : rounding == "rm" ? Rounding::kDown
                       : rounding == "rp" ? Rounding::kUp
                                          : Rounding::kNearest;
  modifiers.ftz = decoder.Take("ftz");
  modifiers.sat = decoder.Take("sat");
  modifiers.relu = decoder.Take("relu");
  return modifiers;
}

FloatType HalfType(Type type) {
  return type == Type::kBf16 || type == Type::kBf16x2 ? FloatType::kBF16 : FloatType::kF16;
}

template <auto F>
Handler HalfBinary(Type type) {
  if (type == Type::kF16 || type == Type::kBf16) {
    return Slow2<uint16_t, [](const Form& form, uint16_t a, uint16_t b) { return F(form, a, b); }>;
  }
  return Slow2<uint32_t, [](const Form& form, uint32_t a, uint32_t b) {
    return OnPair([&](uint16_t x, uint16_t y) { return F(form, x, y); }, a, b);
  }>;
}
template <auto F>
Handler HalfUnary(Type type) {
  if (type == Type::kF16 || type == Type::kBf16) {
    return Slow1<uint16_t, uint16_t, [](const Form& form, uint16_t a) { return F(form, a); }>;
  }
  return Slow1<uint32_t, uint32_t,
               [](const Form& form, uint32_t a) { return OnPair([&](uint16_t x) { return F(form, x); }, a); }>;
}
template <auto F>
Handler HalfTernary(Type type) {
  if (type == Type::kF16 || type == Type::kBf16) {
    return Slow3<uint16_t, [](const Form& form, uint16_t a, uint16_t b, uint16_t c) { return F(form, a, b, c); }>;
  }
  return Slow3<uint32_t, [](const Form& form, uint32_t a, uint32_t b, uint32_t c) {
    return OnPair([&](uint16_t x, uint16_t y, uint16_t z) { return F(form, x, y, z); }, a, b, c);
  }>;
}

// Products of bf16 pairs are exact in f32: rounded once.
constexpr auto kMulBf16x2 = [](uint32_t a, uint32_t b) {
  const float low = std::bit_cast<float>(a << 16) * std::bit_cast<float>(b << 16);
  const float high = std::bit_cast<float>(a & 0xFFFF0000u) * std::bit_cast<float>(b & 0xFFFF0000u);
  const auto round = [](float x) -> uint32_t {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    return x == x ? (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 : 0x7FFFu;
  };
  return round(low) | round(high) << 16;
};

// add, sub, mul, fma of floating types.
void FloatingArithmetic(Decoder& decoder, Op& op, Type type) {
  const std::string& name = decoder.instruction().parts[0];
  const bool ternary = name == "fma" || name == "mad";
  const Modifiers modifiers = TakeModifiers(decoder);
  Operands(decoder, op, type, ternary ? 3 : 2);
  const Form* form = decoder.Extra(Form{modifiers, {}, HalfType(type)});
  op.extra = form;
  const bool plain = modifiers.rounding == Rounding::kNearest && !modifiers.sat && !modifiers.relu;
  if (type == Type::kF32) {
    using F = float;
    const bool ftz = modifiers.ftz;
    if (!plain) {
      op.run = name == "add"   ? Slow2<F, [](const Form& f, F a, F b) { return AddFloat(a, b, f.modifiers); }>
               : name == "sub" ? Slow2<F, [](const Form& f, F a, F b) { return SubFloat(a, b, f.modifiers); }>
               : name == "mul" ? Slow2<F, [](const Form& f, F a, F b) { return MulFloat(a, b, f.modifiers); }>
                               : Slow3<F, [](const Form& f, F a, F b, F c) { return FmaFloat(a, b, c, f.modifiers); }>;
    } else if (name == "add") {
      op.run = ftz ? Map2<F, F, F, kAddF<true>> : Map2<F, F, F, kAddF<false>>;
    } else if (name == "sub") {
      op.run = ftz ? Map2<F, F, F, kSubF<true>> : Map2<F, F, F, kSubF<false>>;
    } else if (name == "mul") {
      op.run = ftz ? Map2<F, F, F, kMulF<true>> : Map2<F, F, F, kMulF<false>>;
    } else {
      op.run = ftz ? Map3<F, F, F, F, kFmaF<true>> : Map3<F, F, F, F, kFmaF<false>>;
    }
  } else if (type == Type::kF64) {
    using F = double;
    if (!plain) {
      op.run = name == "add"   ? Slow2<F, [](const Form& f, F a, F b) { return AddDouble(a, b, f.modifiers.rounding); }>
               : name == "sub" ? Slow2<F, [](const Form& f, F a, F b) { return SubDouble(a, b, f.modifiers.rounding); }>
               : name == "mul"
                   ? Slow2<F, [](const Form& f, F a, F b) { return MulDouble(a, b, f.modifiers.rounding); }>
                   : Slow3<F, [](const Form& f, F a, F b, F c) { return FmaDouble(a, b, c, f.modifiers.rounding); }>;
    } else {
      op.run = name == "add"   ? Map2<F, F, F, kAddD>
               : name == "sub" ? Map2<F, F, F, kSubD>
               : name == "mul" ? Map2<F, F, F, kMulD>
                               : Map3<F, F, F, F, kFmaD>;
    }
  } else if (name == "mul" && type == Type::kBf16x2 && plain && !modifiers.ftz) {
    op.run = Map2<uint32_t, uint32_t, uint32_t, kMulBf16x2>;
  } else if (name == "add") {
    op.run = HalfBinary<[](const Form& f, uint16_t a, uint16_t b) { return AddHalf(f.type, a, b, f.modifiers); }>(type);
  } else if (name == "sub") {
    op.run = HalfBinary<[](const Form& f, uint16_t a, uint16_t b) { return SubHalf(f.type, a, b, f.modifiers); }>(type);
  } else if (name == "mul") {
    op.run = HalfBinary<[](const Form& f, uint16_t a, uint16_t b) { return MulHalf(f.type, a, b, f.modifiers); }>(type);
  } else {
    op.run = HalfTernary<[](const Form& f, uint16_t a, uint16_t b, uint16_t c) {
      return FmaHalf(f.type, a, b, c, f.modifiers);
    }>(type);
  }
}

void FloatingMinMax(Decoder& decoder, Op& op, Type type) {
  const bool maximum = decoder.instruction().parts[0] == "max";
  MinMaxModifiers modifiers;
  modifiers.ftz = decoder.Take("ftz");
  modifiers.nan = decoder.Take("NaN");
  if (decoder.Take("xorsign")) {
    if (!decoder.Take("abs")) decoder.Fail(".xorsign without .abs");
    modifiers.xorsign_abs = true;
  }
  Operands(decoder, op, type, 2);
  op.extra = decoder.Extra(Form{{}, modifiers, HalfType(type)});
  if (type == Type::kF32) {
    using F = float;
    if (modifiers.nan || modifiers.xorsign_abs) {
      op.run = maximum ? Slow2<F, [](const Form& f, F a, F b) { return MaxFloat(a, b, f.minmax); }>
                       : Slow2<F, [](const Form& f, F a, F b) { return MinFloat(a, b, f.minmax); }>;
    } else if (modifiers.ftz) {
      op.run = maximum ? Map2<F, F, F, kMinMaxF<true, true>> : Map2<F, F, F, kMinMaxF<true, false>>;
    } else {
      op.run = maximum ? Map2<F, F, F, kMinMaxF<false, true>> : Map2<F, F, F, kMinMaxF<false, false>>;
    }
  } else if (type == Type::kF64) {
    using F = double;
    op.run = maximum ? Slow2<F, [](const Form&, F a, F b) { return MaxDouble(a, b); }>
                     : Slow2<F, [](const Form&, F a, F b) { return MinDouble(a, b); }>;
  } else {
    op.run =
        maximum
            ? HalfBinary<[](const Form& f, uint16_t a, uint16_t b) { return MaxHalf(f.type, a, b, f.minmax); }>(type)
            : HalfBinary<[](const Form& f, uint16_t a, uint16_t b) { return MinHalf(f.type, a, b, f.minmax); }>(type);
  }
}

void FloatingDivide(Decoder& decoder, Op& op, Type type) {
  const bool approx = decoder.Take("approx"), full = decoder.Take("full");
  const Modifiers modifiers = TakeModifiers(decoder);
  Operands(decoder, op, type, 2);
  op.extra = decoder.Extra(Form{modifiers, {}, {}});
  if (type == Type::kF64) {
    using F = double;
    op.run = Slow2<F, [](const Form& f, F a, F b) { return DivDouble(a, b, f.modifiers.rounding); }>;
  } else if (type == Type::kF32) {
    using F = float;
    if (approx) {
      op.run = Slow2<F, [](const Form& f, F a, F b) { return DivApprox(a, b, f.modifiers.ftz); }>;
    } else if (full) {
      op.run = Slow2<F, [](const Form& f, F a, F b) { return DivFull(a, b, f.modifiers.ftz); }>;
    } else if (modifiers.rounding == Rounding::kNearest && !modifiers.ftz) {
      op.run = Map2<F, F, F, kDivF>;
    } else {
      op.run = Slow2<F, [](const Form& f, F a, F b) { return DivFloat(a, b, f.modifiers); }>;
    }
  }
}

// rcp, sqrt, rsqrt, ex2, lg2, sin, cos, tanh.
bool FloatingFunction(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (name != "rcp" && name != "sqrt" && name != "rsqrt" && name != "ex2" && name != "lg2" && name != "sin" &&
      name != "cos" && name != "tanh") {
    return false;
  }
  const bool approx = decoder.Take("approx");
  const Type type = decoder.TakeType();
  const Modifiers modifiers = TakeModifiers(decoder);
  Operands(decoder, op, type, 1);
  op.extra = decoder.Extra(Form{modifiers, {}, HalfType(type)});
  using F = float;
  if (IsHalf(type) && name == "ex2") {
    op.run = HalfUnary<[](const Form& f, uint16_t a) { return Ex2Half(f.type, a, f.modifiers.ftz); }>(type);
  } else if (IsHalf(type) && name == "tanh") {
    op.run = HalfUnary<[](const Form& f, uint16_t a) { return TanhHalf(f.type, a); }>(type);
  } else if (type == Type::kF64) {
    using D = double;
    if (name == "rcp") {
      op.run = approx ? Slow1<D, D, [](const Form&, D a) { return RcpApproxDouble(a); }>
                      : Slow1<D, D, [](const Form& f, D a) { return RcpDouble(a, f.modifiers.rounding); }>;
    } else if (name == "sqrt" && !approx) {
      op.run = Slow1<D, D, [](const Form& f, D a) { return SqrtDouble(a, f.modifiers.rounding); }>;
    } else if (name == "rsqrt") {
      op.run = Slow1<D, D, [](const Form&, D a) { return RsqrtApproxDouble(a); }>;
    }
  } else if (type == Type::kF32) {
    if (name == "rcp") {
      op.run = approx ? Slow1<F, F, [](const Form& f, F a) { return RcpApprox(a, f.modifiers.ftz); }>
                      : Slow1<F, F, [](const Form& f, F a) { return RcpFloat(a, f.modifiers); }>;
    } else if (name == "sqrt") {
      op.run = approx ? Slow1<F, F, [](const Form& f, F a) { return SqrtApprox(a, f.modifiers.ftz); }>
                      : Slow1<F, F, [](const Form& f, F a) { return SqrtFloat(a, f.modifiers); }>;
    } else if (name == "rsqrt") {
      op.run = Slow1<F, F, [](const Form& f, F a) { return RsqrtApprox(a, f.modifiers.ftz); }>;
    } else if (name == "ex2") {
      op.run = Slow1<F, F, [](const Form& f, F a) { return Ex2Approx(a, f.modifiers.ftz); }>;
    } else if (name == "lg2") {
      op.run = Slow1<F, F, [](const Form& f, F a) { return Lg2Approx(a, f.modifiers.ftz); }>;
    } else if (name == "sin") {
      op.run = Slow1<F, F, [](const Form& f, F a) { return SinApprox(a, f.modifiers.ftz); }>;
    } else if (name == "cos") {
      op.run = Slow1<F, F, [](const Form& f, F a) { return CosApprox(a, f.modifiers.ftz); }>;
    } else if (name == "tanh") {
      op.run = Slow1<F, F, [](const Form&, F a) { return TanhApprox(a); }>;
    }
  }
  return true;
}

void FloatingSign(Decoder& decoder, Op& op, Type type) {
  const bool absolute = decoder.instruction().parts[0] == "abs";
  const bool ftz = decoder.Take("ftz");
  Operands(decoder, op, type, 1);
  op.extra = decoder.Extra(Form{{}, {}, HalfType(type)});
  using F = float;
  using D = double;
  if (type == Type::kF32) {
    if (absolute) {
      op.run = ftz ? Map1<F, F, [](F a) { return std::fabs(Flush<true>(a)); }>
                   : Map1<F, F, [](F a) { return std::fabs(a); }>;
    } else {
      op.run = ftz ? Map1<F, F, [](F a) { return -Flush<true>(a); }> : Map1<F, F, [](F a) { return -a; }>;
    }
  } else if (type == Type::kF64) {
    op.run = absolute ? Map1<D, D, [](D a) { return std::fabs(a); }> : Map1<D, D, [](D a) { return -a; }>;
  } else if (absolute) {
    op.run = HalfUnary<[](const Form& f, uint16_t a) { return AbsHalf(f.type, a); }>(type);
  } else {
    op.run = HalfUnary<[](const Form& f, uint16_t a) { return NegHalf(f.type, a); }>(type);
  }
}

// --- comparisons
enum class Compare : uint8_t { kEq, kNe, kLt, kLe, kGt, kGe, kEqu, kNeu, kLtu, kLeu, kGtu, kGeu, kNum, kNan };
constexpr std::pair<std::string_view, Compare> kCompares[] = {
    {"eq", Compare::kEq},   {"ne", Compare::kNe},   {"lt", Compare::kLt},   {"le", Compare::kLe},
    {"gt", Compare::kGt},   {"ge", Compare::kGe},   {"lo", Compare::kLt},   {"ls", Compare::kLe},
    {"hi", Compare::kGt},   {"hs", Compare::kGe},   {"equ", Compare::kEqu}, {"neu", Compare::kNeu},
    {"ltu", Compare::kLtu}, {"leu", Compare::kLeu}, {"gtu", Compare::kGtu}, {"geu", Compare::kGeu},
    {"num", Compare::kNum}, {"nan", Compare::kNan},
};

template <Compare kCompare, typename T>
bool Compared(T a, T b) {
  switch (kCompare) {
    case Compare::kEq:
      return a == b;
    case Compare::kNe:
      if constexpr (std::is_floating_point_v<T>) return a < b || a > b;
      return a != b;
    case Compare::kLt:
      return a < b;
    case Compare::kLe:
      return a <= b;
    case Compare::kGt:
      return a > b;
    case Compare::kGe:
      return a >= b;
    case Compare::kEqu:
      return !(a < b) & !(a > b);
    case Compare::kNeu:
      return a != b;
    case Compare::kLtu:
      return !(a >= b);
    case Compare::kLeu:
      return !(a > b);
    case Compare::kGtu:
      return !(a <= b);
    case Compare::kGeu:
      return !(a < b);
    case Compare::kNum:
      return a == a && b == b;
    case Compare::kNan:
      return a != a || b != b;
  }
}

// d|d2 = (a ? b) combined with c: flags bits 0–1 no, and, or, xor; bit 2 !c.
template <Compare kCompare, typename T, bool kFtz>
Next SetPredicates(Warp& warp, const Op& op, uint32_t mask) {
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b);
  alignas(64) uint8_t bits[32];
  for (int i = 0; i < 32; ++i) {
    if constexpr (kFtz) {
      bits[i] = Compared<kCompare, T>(Flush<true>(a[i]), Flush<true>(b[i]));
    } else {
      bits[i] = Compared<kCompare, T>(a[i], b[i]);
    }
  }
  uint32_t result = PackBits(bits), other = ~result;
  if (op.flags & 3) {
    const uint32_t c = op.flags & 4 ? ~warp.PredicateOf(op.c) : warp.PredicateOf(op.c);
    const auto combine = [&](uint32_t x) { return (op.flags & 3) == 1 ? x & c : (op.flags & 3) == 2 ? x | c : x ^ c; };
    result = combine(result);
    other = combine(other);
  }
  SetPredicate(warp, op.d, result, mask);
  SetPredicate(warp, op.d2, other, mask);
  return Next::kNext;
}

// Comparisons of 16-bit floating types are of their values in f32.
template <Compare kCompare, bool kBf16>
Next SetHalfPredicates(Warp& warp, const Op& op, uint32_t mask) {
  const uint16_t *a = warp.In<uint16_t>(op.a), *b = warp.In<uint16_t>(op.b);
  const auto value = [](uint16_t x) { return kBf16 ? BFloat16ToFloat(x) : HalfToFloat(x); };
  alignas(64) uint8_t bits[32];
  for (int i = 0; i < 32; ++i) bits[i] = Compared<kCompare, float>(value(a[i]), value(b[i]));
  SetPredicate(warp, op.d, PackBits(bits), mask);
  SetPredicate(warp, op.d2, ~PackBits(bits), mask);
  return Next::kNext;
}

template <Compare kCompare>
Handler CompareHandler(Type type, bool ftz) {
  switch (type) {
    case Type::kB16:
    case Type::kU16:
      return SetPredicates<kCompare, uint16_t, false>;
    case Type::kB32:
    case Type::kU32:
      return SetPredicates<kCompare, uint32_t, false>;
    case Type::kB64:
    case Type::kU64:
      return SetPredicates<kCompare, uint64_t, false>;
    case Type::kS16:
      return SetPredicates<kCompare, int16_t, false>;
    case Type::kS32:
      return SetPredicates<kCompare, int32_t, false>;
    case Type::kS64:
      return SetPredicates<kCompare, int64_t, false>;
    case Type::kF32:
      return ftz ? SetPredicates<kCompare, float, true> : SetPredicates<kCompare, float, false>;
    case Type::kF64:
      return SetPredicates<kCompare, double, false>;
    case Type::kF16:
      return SetHalfPredicates<kCompare, false>;
    case Type::kBf16:
      return SetHalfPredicates<kCompare, true>;
    default:
      return nullptr;
  }
}

Handler CompareHandler(Compare compare, Type type, bool ftz) {
  switch (compare) {
    case Compare::kEq:
      return CompareHandler<Compare::kEq>(type, ftz);
    case Compare::kNe:
      return CompareHandler<Compare::kNe>(type, ftz);
    case Compare::kLt:
      return CompareHandler<Compare::kLt>(type, ftz);
    case Compare::kLe:
      return CompareHandler<Compare::kLe>(type, ftz);
    case Compare::kGt:
      return CompareHandler<Compare::kGt>(type, ftz);
    case Compare::kGe:
      return CompareHandler<Compare::kGe>(type, ftz);
    case Compare::kEqu:
      return CompareHandler<Compare::kEqu>(type, ftz);
    case Compare::kNeu:
      return CompareHandler<Compare::kNeu>(type, ftz);
    case Compare::kLtu:
      return CompareHandler<Compare::kLtu>(type, ftz);
    case Compare::kLeu:
      return CompareHandler<Compare::kLeu>(type, ftz);
    case Compare::kGtu:
      return CompareHandler<Compare::kGtu>(type, ftz);
    case Compare::kGeu:
      return CompareHandler<Compare::kGeu>(type, ftz);
    case Compare::kNum:
      return CompareHandler<Compare::kNum>(type, ftz);
    case Compare::kNan:
      return CompareHandler<Compare::kNan>(type, ftz);
  }
  return nullptr;
}

void DecodeSetp(Decoder& decoder, Op& op) {
  const bool ftz = decoder.Take("ftz");
  const Type type = decoder.TakeType();
  Compare compare = Compare::kEq;
  bool found = false;
  for (const auto& [name, value] : kCompares) {
    if (!found && decoder.Take(name)) {
      compare = value;
      found = true;
    }
  }
  if (!found) decoder.Fail("a comparison is missing");
  const auto combination = decoder.TakeOneOf({"and", "or", "xor"});
  const Operand& target = decoder.operand(0);
  if (target.kind == Operand::Kind::kPair) {
    op.d = decoder.Predicate(target.elements[0]);
    op.d2 = decoder.Predicate(target.elements[1]);
  } else {
    op.d = decoder.Predicate(target);
  }
  op.a = decoder.Source(1, type);
  op.b = decoder.Source(2, type);
  if (!combination.empty()) {
    if (IsHalf(type)) decoder.Fail("a combined comparison of this type is not implemented");
    op.c = decoder.Predicate(decoder.operand(3));
    op.flags = combination == "and" ? 1 : combination == "or" ? 2 : 3;
    if (decoder.operand(3).negated) op.flags |= 4;
  }
  op.run = CompareHandler(compare, type, ftz);
}

template <typename T>
Next Select(Warp& warp, const Op& op, uint32_t mask) {
  const T *a = warp.In<T>(op.a), *b = warp.In<T>(op.b);
  const uint32_t predicate = warp.PredicateOf(op.c);
  alignas(64) T values[32];
  for (int i = 0; i < 32; ++i) values[i] = predicate >> i & 1 ? a[i] : b[i];
  Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

// --- moves
// mov.b64 d, {a, b} and back: `list` holds the parts, of `width` bytes each.
template <typename Whole, typename Part>
Next Join(Warp& warp, const Op& op, uint32_t mask) {
  alignas(64) Whole values[32] = {};
  for (int part = 0; part < op.count; ++part) {
    const Part* a = warp.In<Part>(op.list[part]);
    for (int i = 0; i < 32; ++i) values[i] |= static_cast<Whole>(a[i]) << (8 * sizeof(Part) * part);
  }
  Blend(warp.Out<Whole>(op.d), values, mask);
  return Next::kNext;
}
template <typename Whole, typename Part>
Next Split(Warp& warp, const Op& op, uint32_t mask) {
  alignas(64) Whole values[32];
  const Whole* a = warp.In<Whole>(op.a);
  for (int i = 0; i < 32; ++i) values[i] = a[i];
  for (int part = 0; part < op.count; ++part) {
    if (op.list[part] == kNoRef) continue;
    alignas(64) Part parts[32];
    for (int i = 0; i < 32; ++i) parts[i] = static_cast<Part>(values[i] >> (8 * sizeof(Part) * part));
    Blend(warp.Out<Part>(op.list[part]), parts, mask);
  }
  return Next::kNext;
}

void DecodeVectorMove(Decoder& decoder, Op& op, const Operand& vector, const Operand& scalar, bool join, Type type) {
  op.count = static_cast<uint8_t>(vector.elements.size());
  const int whole = ptx::SizeOf(type);
  if (op.count == 0 || whole % op.count) decoder.Fail("the vector doesn't fit");
  const int part = whole / op.count;
  std::vector<Ref> list;
  for (const Operand& element : vector.elements) {
    list.push_back(join ? decoder.Source(element, part == 4   ? Type::kB32
                                                  : part == 2 ? Type::kB16
                                                              : Type::kB8)
                        : decoder.Target(element, part));
  }
  op.list = decoder.List(std::move(list));
  if (join) {
    op.d = decoder.Target(scalar, whole);
  } else {
    op.a = decoder.Source(scalar, type);
  }
  if (whole == 8 && part == 4) op.run = join ? Join<uint64_t, uint32_t> : Split<uint64_t, uint32_t>;
  if (whole == 8 && part == 2) op.run = join ? Join<uint64_t, uint16_t> : Split<uint64_t, uint16_t>;
  if (whole == 4 && part == 2) op.run = join ? Join<uint32_t, uint16_t> : Split<uint32_t, uint16_t>;
}

void DecodeMove(Decoder& decoder, Op& op) {
  const Type type = decoder.TakeType();
  const Operand &target = decoder.operand(0), &source = decoder.operand(1);
  if (type == Type::kPred) {
    op.d = decoder.Predicate(target);
    op.a = decoder.Predicate(source);
    op.run = PredicateLogic<[](uint32_t a, uint32_t) { return a; }>;
  } else if (source.kind == Operand::Kind::kVector) {
    DecodeVectorMove(decoder, op, source, target, true, type);
  } else if (target.kind == Operand::Kind::kVector) {
    DecodeVectorMove(decoder, op, target, source, false, type);
  } else {
    Operands(decoder, op, type, 1);
    const int size = ptx::SizeOf(type);
    op.run = size == 2   ? Map1<uint16_t, uint16_t, kSame>
             : size == 4 ? Map1<uint32_t, uint32_t, kSame>
             : size == 8 ? Map1<uint64_t, uint64_t, kSame>
                         : nullptr;
  }
}

void DecodeMultiply(Decoder& decoder, Op& op, Type type, bool add) {
  const auto part = decoder.TakeOneOf({"lo", "hi", "wide"});
  if (part.empty()) decoder.Fail(".lo, .hi or .wide is missing");
  if (part != "wide") {
    Operands(decoder, op, type, add ? 3 : 2);
    if (part == "lo") op.run = add ? Integer3<kMadLo>(type) : Integer2<kMulLo>(type);
    if (part == "hi") op.run = add ? Integer3<kMadHi>(type) : Integer2<kMulHi>(type);
    return;
  }
  const Type wide = type == Type::kU16   ? Type::kU32
                    : type == Type::kS16 ? Type::kS32
                    : type == Type::kU32 ? Type::kU64
                    : type == Type::kS32 ? Type::kS64
                                         : Type::kNone;
  if (wide == Type::kNone) decoder.Fail("no such wide product");
  op.d = decoder.Target(0, ptx::SizeOf(wide));
  op.a = decoder.Source(1, type);
  op.b = decoder.Source(2, type);
  if (add) op.c = decoder.Source(3, wide);
  if (op.d == kNoRef) decoder.Fail("a target is missing");
  constexpr auto kWide = []<typename T>(T a, T b) { return static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b); };
  constexpr auto kMadWide = []<typename T, typename C>(T a, T b, C c) {
    return static_cast<C>(Raw(static_cast<C>(static_cast<C>(a) * static_cast<C>(b))) + Raw(c));
  };
  switch (type) {
    case Type::kU16:
      op.run = add ? Map3<uint32_t, uint16_t, uint16_t, uint32_t, kMadWide> : Map2<uint32_t, uint16_t, uint16_t, kWide>;
      break;
    case Type::kS16:
      op.run = add ? Map3<int32_t, int16_t, int16_t, int32_t, kMadWide> : Map2<int32_t, int16_t, int16_t, kWide>;
      break;
    case Type::kU32:
      op.run = add ? Map3<uint64_t, uint32_t, uint32_t, uint64_t, kMadWide> : Map2<uint64_t, uint32_t, uint32_t, kWide>;
      break;
    default:
      op.run = add ? Map3<int64_t, int32_t, int32_t, int64_t, kMadWide> : Map2<int64_t, int32_t, int32_t, kWide>;
  }
}

// and, or, xor, not of predicates.
void DecodePredicateLogic(Decoder& decoder, Op& op, const std::string& name) {
  op.d = decoder.Predicate(decoder.operand(0));
  op.a = decoder.Predicate(decoder.operand(1));
  if (name != "not") op.b = decoder.Predicate(decoder.operand(2));
  op.run = name == "and"   ? PredicateLogic<[](uint32_t a, uint32_t b) { return a & b; }>
           : name == "or"  ? PredicateLogic<[](uint32_t a, uint32_t b) { return a | b; }>
           : name == "xor" ? PredicateLogic<[](uint32_t a, uint32_t b) { return a ^ b; }>
                           : PredicateLogic<[](uint32_t a, uint32_t) { return ~a; }>;
}

}  // namespace

// add.cc, addc, addc.cc and their like of sub and mad.
bool DecodeCarryChain(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  const bool takes = name == "addc" || name == "subc" || name == "madc";
  if (!takes && !((name == "add" || name == "sub" || name == "mad") && decoder.Has("cc"))) return false;
  op.flags = static_cast<uint8_t>((takes ? 1 : 0) | (decoder.Take("cc") ? 2 : 0));
  const bool high = decoder.Take("hi");
  if (name[0] == 'm' && !high && !decoder.Take("lo")) decoder.Fail(".lo or .hi is missing");
  const Type type = decoder.TakeType();
  Operands(decoder, op, type, name[0] == 'm' ? 3 : 2);
  op.run = name[0] == 'a'   ? CarryChainOf<Chain::kSum>(type)
           : name[0] == 's' ? CarryChainOf<Chain::kDifference>(type)
           : high           ? CarryChainOf<Chain::kProductHigh>(type)
                            : CarryChainOf<Chain::kProductLow>(type);
  return true;
}

bool DecodeArithmetic(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  if (FloatingFunction(decoder, op) || DecodeCarryChain(decoder, op)) return true;
  if (name == "mov") {
    DecodeMove(decoder, op);
  } else if (name == "setp") {
    DecodeSetp(decoder, op);
  } else if (name == "selp") {
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, ptx::SizeOf(type));
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, type);
    op.c = decoder.Predicate(decoder.operand(3));
    if (decoder.operand(3).negated) std::swap(op.a, op.b);
    const int size = ptx::SizeOf(type);
    op.run = size == 2 ? Select<uint16_t> : size == 4 ? Select<uint32_t> : size == 8 ? Select<uint64_t> : nullptr;
  } else if (name == "add" || name == "sub") {
    const Type type = decoder.TakeType();
    if (IsFloating(type)) {
      FloatingArithmetic(decoder, op, type);
    } else {
      const bool saturate = decoder.Take("sat"), add = name == "add";
      Operands(decoder, op, type, 2);
      if (saturate) {
        if (type != Type::kS32) decoder.Fail(".sat is for .s32 alone");
        op.run = add ? Map2<int32_t, int32_t, int32_t, kAddSat> : Map2<int32_t, int32_t, int32_t, kSubSat>;
      } else {
        op.run = add ? Integer2<kAdd>(type) : Integer2<kSub>(type);
      }
    }
  } else if (name == "mul" || name == "mad" || name == "fma") {
    const Type type = decoder.TakeType();
    if (IsFloating(type)) {
      FloatingArithmetic(decoder, op, type);
    } else {
      DecodeMultiply(decoder, op, type, name == "mad");
    }
  } else if (name == "div") {
    const Type type = decoder.TakeType();
    if (IsFloating(type)) {
      FloatingDivide(decoder, op, type);
    } else {
      Operands(decoder, op, type, 2);
      op.run = Integer2<kDiv>(type);
    }
  } else if (name == "rem") {
    const Type type = decoder.TakeType();
    Operands(decoder, op, type, 2);
    op.run = Integer2<kRem>(type);
  } else if (name == "min" || name == "max") {
    const Type type = decoder.TakeType();
    if (IsFloating(type)) {
      FloatingMinMax(decoder, op, type);
    } else {
      Operands(decoder, op, type, 2);
      op.run = name == "min" ? Integer2<kMin>(type) : Integer2<kMax>(type);
    }
  } else if (name == "neg" || name == "abs") {
    const Type type = decoder.TakeType();
    if (IsFloating(type)) {
      FloatingSign(decoder, op, type);
    } else {
      if (!IsSigned(type)) decoder.Fail("must be of a signed type");
      Operands(decoder, op, type, 1);
      op.run = name == "neg" ? Integer1<kNeg>(type) : Integer1<kAbs>(type);
    }
  } else if (name == "and" || name == "or" || name == "xor" || name == "not" || name == "cnot") {
    const Type type = decoder.TakeType();
    if (type == Type::kPred) {
      DecodePredicateLogic(decoder, op, name);
    } else {
      const bool unary = name == "not" || name == "cnot";
      Operands(decoder, op, type, unary ? 1 : 2);
      op.run = name == "and"   ? Integer2<kAnd>(type)
               : name == "or"  ? Integer2<kOr>(type)
               : name == "xor" ? Integer2<kXor>(type)
               : name == "not" ? Integer1<kNot>(type)
                               : Integer1<kCnot>(type);
    }
  } else if (name == "shl" || name == "shr") {
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, ptx::SizeOf(type));
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, Type::kU32);
    op.run = name == "shl" ? Shift<kShl>(type) : Shift<kShr>(type);
  } else if (name == "shf") {
    const bool left = decoder.Take("l"), clamp = decoder.Take("clamp");
    if (!left && !decoder.Take("r")) decoder.Fail(".l or .r is missing");
    if (!clamp && !decoder.Take("wrap")) decoder.Fail(".clamp or .wrap is missing");
    Operands(decoder, op, decoder.TakeType(), 3);
    using U = uint32_t;
    op.run = left    ? clamp ? Map3<U, U, U, U, kFunnelLeftClamp> : Map3<U, U, U, U, kFunnelLeftWrap>
                : clamp ? Map3<U, U, U, U, kFunnelRightClamp>
                     : Map3<U, U, U, U, kFunnelRightWrap>;
  } else if (name == "popc" || name == "clz") {
    const Type type = decoder.TakeType();
    Operands(decoder, op, type, 1, 4);
    const bool wide = ptx::SizeOf(type) == 8;
    op.run = name == "popc" ? wide ? Map1<uint32_t, uint64_t, kPopc> : Map1<uint32_t, uint32_t, kPopc>
             : wide ? Map1<uint32_t, uint64_t, kClz>
                            : Map1<uint32_t, uint32_t, kClz>;
  } else if (name == "brev") {
    const Type type = decoder.TakeType();
    Operands(decoder, op, type, 1);
    op.run = Integer1<kBrev>(type);
  } else if (name == "bfind") {
    if (decoder.Has("shiftamt")) decoder.Fail(".shiftamt is not implemented");
    const Type type = decoder.TakeType();
    Operands(decoder, op, type, 1, 4);
    op.run = type == Type::kU32   ? Map1<uint32_t, uint32_t, kBfind>
             : type == Type::kS32 ? Map1<uint32_t, int32_t, kBfind>
             : type == Type::kU64 ? Map1<uint32_t, uint64_t, kBfind>
                                  : Map1<uint32_t, int64_t, kBfind>;
  } else if (name == "bfe") {
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, ptx::SizeOf(type));
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, Type::kU32);
    op.c = decoder.Source(3, Type::kU32);
    using U = uint32_t;
    op.run = type == Type::kU32   ? Map3<uint32_t, uint32_t, U, U, BitFieldExtract<uint32_t>>
             : type == Type::kS32 ? Map3<int32_t, int32_t, U, U, BitFieldExtract<int32_t>>
             : type == Type::kU64 ? Map3<uint64_t, uint64_t, U, U, BitFieldExtract<uint64_t>>
                                  : Map3<int64_t, int64_t, U, U, BitFieldExtract<int64_t>>;
  } else if (name == "bfi") {
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, ptx::SizeOf(type));
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, type);
    op.c = decoder.Source(3, Type::kU32);
    op.e = decoder.Source(4, Type::kU32);
    op.run = ptx::SizeOf(type) == 8 ? BitFieldInsert<uint64_t> : BitFieldInsert<uint32_t>;
  } else if (name == "prmt") {
    for (const PermuteMode& mode : kPermuteModes) {
      if (decoder.Take(mode.name)) op.extra = &mode;
    }
    Operands(decoder, op, decoder.TakeType(), 3);
    op.run = Permute;
  } else if (name == "lop3") {
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, 4);
    op.a = decoder.Source(1, type);
    op.b = decoder.Source(2, type);
    op.c = decoder.Source(3, type);
    op.imm = decoder.operand(4).bits;
    op.run = Logic3;
  } else if (name == "dp4a") {
    const Type a = decoder.TakeType(), b = decoder.TakeType();
    Operands(decoder, op, Type::kB32, 3);
    op.run = a == Type::kS32   ? b == Type::kS32 ? DotProduct4<true, true> : DotProduct4<true, false>
               : b == Type::kS32 ? DotProduct4<false, true>
                               : DotProduct4<false, false>;
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
