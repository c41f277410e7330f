// Integer and bit instructions against the PTX ISA's words and pseudo-code.

#include <algorithm>
#include <bit>

#include "ptx_test.h"

namespace emulator {
namespace {

using I128 = __int128;

// The operand as the value of a type: "s16", "u64", …
struct Kind {
  const char* name;
  int bits;
  bool is_signed;
  char letter;  // of the harness's operands
};
constexpr Kind kKinds[] = {{"s16", 16, true, 'h'},  {"u16", 16, false, 'h'}, {"s32", 32, true, 'w'},
                           {"u32", 32, false, 'w'}, {"s64", 64, true, 'a'},  {"u64", 64, false, 'a'}};

I128 As(const Kind& kind, uint64_t bits) {
  const I128 modulus = I128{1} << kind.bits;
  const I128 value = I128{bits} % modulus;
  return kind.is_signed && value >= modulus / 2 ? value - modulus : value;
}

// "op %o, %w0, %w1;"
std::string Text(const std::string& op, const Kind& kind, int operands) {
  std::string text = op + "." + kind.name + " %o";
  for (int i = 0; i < operands; ++i) text += std::string(", %") + kind.letter + std::to_string(i);
  return text + ";";
}

TEST(PtxInteger, AddSubtractMultiply) {
  for (const Kind& k : kKinds) {
    const auto inputs = Pairs(kEdges64, kEdges64);
    Check(k.bits, Text("add", k, 2), inputs, [](OPERANDS) { return a + b; });
    Check(k.bits, Text("sub", k, 2), inputs, [](OPERANDS) { return a - b; });
    Check(k.bits, Text("mul.lo", k, 2), inputs, [](OPERANDS) { return a * b; });
    const auto product = [&](uint64_t a, uint64_t b) {
      // 64×64 bits of either sign don't overflow 128 but for the unsigned ones, taken as unsigned.
      return k.is_signed ? static_cast<unsigned __int128>(As(k, a) * As(k, b))
                         : static_cast<unsigned __int128>(As(k, a)) * static_cast<unsigned __int128>(As(k, b));
    };
    Check(k.bits, Text("mul.hi", k, 2), inputs,
          [&](OPERANDS) { return static_cast<uint64_t>(product(a, b) >> k.bits); });
    if (k.bits < 64) {
      Check(2 * k.bits, Text("mul.wide", k, 2), inputs, [&](OPERANDS) { return static_cast<uint64_t>(product(a, b)); });
    }
  }
}

TEST(PtxInteger, MultiplyAdd) {
  const Values few = {0,           1, 5, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x123456789ABCDEF0,
                      ~uint64_t{0}};
  for (const Kind& k : kKinds) {
    const auto inputs = Triples(few, few, few);
    Check(k.bits, Text("mad.lo", k, 3), inputs, [](OPERANDS) { return a * b + c; });
    Check(k.bits, Text("mad.hi", k, 3), inputs, [&](OPERANDS) {
      const auto product = k.is_signed
                               ? static_cast<unsigned __int128>(As(k, a) * As(k, b))
                               : static_cast<unsigned __int128>(As(k, a)) * static_cast<unsigned __int128>(As(k, b));
      return static_cast<uint64_t>(product >> k.bits) + c;
    });
    if (k.bits == 64) continue;
    const std::string wide = std::string("mad.wide.") + k.name + " %o, %" + k.letter + "0, %" + k.letter + "1, %" +
                             (k.bits == 16 ? "w2;" : "a2;");
    Check(2 * k.bits, wide, inputs, [&](OPERANDS) { return static_cast<uint64_t>(As(k, a) * As(k, b)) + c; });
  }
}

TEST(PtxInteger, CarryChains) {
  // Sums of 64 and 128 bits by parts.
  const std::string parts = "mov.b64 {%t0, %t1}, %a0; mov.b64 {%t2, %t3}, %a1;", join = "mov.b64 %o, {%t4, %t5};";
  const auto pairs = Pairs(kEdges64, kEdges64);
  Check(64, parts + "add.cc.u32 %t4, %t0, %t2; addc.u32 %t5, %t1, %t3;" + join, pairs, [](OPERANDS) { return a + b; });
  Check(64, parts + "sub.cc.u32 %t4, %t0, %t2; subc.u32 %t5, %t1, %t3;" + join, pairs, [](OPERANDS) { return a - b; });
  Check(64, "add.cc.u64 %q0, %a0, %a1; addc.cc.u64 %q1, 0, -1; addc.u64 %o, %q1, 7;", pairs, [](OPERANDS) {
    const uint64_t carry = a + b < a;  // the second sum is −1, or 0 with another carry
    return carry - 1 + carry + 7;
  });
  Check(64, "sub.cc.s64 %q0, %a0, %a1; subc.cc.s64 %q1, 0, 0; subc.s64 %o, %q1, 0;", pairs,
        [](OPERANDS) { return a < b ? uint64_t{0} - 2 : 0; });
  // A 64×64-bit product's high half, by 32-bit parts.
  Check(64,
        parts +
            "mul.lo.u32 %t4, %t0, %t2; mul.hi.u32 %t5, %t0, %t2; mad.lo.cc.u32 %t5, %t0, %t3, %t5; madc.hi.u32 %t6, "
            "%t0, %t3, 0;"
            "mad.lo.cc.u32 %t5, %t1, %t2, %t5; madc.hi.cc.u32 %t6, %t1, %t2, %t6; addc.u32 %t7, 0, 0; mad.lo.cc.u32 "
            "%t6, %t1, %t3, %t6; madc.hi.u32 %t7, %t1, %t3, %t7; mov.b64 %o, {%t6, %t7};",
        pairs, [](OPERANDS) { return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b >> 64); });
  // In the lanes of the guard alone.
  Check(32, "setp.eq.u32 %p0, %w1, 1; add.cc.u32 %t0, %w0, 0;\n@%p0 add.cc.u32 %t0, %w0, %w0;\naddc.u32 %o, 0, 0;",
        Pairs({0x80000000, 1}, {0, 1}), [](OPERANDS) { return a == 0x80000000 && b == 1; });
}

TEST(PtxInteger, SaturatingAdd) {
  const auto clamp = [](int64_t v) { return static_cast<uint64_t>(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)); };
  Check(32, "add.sat.s32 %o, %w0, %w1;", Pairs(kEdges64, kEdges64),
        [&](OPERANDS) { return clamp(int64_t{static_cast<int32_t>(a)} + static_cast<int32_t>(b)); });
  Check(32, "sub.sat.s32 %o, %w0, %w1;", Pairs(kEdges64, kEdges64),
        [&](OPERANDS) { return clamp(int64_t{static_cast<int32_t>(a)} - static_cast<int32_t>(b)); });
}

TEST(PtxInteger, DivisionAndRemainderTruncate) {
  for (const Kind& k : kKinds) {
    Values divisors;
    for (const uint64_t edge : kEdges64) {
      if (As(k, edge) != 0) divisors.push_back(edge);
    }
    const I128 least = k.is_signed ? -(I128{1} << (k.bits - 1)) : -1;
    auto inputs = Pairs(kEdges64, divisors);
    for (size_t i = 0; i < inputs[0].size(); ++i) {  // the one quotient that doesn't fit has no defined value
      if (As(k, inputs[0][i]) == least && As(k, inputs[1][i]) == -1) inputs[0][i] = 5;
    }
    Check(k.bits, Text("div", k, 2), inputs, [&](OPERANDS) { return static_cast<uint64_t>(As(k, a) / As(k, b)); });
    Check(k.bits, Text("rem", k, 2), inputs, [&](OPERANDS) { return static_cast<uint64_t>(As(k, a) % As(k, b)); });
    // Unspecified, but neither a fault nor the end of the process.
    Evaluate(k.bits, Text("div", k, 2), {{1, uint64_t{1} << (k.bits - 1)}, {0, ~uint64_t{0}}});
    Evaluate(k.bits, Text("rem", k, 2), {{1, uint64_t{1} << (k.bits - 1)}, {0, ~uint64_t{0}}});
  }
}

TEST(PtxInteger, MinimumMaximumAbsoluteNegate) {
  for (const Kind& k : kKinds) {
    const auto inputs = Pairs(kEdges64, kEdges64);
    Check(k.bits, Text("min", k, 2), inputs, [&](OPERANDS) { return As(k, a) < As(k, b) ? a : b; });
    Check(k.bits, Text("max", k, 2), inputs, [&](OPERANDS) { return As(k, a) > As(k, b) ? a : b; });
    if (!k.is_signed) continue;
    Check(k.bits, Text("neg", k, 1), {kEdges64}, [](OPERANDS) { return -a; });
    Check(k.bits, Text("abs", k, 1), {kEdges64}, [&](OPERANDS) { return As(k, a) < 0 ? -a : a; });
  }
}

TEST(PtxInteger, Logic) {
  for (const auto& [type, letter, bits] : {std::tuple{"b16", 'h', 16}, {"b32", 'w', 32}, {"b64", 'a', 64}}) {
    const auto text = [&](const std::string& op, int operands) {
      return Text(op, {type, bits, false, letter}, operands);
    };
    const auto inputs = Pairs(kEdges64, kEdges64);
    Check(bits, text("and", 2), inputs, [](OPERANDS) { return a & b; });
    Check(bits, text("or", 2), inputs, [](OPERANDS) { return a | b; });
    Check(bits, text("xor", 2), inputs, [](OPERANDS) { return a ^ b; });
    Check(bits, text("not", 1), {kEdges64}, [](OPERANDS) { return ~a; });
    const uint64_t mask = ~uint64_t{0} >> (64 - bits);
    Check(bits, text("cnot", 1), {kEdges64}, [&](OPERANDS) { return (a & mask) == 0; });
  }
}

TEST(PtxInteger, ShiftsClampTheirAmount) {
  const Values amounts = {0, 1, 5, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 0x80000000, 0xFFFFFFFF};
  const auto inputs = Pairs(kEdges64, amounts);
  for (const Kind& k : kKinds) {
    const std::string operands = std::string(" %o, %") + k.letter + "0, %w1;";
    const uint64_t width = static_cast<uint64_t>(k.bits), mask = ~uint64_t{0} >> (64 - k.bits);
    Check(k.bits, "shr." + std::string(k.name) + operands, inputs, [&](OPERANDS) {
      const I128 value = As(k, a);
      return static_cast<uint64_t>(value >> std::min<uint64_t>(b, width));  // beyond the width: copies of the sign
    });
    if (k.is_signed) continue;
    Check(k.bits, "shl.b" + std::to_string(k.bits) + operands, inputs,
          [&](OPERANDS) { return b >= width ? 0 : (a & mask) << b; });
  }
}

TEST(PtxInteger, FunnelShifts) {
  const Values amounts = {0, 1, 16, 31, 32, 33, 64, 0xFFFFFFFF};
  const Values words = {0, 1, 0x12345678, 0x80000000, 0xFFFFFFFF};
  const auto inputs = Triples(words, words, amounts);
  const auto wide = [](uint64_t low, uint64_t high) { return (low & 0xFFFFFFFF) | high << 32; };
  for (const bool wrap : {false, true}) {
    const std::string mode = wrap ? "wrap" : "clamp";
    const auto amount = [&](uint64_t c) { return wrap ? c & 31 : std::min<uint64_t>(c, 32); };
    Check(32, "shf.l." + mode + ".b32 %o, %w0, %w1, %w2;", inputs,
          [&](OPERANDS) { return amount(c) == 32 ? a : wide(a, b) << amount(c) >> 32; });
    Check(32, "shf.r." + mode + ".b32 %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) { return wide(a, b) >> amount(c); });
  }
}

TEST(PtxInteger, BitFieldExtract) {
  const Values positions = {0, 1, 7, 15, 31, 32, 40, 63, 64, 255, 256 + 3},
               lengths = {0, 1, 8, 31, 32, 33, 64, 255, 256 + 5};
  for (const Kind& k : kKinds) {
    if (k.bits == 16) continue;
    const std::string text = std::string("bfe.") + k.name + " %o, %" + k.letter + "0, %w1, %w2;";
    Check(k.bits, text, Triples({0, 0x12345678, 0x80000001, 0xFEDCBA9876543210, ~uint64_t{0}}, positions, lengths),
          [&](OPERANDS) {
            const int msb = k.bits - 1;
            const int position = static_cast<int>(b & 0xFF), length = static_cast<int>(c & 0xFF);
            const bool sign = k.is_signed && length > 0 && (a >> std::min(position + length - 1, msb) & 1);
            uint64_t d = 0;
            for (int i = 0; i <= msb; ++i) {
              const bool bit = i < length && position + i <= msb ? a >> (position + i) & 1 : sign;
              d |= uint64_t{bit} << i;
            }
            return d;
          });
  }
}

TEST(PtxInteger, BitFieldInsert) {
  const Values fields = {0, 1, 8, 31, 32, 33, 63, 64, 255, 256 + 4};
  for (const auto& [bits, letter] : {std::pair{32, 'w'}, {64, 'a'}}) {
    std::vector<Values> inputs = Triples({0xFEDCBA9876543210, ~uint64_t{0}}, fields, fields);
    inputs.push_back(Values(inputs[0].size(), 0x0123456789ABCDEF));  // into this
    const std::string n(1, letter);
    Check(bits, "bfi.b" + std::to_string(bits) + " %o, %" + n + "0, %" + n + "3, %w1, %w2;", inputs, [&](OPERANDS) {
      const int position = static_cast<int>(b & 0xFF), length = static_cast<int>(c & 0xFF);
      uint64_t f = e;
      for (int i = 0; i < length && position + i < bits; ++i) {
        f = (f & ~(uint64_t{1} << (position + i))) | (a >> i & 1) << (position + i);
      }
      return f;
    });
  }
}

TEST(PtxInteger, Counting) {
  Check(32, "popc.b32 %o, %w0;", {kEdges64}, [](OPERANDS) { return std::popcount(static_cast<uint32_t>(a)); });
  Check(32, "popc.b64 %o, %a0;", {kEdges64}, [](OPERANDS) { return std::popcount(a); });
  Check(32, "clz.b32 %o, %w0;", {kEdges64}, [](OPERANDS) { return std::countl_zero(static_cast<uint32_t>(a)); });
  Check(32, "clz.b64 %o, %a0;", {kEdges64}, [](OPERANDS) { return std::countl_zero(a); });
  const auto reverse = [](uint64_t value, int bits) {
    uint64_t result = 0;
    for (int i = 0; i < bits; ++i) result |= (value >> i & 1) << (bits - 1 - i);
    return result;
  };
  Check(32, "brev.b32 %o, %w0;", {kEdges64}, [&](OPERANDS) { return reverse(a, 32); });
  Check(64, "brev.b64 %o, %a0;", {kEdges64}, [&](OPERANDS) { return reverse(a, 64); });
  // The most significant bit that isn't a copy of the sign; −1 where there is none.
  const auto find = [](uint64_t value, int bits, bool is_signed) {
    if (is_signed && value >> (bits - 1) & 1) value = ~value;
    for (int i = bits - 1; i >= 0; --i) {
      if (value >> i & 1) return static_cast<uint64_t>(i);
    }
    return ~uint64_t{0};
  };
  Check(32, "bfind.u32 %o, %w0;", {kEdges64}, [&](OPERANDS) { return find(a, 32, false); });
  Check(32, "bfind.s32 %o, %w0;", {kEdges64}, [&](OPERANDS) { return find(a, 32, true); });
  Check(32, "bfind.u64 %o, %a0;", {kEdges64}, [&](OPERANDS) { return find(a, 64, false); });
}

TEST(PtxInteger, Lop3OfEveryTable) {
  // One bit position for each combination of inputs.
  const uint64_t a = 0xF0F0F0F0, b = 0xCCCCCCCC, c = 0xAAAAAAAA;
  for (uint64_t table = 0; table < 256; table += 3) {
    Check(32, "lop3.b32 %o, %w0, %w1, %w2, " + std::to_string(table) + ";", {{a}, {b}, {c}},
          [&](uint64_t x, uint64_t y, uint64_t z, uint64_t) {
            uint64_t d = 0;
            for (int i = 0; i < 32; ++i)
              d |= (table >> ((x >> i & 1) << 2 | (y >> i & 1) << 1 | (z >> i & 1)) & 1) << i;
            return d;
          });
  }
}

TEST(PtxInteger, Permute) {
  const Values selectors = {0x3210, 0x7654,     0x0123, 0x5410, 0x7632, 0xBA98, 0xFEDC,
                            0x8F07, 0xFFFF3210, 0x4444, 0,      1,      2,      3};
  const auto inputs = Triples({0x80017F02}, {0xC3047E85}, selectors);
  const auto byte = [](uint64_t a, uint64_t b, uint64_t i) {
    return ((a & 0xFFFFFFFF) | b << 32) >> (8 * (i & 7)) & 0xFF;
  };
  const auto join = [](uint64_t b3, uint64_t b2, uint64_t b1, uint64_t b0) {
    return b3 << 24 | b2 << 16 | b1 << 8 | b0;
  };
  Check(32, "prmt.b32 %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    uint64_t d = 0;
    for (int i = 0; i < 4; ++i) {
      const uint64_t selection = c >> (4 * i) & 15, value = byte(a, b, selection);
      d |= (selection & 8 ? (value & 0x80 ? 0xFFull : 0) : value) << (8 * i);
    }
    return d;
  });
  // The table of the special modes; only the selector's two low bits count.
  Check(32, "prmt.b32.f4e %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    c &= 3;
    return join(byte(a, b, c + 3), byte(a, b, c + 2), byte(a, b, c + 1), byte(a, b, c));
  });
  Check(32, "prmt.b32.b4e %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    c &= 3;
    return join(byte(a, b, c + 5), byte(a, b, c + 6), byte(a, b, c + 7), byte(a, b, c));
  });
  Check(32, "prmt.b32.rc8 %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) { return byte(a, b, c & 3) * 0x01010101; });
  Check(32, "prmt.b32.ecl %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    c &= 3;
    return join(byte(a, b, 3), byte(a, b, std::max<uint64_t>(c, 2)), byte(a, b, std::max<uint64_t>(c, 1)),
                byte(a, b, c));
  });
  Check(32, "prmt.b32.ecr %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    c &= 3;
    return join(byte(a, b, c), byte(a, b, std::min<uint64_t>(c, 2)), byte(a, b, std::min<uint64_t>(c, 1)),
                byte(a, b, 0));
  });
  Check(32, "prmt.b32.rc16 %o, %w0, %w1, %w2;", inputs, [&](OPERANDS) {
    const uint64_t low = c & 1 ? 2 : 0;
    return join(byte(a, b, low + 1), byte(a, b, low), byte(a, b, low + 1), byte(a, b, low));
  });
}

TEST(PtxInteger, Comparisons) {
  struct Comparison {
    const char* name;
    bool (*holds)(I128, I128);
  };
  const Comparison all[] = {
      {"eq", [](I128 a, I128 b) { return a == b; }}, {"ne", [](I128 a, I128 b) { return a != b; }},
      {"lt", [](I128 a, I128 b) { return a < b; }},  {"le", [](I128 a, I128 b) { return a <= b; }},
      {"gt", [](I128 a, I128 b) { return a > b; }},  {"ge", [](I128 a, I128 b) { return a >= b; }},
      {"lo", [](I128 a, I128 b) { return a < b; }},  {"ls", [](I128 a, I128 b) { return a <= b; }},
      {"hi", [](I128 a, I128 b) { return a > b; }},  {"hs", [](I128 a, I128 b) { return a >= b; }}};
  const auto inputs = Pairs(kEdges64, kEdges64);
  for (const Kind& k : kKinds) {
    for (const Comparison& comparison : all) {
      if (comparison.name[0] == 'h' || comparison.name == std::string("lo") || comparison.name == std::string("ls")) {
        if (k.is_signed) continue;
      }
      const std::string operands = std::string(", %") + k.letter + "0, %" + k.letter + "1;";
      Check(32,
            std::string("setp.") + comparison.name + "." + k.name + " %p0|%p1" + operands +
                "selp.u32 %t0, 1, 0, %p0; selp.u32 %t1, 2, 0, %p1; or.b32 %o, %t0, %t1;",
            inputs, [&](OPERANDS) { return comparison.holds(As(k, a), As(k, b)) ? 1 : 2; });
    }
  }
}

TEST(PtxInteger, ComparisonsWithABooleanOperand) {
  const auto inputs = Triples({0, 1, 5}, {0, 1, 5}, {0, 1});
  for (const auto& [op, apply] :
       {std::pair<const char*, bool (*)(bool, bool)>{"and", [](bool x, bool y) { return x && y; }},
        {"or", [](bool x, bool y) { return x || y; }},
        {"xor", [](bool x, bool y) { return x != y; }}}) {
    for (const bool negated : {false, true}) {
      Check(32,
            "setp.ne.u32 %p2, %w2, 0; setp.lt." + std::string(op) + ".s32 %p0|%p1, %w0, %w1, " + (negated ? "!" : "") +
                "%p2; selp.u32 %t0, 1, 0, %p0; selp.u32 %t1, 2, 0, %p1; or.b32 %o, %t0, %t1;",
            inputs, [&](OPERANDS) {
              const bool third = (c != 0) != negated;
              // The second result is the complement of the comparison, under the same operation.
              return (apply(a < b, third) ? 1 : 0) + (apply(!(a < b), third) ? 2 : 0);
            });
    }
  }
  Check(16, "setp.ne.u32 %p0, %w2, 0; selp.b16 %o, %h0, %h1, %p0;", inputs, [](OPERANDS) { return c ? a : b; });
  Check(64, "setp.ne.u32 %p0, %w2, 0; selp.b64 %o, %a0, %a1, !%p0;", inputs, [](OPERANDS) { return c ? b : a; });
}

TEST(PtxInteger, ConversionsBetweenIntegers) {
  struct Width {
    const char* name;
    int bits;
    bool is_signed;
  };
  const Width widths[] = {{"s8", 8, true},   {"u8", 8, false},   {"s16", 16, true}, {"u16", 16, false},
                          {"s32", 32, true}, {"u32", 32, false}, {"s64", 64, true}, {"u64", 64, false}};
  const auto letter = [](int bits) { return bits == 64 ? "%a0" : bits == 32 ? "%w0" : "%h0"; };
  for (const Width& from : widths) {
    for (const Width& to : widths) {
      for (const bool sat : {false, true}) {
        // There is no .sat where the target holds every source value.
        const bool holds_all =
            to.bits - to.is_signed >= from.bits - from.is_signed && (to.is_signed || !from.is_signed);
        if (sat && holds_all) continue;
        const int register_bits = std::max(to.bits, 16);
        Check(register_bits,
              std::string("cvt.") + (sat ? "sat." : "") + to.name + "." + from.name + " %o, " + letter(from.bits) + ";",
              {kEdges64}, [&](OPERANDS) {
                I128 value = As({"", from.bits, from.is_signed, ' '}, a);
                if (sat) {
                  const I128 least = to.is_signed ? -(I128{1} << (to.bits - 1)) : 0;
                  value = std::clamp(value, least, (I128{1} << (to.bits - to.is_signed)) - 1);
                }
                // What is narrower than its register is extended by the target's sign.
                return static_cast<uint64_t>(As({"", to.bits, to.is_signed, ' '}, static_cast<uint64_t>(value)));
              });
      }
    }
  }
}

TEST(PtxInteger, MovesPackAndUnpack) {
  Check(64, "mov.b64 {%t0, %t1}, %a0; mov.b64 %o, {%t1, %t0};", {kEdges64}, [](OPERANDS) { return a << 32 | a >> 32; });
  Check(32, "mov.b32 {%s0, %s1}, %w0; mov.b32 %o, {%s1, %s0};", {kEdges64},
        [](OPERANDS) { return (a & 0xFFFF) << 16 | (a >> 16 & 0xFFFF); });
  Check(64, "mov.b64 {%s0, %s1, %s2, %s3}, %a0; mov.b64 %o, {%s3, %s2, %s1, %s0};", {kEdges64},
        [](OPERANDS) { return (a & 0xFFFF) << 48 | (a >> 16 & 0xFFFF) << 32 | (a >> 32 & 0xFFFF) << 16 | a >> 48; });
  Check(32, "mov.b64 {%o, _}, %a0;", {kEdges64}, [](OPERANDS) { return a; });
}

TEST(PtxInteger, Literals) {
  Check(32, "mov.u32 %o, 0x1F;", {}, [](OPERANDS) { return 0x1F; });
  Check(32, "mov.u32 %o, 017;", {}, [](OPERANDS) { return 15; });
  Check(32, "mov.u32 %o, 0b101;", {}, [](OPERANDS) { return 5; });
  Check(32, "mov.s32 %o, -5;", {}, [](OPERANDS) { return -5; });
  Check(32, "add.s32 %o, %w0, -2147483648;", {{1}}, [](OPERANDS) { return 0x80000001; });
  Check(64, "mov.u64 %o, 0xFFFFFFFFFFFFFFFF;", {}, [](OPERANDS) { return ~uint64_t{0}; });
  Check(32, "mov.f32 %o, 0f3FC00000;", {}, [](OPERANDS) { return 0x3FC00000; });
  Check(64, "mov.f64 %o, 0d3FF8000000000000;", {}, [](OPERANDS) { return 0x3FF8000000000000; });
  Check(16, "mov.b16 %o, 0x8001;", {}, [](OPERANDS) { return 0x8001; });
}

}  // namespace
}  // namespace emulator
