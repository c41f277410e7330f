// Exchange between the lanes of a warp.

#include <bit>

#include "lanes.h"

namespace emulator {
namespace {

using ptx::Operand;
using ptx::Type;

// Whether all lanes of the member mask are here; otherwise the group waits for them.
bool Together(Warp& warp, Ref members, uint32_t mask, uint32_t* value) {
  const int first = __builtin_ctz(mask);
  *value = warp.In<uint32_t>(members)[first];
  if (!(*value >> first & 1)) {
    throw KernelFault{FaultKind::kIllegalInstruction, "the lane is not in its own member mask " + Hex(*value), first};
  }
  const uint32_t missing = *value & warp.live & ~warp.active;
  if (missing) {
    warp.wait = {Wait::kLanes, missing, 0};
    return false;
  }
  return true;
}

enum class Shuffle : uint8_t { kUp, kDown, kButterfly, kIndex };

template <Shuffle kMode>
Next Shuffled(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  if (!Together(warp, op.e, mask, &members)) return Next::kStay;
  const uint32_t *a = warp.In<uint32_t>(op.a), *b = warp.In<uint32_t>(op.b), *c = warp.In<uint32_t>(op.c);
  alignas(64) uint32_t values[32];
  uint32_t valid = 0;
  for (int lane = 0; lane < 32; ++lane) {
    const int distance = static_cast<int>(b[lane] & 31);
    const int clamp = static_cast<int>(c[lane] & 31), segment = static_cast<int>(c[lane] >> 8 & 31);
    const int last = (lane & segment) | (clamp & ~segment);
    int source = kMode == Shuffle::kUp          ? lane - distance
                 : kMode == Shuffle::kDown      ? lane + distance
                 : kMode == Shuffle::kButterfly ? lane ^ distance
                                                : (lane & segment) | (distance & ~segment);
    const bool inside = kMode == Shuffle::kUp ? source >= last : source <= last;
    if (!inside) source = lane;
    valid |= inside ? 1u << lane : 0;
    values[lane] = a[source & 31];
  }
  if (op.d != kNoRef) Blend(warp.Out<uint32_t>(op.d), values, mask);
  SetPredicate(warp, op.d2, valid, mask);
  return Next::kNext;
}

// flags: 0 all, 1 any, 2 uni, 3 ballot
Next Vote(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  if (!Together(warp, op.e, mask, &members)) return Next::kStay;
  const uint32_t here = members & mask;
  const uint32_t yes = (op.width ? ~warp.PredicateOf(op.a) : warp.PredicateOf(op.a)) & here;
  if (op.flags == 3) {
    uint32_t values[32];
    for (uint32_t& value : values) value = yes;
    Blend(warp.Out<uint32_t>(op.d), values, mask);
  } else {
    const bool result = op.flags == 0 ? yes == here : op.flags == 1 ? yes != 0 : yes == 0 || yes == here;
    SetPredicate(warp, op.d, result ? kAllLanes : 0, mask);
  }
  return Next::kNext;
}

template <typename T, bool kAll>
Next Match(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  if (!Together(warp, op.e, mask, &members)) return Next::kStay;
  const uint32_t here = members & mask;
  const T* a = warp.In<T>(op.a);
  uint32_t values[32] = {};
  bool all = true;
  ForLanes(here, [&](int i) {
    ForLanes(here, [&](int j) { values[i] |= a[i] == a[j] ? 1u << j : 0; });
    all = all && values[i] == here;
  });
  if (kAll) {
    for (uint32_t& value : values) value = all ? here : 0;
    SetPredicate(warp, op.d2, all ? kAllLanes : 0, mask);
  }
  if (op.d != kNoRef) Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

template <typename T, auto F>
Next Reduce(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  if (!Together(warp, op.e, mask, &members)) return Next::kStay;
  const T* a = warp.In<T>(op.a);
  T result{};
  bool first = true;
  ForLanes(members & mask, [&](int i) {
    result = first ? a[i] : static_cast<T>(F(result, a[i]));
    first = false;
  });
  T values[32];
  for (T& value : values) value = result;
  Blend(warp.Out<T>(op.d), values, mask);
  return Next::kNext;
}

Next ActiveMask(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t values[32];
  for (uint32_t& value : values) value = mask;
  Blend(warp.Out<uint32_t>(op.d), values, mask);
  return Next::kNext;
}

Next Elect(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  if (!Together(warp, op.e, mask, &members)) return Next::kStay;
  const int leader = __builtin_ctz(members & mask);
  uint32_t values[32];
  for (uint32_t& value : values) value = static_cast<uint32_t>(leader);
  if (op.d != kNoRef) Blend(warp.Out<uint32_t>(op.d), values, mask);
  SetPredicate(warp, op.d2, 1u << leader, mask);
  return Next::kNext;
}

Next SyncWarp(Warp& warp, const Op& op, uint32_t mask) {
  uint32_t members;
  return Together(warp, op.e, mask, &members) ? Next::kNext : Next::kStay;
}

}  // namespace

bool DecodeWarp(Decoder& decoder, Op& op) {
  const std::string& name = decoder.instruction().parts[0];
  // d or d|p
  const auto pair = [&] {
    const Operand& target = decoder.operand(0);
    if (target.kind == Operand::Kind::kPair) {
      op.d = decoder.Target(target.elements[0], 4);
      op.d2 = decoder.Predicate(target.elements[1]);
    } else {
      op.d = decoder.Target(target, 4);
    }
  };
  if (name == "shfl") {
    if (!decoder.Take("sync")) decoder.Fail("only .sync");
    const auto mode = decoder.TakeOneOf({"up", "down", "bfly", "idx"});
    decoder.TakeType();
    pair();
    op.a = decoder.Source(1, Type::kB32);
    op.b = decoder.Source(2, Type::kB32);
    op.c = decoder.Source(3, Type::kB32);
    op.e = decoder.Source(4, Type::kB32);
    op.run = mode == "up"     ? Shuffled<Shuffle::kUp>
             : mode == "down" ? Shuffled<Shuffle::kDown>
             : mode == "bfly" ? Shuffled<Shuffle::kButterfly>
                              : Shuffled<Shuffle::kIndex>;
  } else if (name == "vote") {
    if (!decoder.Take("sync")) decoder.Fail("only .sync");
    const auto mode = decoder.TakeOneOf({"all", "any", "uni", "ballot"});
    decoder.TakeType();
    op.flags = mode == "all" ? 0 : mode == "any" ? 1 : mode == "uni" ? 2 : 3;
    op.d = op.flags == 3 ? decoder.Target(0, 4) : decoder.Predicate(decoder.operand(0));
    op.a = decoder.Predicate(decoder.operand(1));
    op.width = decoder.operand(1).negated;
    op.e = decoder.Source(2, Type::kB32);
    op.run = Vote;
  } else if (name == "match") {
    if (!decoder.Take("sync")) decoder.Fail("only .sync");
    const bool all = decoder.Take("all");
    if (!all) decoder.Take("any");
    const Type type = decoder.TakeType();
    pair();
    op.a = decoder.Source(1, type);
    op.e = decoder.Source(2, Type::kB32);
    op.run = ptx::SizeOf(type) == 8 ? all ? Match<uint64_t, true> : Match<uint64_t, false>
             : all ? Match<uint32_t, true>
                                    : Match<uint32_t, false>;
  } else if (name == "redux") {
    if (!decoder.Take("sync")) decoder.Fail("only .sync");
    const auto mode = decoder.TakeOneOf({"add", "min", "max", "and", "or", "xor"});
    const Type type = decoder.TakeType();
    op.d = decoder.Target(0, 4);
    op.a = decoder.Source(1, type);
    op.e = decoder.Source(2, Type::kB32);
    using U = uint32_t;
    using S = int32_t;
    const bool is_signed = type == Type::kS32;
    op.run = mode == "add"   ? Reduce<U, [](U a, U b) { return a + b; }>
             : mode == "and" ? Reduce<U, [](U a, U b) { return a & b; }>
             : mode == "or"  ? Reduce<U, [](U a, U b) { return a | b; }>
             : mode == "xor" ? Reduce<U, [](U a, U b) { return a ^ b; }>
             : mode == "min" ? is_signed ? Reduce<S, [](S a, S b) { return a < b ? a : b; }>
                                         : Reduce<U, [](U a, U b) { return a < b ? a : b; }>
             : is_signed ? Reduce<S, [](S a, S b) { return (a > b) ? a : b; }>
                             : Reduce<U, [](U a, U b) { return (a > b) ? a : b; }>;
  } else if (name == "activemask") {
    decoder.TakeType();
    op.d = decoder.Target(0, 4);
    op.run = ActiveMask;
  } else if (name == "elect") {
    decoder.Take("sync");
    pair();
    op.e = decoder.Source(1, Type::kB32);
    op.run = Elect;
  } else if (name == "bar" && decoder.Has("warp")) {
    decoder.Take("warp");
    decoder.Take("sync");
    op.e = decoder.Source(0, Type::kB32);
    op.run = SyncWarp;
  } else {
    return false;
  }
  return true;
}

}  // namespace emulator
