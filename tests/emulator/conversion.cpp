// cvt in all its forms.

#include <bit>

#include "conversions.h"
#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

struct Conversion {
  Modifiers modifiers;
  bool from_integer = false, to_integer = false, round_to_integral = false;
  IntegerType from_int{32, false}, to_int{32, false};
  FloatType from_float = FloatType::kF32, to_float = FloatType::kF32;
};

bool IsInteger(Type type, IntegerType* integer) {
  switch (type) {
    case Type::kU8:
    case Type::kU16:
    case Type::kU32:
    case Type::kU64:
      *integer = {ptx::SizeOf(type) * 8, false};
      return true;
    case Type::kS8:
    case Type::kS16:
    case Type::kS32:
    case Type::kS64:
      *integer = {ptx::SizeOf(type) * 8, true};
      return true;
    default:
      return false;
  }
}

FloatType FloatOf(const Decoder& decoder, Type type) {
  switch (type) {
    case Type::kF64:
      return FloatType::kF64;
    case Type::kF32:
      return FloatType::kF32;
    case Type::kTf32:
      return FloatType::kTF32;
    case Type::kF16:
    case Type::kF16x2:
      return FloatType::kF16;
    case Type::kBf16:
    case Type::kBf16x2:
      return FloatType::kBF16;
    case Type::kE4m3x2:
      return FloatType::kE4M3;
    case Type::kE5m2x2:
      return FloatType::kE5M2;
    default:
      decoder.Fail("no such conversion");
  }
}

uint64_t Convert(const Conversion& c, uint64_t bits) {
  if (c.from_integer) {
    uint64_t result = c.to_integer ? ConvertInteger(bits, c.from_int, c.to_int, c.modifiers.sat)
                                   : IntegerToFloat(bits, c.from_int, c.to_float, c.modifiers);
    return result;
  }
  if (c.to_integer) return FloatToInteger(bits, c.from_float, c.to_int, c.modifiers);
  if (c.round_to_integral) return RoundToIntegral(bits, c.from_float, c.to_float, c.modifiers);
  return ConvertFloat(bits, c.from_float, c.to_float, c.modifiers);
}

// D and S are as wide as the registers.
template <typename D, typename S>
Next ConvertOne(Warp& warp, const Op& op, uint32_t mask) {
  const auto& conversion = *static_cast<const Conversion*>(op.extra);
  const S* a = warp.In<S>(op.a);
  D* d = warp.Out<D>(op.d);
  ForLanes(mask, [&](int i) {
    uint64_t result = Convert(conversion, a[i]);
    // A signed result fills a wider register.
    if (conversion.to_integer && conversion.to_int.is_signed) {
      const int unused = 64 - conversion.to_int.bits;
      result = static_cast<uint64_t>(static_cast<int64_t>(result << unused) >> unused);
    }
    d[i] = static_cast<D>(result);
  });
  return Next::kNext;
}

template <typename D>
Handler ConvertHandler(int source_bytes) {
  return source_bytes == 2   ? ConvertOne<D, uint16_t>
         : source_bytes == 4 ? ConvertOne<D, uint32_t>
         : source_bytes == 8 ? ConvertOne<D, uint64_t>
                             : nullptr;
}

// Two f32 to a pair.
template <typename D>
Next PackTwo(Warp& warp, const Op& op, uint32_t mask) {
  const auto& conversion = *static_cast<const Conversion*>(op.extra);
  const float *a = warp.In<float>(op.a), *b = warp.In<float>(op.b);
  D* d = warp.Out<D>(op.d);
  ForLanes(mask, [&](int i) {
    d[i] = static_cast<D>(ConvertToPacked(a[i], b[i], conversion.to_float, conversion.modifiers));
  });
  return Next::kNext;
}

// A pair to a pair.
template <typename D, typename S>
Next RepackTwo(Warp& warp, const Op& op, uint32_t mask) {
  const auto& conversion = *static_cast<const Conversion*>(op.extra);
  const S* a = warp.In<S>(op.a);
  D* d = warp.Out<D>(op.d);
  ForLanes(mask, [&](int i) {
    d[i] = static_cast<D>(ConvertPacked(a[i], conversion.from_float, conversion.to_float, conversion.modifiers));
  });
  return Next::kNext;
}

// The frequent ones, for all lanes at once.
template <typename D, typename S, typename As, typename To>
Next Extend(Warp& warp, const Op& op, uint32_t mask) {
  const S* a = warp.In<S>(op.a);
  alignas(64) D values[32];
  for (int i = 0; i < 32; ++i) values[i] = static_cast<D>(static_cast<To>(static_cast<As>(a[i])));
  Blend(warp.Out<D>(op.d), values, mask);
  return Next::kNext;
}
Next FloatToBf16(Warp& warp, const Op& op, uint32_t mask) {
  const float* a = warp.In<float>(op.a);
  alignas(64) uint16_t values[32];
  for (int i = 0; i < 32; ++i) values[i] = FloatToBFloat16(a[i]);
  Blend(warp.Out<uint16_t>(op.d), values, mask);
  return Next::kNext;
}
Next PackBf16(Warp& warp, const Op& op, uint32_t mask) {
  const float *a = warp.In<float>(op.a), *b = warp.In<float>(op.b);
  alignas(64) uint32_t values[32];
  for (int i = 0; i < 32; ++i) values[i] = uint32_t{FloatToBFloat16(a[i])} << 16 | FloatToBFloat16(b[i]);
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

// Between integers without saturation: D and S registers.
template <typename D, typename S>
Handler IntegerHandler(Type from, Type to) {
  const auto with = [&]<typename As>() -> Handler {
    switch (to) {
      case Type::kU8:
        return Extend<D, S, As, uint8_t>;
      case Type::kS8:
        return Extend<D, S, As, int8_t>;
      case Type::kU16:
        return Extend<D, S, As, uint16_t>;
      case Type::kS16:
        return Extend<D, S, As, int16_t>;
      case Type::kU32:
        return Extend<D, S, As, uint32_t>;
      case Type::kS32:
        return Extend<D, S, As, int32_t>;
      case Type::kU64:
        return Extend<D, S, As, uint64_t>;
      default:
        return Extend<D, S, As, int64_t>;
    }
  };
  switch (from) {
    case Type::kU8:
      return with.template operator()<uint8_t>();
    case Type::kS8:
      return with.template operator()<int8_t>();
    case Type::kU16:
      return with.template operator()<uint16_t>();
    case Type::kS16:
      return with.template operator()<int16_t>();
    case Type::kU32:
      return with.template operator()<uint32_t>();
    case Type::kS32:
      return with.template operator()<int32_t>();
    case Type::kU64:
      return with.template operator()<uint64_t>();
    default:
      return with.template operator()<int64_t>();
  }
}
template <typename D>
Handler IntegerHandler(int source_bytes, Type from, Type to) {
  return source_bytes == 2   ? IntegerHandler<D, uint16_t>(from, to)
         : source_bytes == 4 ? IntegerHandler<D, uint32_t>(from, to)
                             : IntegerHandler<D, uint64_t>(from, to);
}

Type UnsignedOf(int bytes) {
  return bytes == 2 ? Type::kB16 : bytes == 4 ? Type::kB32 : Type::kB64;
}

}  // namespace

bool DecodeConversion(Decoder& decoder, Op& op) {
  if (decoder.instruction().parts[0] != "cvt") return false;
  Conversion conversion;
  Modifiers& modifiers = conversion.modifiers;
  const auto rounding = decoder.TakeOneOf({"rn", "rz", "rm", "rp", "rna", "rni", "rzi", "rmi", "rpi"});
  if (rounding.size() == 3 && rounding.back() == 'i') conversion.round_to_integral = true;
  if (!rounding.empty()) {
    modifiers.rounding = rounding == "rna"    ? Rounding::kAway
                         : rounding[1] == 'z' ? Rounding::kZero
                         : rounding[1] == 'm' ? Rounding::kDown
                         : rounding[1] == 'p' ? Rounding::kUp
                                              : Rounding::kNearest;
  }
  modifiers.ftz = decoder.Take("ftz");
  modifiers.sat = decoder.Take("sat");
  modifiers.satfinite = decoder.Take("satfinite");
  modifiers.relu = decoder.Take("relu");
  const Type to = decoder.TakeType(), from = decoder.TakeType();
  conversion.to_integer = IsInteger(to, &conversion.to_int);
  conversion.from_integer = IsInteger(from, &conversion.from_int);
  if (!conversion.to_integer) conversion.to_float = FloatOf(decoder, to);
  if (!conversion.from_integer) conversion.from_float = FloatOf(decoder, from);
  op.extra = decoder.Extra(conversion);

  const auto paired = [](Type type) {
    return type == Type::kF16x2 || type == Type::kBf16x2 || type == Type::kE4m3x2 || type == Type::kE5m2x2;
  };
  if (paired(to) && from == Type::kF32) {
    op.a = decoder.Source(1, Type::kF32);
    op.b = decoder.Source(2, Type::kF32);
    op.d = decoder.Target(0, ptx::SizeOf(to));
    const bool plain = modifiers.rounding == Rounding::kNearest && !modifiers.relu && !modifiers.satfinite;
    op.run = ptx::SizeOf(to) == 2 ? PackTwo<uint16_t> : to == Type::kBf16x2 && plain ? PackBf16 : PackTwo<uint32_t>;
    return true;
  }
  if (paired(to) || paired(from)) {
    op.a = decoder.Source(1, from);
    op.d = decoder.Target(0, ptx::SizeOf(to));
    if (ptx::SizeOf(to) == 4 && ptx::SizeOf(from) == 2) op.run = RepackTwo<uint32_t, uint16_t>;
    if (ptx::SizeOf(to) == 2 && ptx::SizeOf(from) == 4) op.run = RepackTwo<uint16_t, uint32_t>;
    return true;
  }

  // Registers may be wider than the types.
  const Operand &target = decoder.operand(0), &source = decoder.operand(1);
  const int to_bytes = decoder.RegisterBytes(target);
  int from_bytes = decoder.RegisterBytes(source);
  if (from_bytes == 0) from_bytes = std::max(ptx::SizeOf(from), 2);
  if (to_bytes < ptx::SizeOf(to) || from_bytes < ptx::SizeOf(from)) decoder.Fail("a register is too narrow");
  op.d = decoder.Target(target, to_bytes);
  op.a = decoder.Source(source, UnsignedOf(from_bytes));
  if (conversion.to_integer && conversion.from_integer && !modifiers.sat) {
    op.run = to_bytes == 2   ? IntegerHandler<uint16_t>(from_bytes, from, to)
             : to_bytes == 4 ? IntegerHandler<uint32_t>(from_bytes, from, to)
                             : IntegerHandler<uint64_t>(from_bytes, from, to);
  } else if (to == Type::kBf16 && from == Type::kF32 && to_bytes == 2 && modifiers.rounding == Rounding::kNearest &&
             !modifiers.relu && !modifiers.satfinite && !conversion.round_to_integral) {
    op.run = FloatToBf16;
  } else {
    op.run = to_bytes == 2   ? ConvertHandler<uint16_t>(from_bytes)
             : to_bytes == 4 ? ConvertHandler<uint32_t>(from_bytes)
                             : ConvertHandler<uint64_t>(from_bytes);
  }
  return true;
}

}  // namespace emulator
