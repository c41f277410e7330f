// Loads and stores of all spaces, address conversions, atomics, and the faults of wrong addresses.

#include <numeric>

#include "conversions.h"
#include "ptx_test.h"

namespace emulator {
namespace {

Values Count(size_t n) {
  Values values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(PtxMemory, LoadsExtendToTheirRegister) {
  const std::string head = "mul.wide.u32 %q0, %index, 8; add.u64 %q0, %q0, %in;";
  const Values values = {0x80, 0x7F, 0xFF80, 0x8000, 0x7FFF, 0x80000000, 0xFFFFFFFF, 0x123456789ABCDEF0};
  Check(32, head + "ld.global.u8 %o, [%q0];", {values}, [](OPERANDS) { return a & 0xFF; });
  Check(32, head + "ld.global.s8 %o, [%q0];", {values}, [](OPERANDS) { return static_cast<int8_t>(a); });
  Check(64, head + "ld.global.s8 %o, [%q0];", {values},
        [](OPERANDS) { return static_cast<uint64_t>(int64_t{static_cast<int8_t>(a)}); });
  Check(32, head + "ld.global.s16 %o, [%q0];", {values}, [](OPERANDS) { return static_cast<int16_t>(a); });
  Check(32, head + "ld.global.u16 %o, [%q0];", {values}, [](OPERANDS) { return a & 0xFFFF; });
  Check(64, head + "ld.global.s32 %o, [%q0];", {values},
        [](OPERANDS) { return static_cast<uint64_t>(int64_t{static_cast<int32_t>(a)}); });
  Check(64, head + "ld.global.u32 %o, [%q0];", {values}, [](OPERANDS) { return a & 0xFFFFFFFF; });
  Check(64, head + "ld.global.nc.u64 %o, [%q0];", {values}, [](OPERANDS) { return a; });
  Check(32, head + "ld.global.u32 %o, [%q0+4];", {values}, [](OPERANDS) { return a >> 32; });
  for (const char* form :
       {"ld.volatile.global", "ld.relaxed.gpu.global", "ld.acquire.gpu.global", "ld.acquire.sys.global", "ld.global.ca",
        "ld.global.cg", "ld.global.nc.L1::no_allocate", "ld.global.L1::evict_last", "ld.global.L2::128B",
        "ld.global.nc.L1::evict_last.L2::256B", "ldu.global"}) {
    Check(64, head + form + ".b64 %o, [%q0];", {values}, [](OPERANDS) { return a; });
  }
  Check(64, head + "createpolicy.fractional.L2::evict_last.b64 %q1, 1.0; ld.global.L2::cache_hint.b64 %o, [%q0], %q1;",
        {values}, [](OPERANDS) { return a; });
}

TEST(PtxMemory, Vectors) {
  // Two 32-byte records a lane.
  const std::string head = "mul.wide.u32 %q0, %index, 8; add.u64 %q0, %q0, %in;";
  Values values;
  for (uint64_t i = 0; i < 32; ++i) values.push_back(i * 0x0101010101010101 + 0x0706050403020100);
  Check(64, head + "ld.global.v2.u32 {%t0, %t1}, [%q0]; mov.b64 %o, {%t1, %t0};", {values},
        [](OPERANDS) { return a << 32 | a >> 32; });
  Check(32, head + "ld.global.v4.u16 {%s0, %s1, %s2, %s3}, [%q0]; mov.b32 %o, {%s3, %s1};", {values},
        [](OPERANDS) { return a >> 48 | (a >> 16 & 0xFFFF) << 16; });
  Check(16, head + "ld.global.v4.u8 {%s0, %s1, %s2, %s3}, [%q0+4]; shl.b16 %s3, %s3, 8; or.b16 %o, %s3, %s0;", {values},
        [](OPERANDS) { return (a >> 32 & 0xFF) | (a >> 56) << 8; });
  const Values even = Count(32);
  Check(64,
        "and.b32 %t0, %index, 30; mul.wide.u32 %q0, %t0, 8; add.u64 %q0, %q0, %in; ld.global.v2.u64 {%q1, %q2}, [%q0]; "
        "mad.lo.u64 %o, %q2, 100, %q1;",
        {even}, [](OPERANDS) { return (a & ~uint64_t{1}) + 100 * (a | 1); });
  Check(32,
        "and.b32 %t0, %index, 30; mul.wide.u32 %q0, %t0, 8; add.u64 %q0, %q0, %in; ld.global.v4.f32 {%t1, %t2, %t3, "
        "%t4}, [%q0]; mad.lo.u32 %o, %t3, 100, %t1;",
        {even}, [](OPERANDS) { return (a & ~uint64_t{1}) + 100 * (a | 1); });
  // Through shared memory.
  Check(32,
        "{ .shared .align 16 .b32 s[128]; .reg .b32 at; mov.u32 at, s; mad.lo.u32 at, %lane, 16, at; add.u32 %t0, %w0, "
        "1; add.u32 %t1, %w0, 2;"
        "st.shared.v4.b32 [at], {%w0, %t0, %t1, %w0}; ld.shared.v2.u32 {%t2, %t3}, [at+8]; sub.u32 %o, %t2, %t3; }",
        {Count(32)}, [](OPERANDS) { return 2; });
}

TEST(PtxMemory, StoresWriteTheirWidth) {
  const std::string text =
      ".visible .entry test(.param .u64 out) { .reg .b64 p; .reg .b32 x; .reg .b16 h; ld.param.u64 p, [out];\n"
      "mov.u32 x, 0x12345678; mov.b16 h, 0x9ABC; st.global.u8 [p], x; st.global.u16 [p+2], h; st.global.b32 [p+4], x;\n"
      "st.global.v2.b16 [p+8], {h, h}; st.global.v2.b32 [p+16], {x, 7}; st.relaxed.gpu.global.u32 [p+24], x;\n"
      "st.release.sys.global.u32 [p+28], x; st.volatile.global.u32 [p+32], 5; st.global.v4.b32 [p+48], {1, 2, 3, x}; "
      "ret; }\n";
  const Buffer out(64);
  const Fault fault = RunKernel(text, {.grid = {1}, .block = {1}}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<uint32_t> expected = {0x9ABC0078, 0x12345678, 0x9ABC9ABC, 0, 0x12345678, 7, 0x12345678, 0x12345678,
                                          5,          0,          0,          0, 1,          2, 3,          0x12345678};
  EXPECT_EQ(out.Read<uint32_t>(), expected);
}

TEST(PtxMemory, SpacesAndGenericAddresses) {
  // Shared, local, param and global memory by generic addresses; isspacep tells them apart.
  const std::string test =
      "isspacep.shared %p0, %q1; isspacep.global %p1, %q1; isspacep.local %p2, %q1; selp.u32 %t1, 1, 0, %p0; selp.u32 "
      "%t2, 2, 0, %p1;"
      "selp.u32 %t3, 4, 0, %p2; or.b32 %t1, %t1, %t2; or.b32 %t1, %t1, %t3; ";
  const auto kind = [](uint64_t bit) {
    return [bit](uint64_t a, uint64_t, uint64_t, uint64_t) { return a | bit << 32; };
  };
  Check(64,
        "{ .shared .b32 s[32]; mov.u64 %q0, s; cvta.shared.u64 %q1, %q0; mul.wide.u32 %q2, %lane, 4; add.u64 %q1, %q1, "
        "%q2; st.b32 [%q1], %w0;" +
            test +
            "cvta.to.shared.u64 %q3, %q1; cvt.u32.u64 %t5, %q3; ld.shared.u32 %t4, [%t5]; mov.b64 %o, {%t4, %t1}; }",
        {Count(32)}, kind(1));
  Check(64,
        "{ .local .align 8 .b8 l[16]; mov.u64 %q0, l; cvta.local.u64 %q1, %q0; st.u32 [%q1+4], %w0;" + test +
            "cvta.to.local.u64 %q3, %q1; ld.local.u32 %t4, [%q3+4]; mov.b64 %o, {%t4, %t1}; }",
        {Count(32)}, kind(4));
  Check(64,
        "mul.wide.u32 %q0, %index, 8; add.u64 %q0, %q0, %in; cvta.global.u64 %q1, %q0;" + test +
            "ld.u32 %t4, [%q1]; mov.b64 %o, {%t4, %t1};",
        {Count(32)}, kind(2));
  // Local memory is each lane's own.
  Check(32, "{ .local .b32 l[4]; st.local.u32 [l+8], %w0; ld.local.u32 %o, [l+8]; }", {Count(64)},
        [](OPERANDS) { return a; });
}

TEST(PtxMemory, ParametersByValueAndByAddress) {
  struct alignas(8) Parameters {
    uint8_t byte = 0x81;
    int16_t half = -2;
    float single = 1.5f;
    uint64_t out = 0;
    uint32_t words[5] = {10, 20, 30, 40, 50};
  } parameters;
  const Buffer out(64);
  parameters.out = out.address();
  const std::string text =
      ".visible .entry test(.param .u8 p0, .param .s16 p1, .param .f32 p2, .param .u64 p3, .param .align 4 .b8 p4[20]) "
      "{\n"
      ".reg .b64 p, g; .reg .b32 x<8>; .reg .b16 h; ld.param.u64 p, [p3]; ld.param.s8 x0, [p0]; ld.param.s16 x1, [p1]; "
      "ld.param.f32 x2, [p2];\n"
      "ld.param.u32 x3, [p4+8]; ld.param.v2.u32 {x4, x5}, [p4]; mov.b64 g, p4; cvta.param.u64 g, g; ld.u32 x6, "
      "[g+16];\n"
      "st.global.v4.b32 [p], {x0, x1, x2, x3}; st.global.v2.b32 [p+16], {x4, x5}; st.global.b32 [p+24], x6; ret; }\n";
  const Fault fault = LaunchText(text, {.grid = {1}, .block = {1}}, std::as_bytes(std::span(&parameters, 1)).first(36));
  ASSERT_FALSE(fault) << fault.text;
  std::vector<uint32_t> actual = out.Read<uint32_t>();
  actual.resize(7);
  EXPECT_EQ(actual, (std::vector<uint32_t>{0xFFFFFF81, 0xFFFFFFFE, 0x3FC00000, 30, 10, 20, 50}));
}

TEST(PtxMemory, ModuleVariables) {
  const std::string text =
      ".global .align 4 .u32 counts[4] = {5, 6, 7}; .const .align 4 .b32 table[2] = {0x11, 0x22}; .global .align 8 "
      ".u64 pointer = generic(counts);\n"
      ".global .align 1 .b8 text[3] = {65, 66, 0}; .global .f32 half = 0f3F000000;\n"
      ".visible .entry test(.param .u64 out) { .reg .b64 p, q; .reg .b32 x<8>; ld.param.u64 p, [out]; ld.global.u32 "
      "x0, [counts+8]; ld.const.u32 x1, [table+4];\n"
      "ld.global.u64 q, [pointer]; ld.u32 x2, [q+4]; ld.global.u32 x3, [counts+12]; ld.global.u8 x4, [text+1]; "
      "ld.global.b32 x5, [half];\n"
      "st.global.v4.b32 [p], {x0, x1, x2, x3}; st.global.v2.b32 [p+16], {x4, x5}; ret; }\n";
  const Buffer out(24);
  const Fault fault = RunKernel(text, {.grid = {1}, .block = {1}}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  EXPECT_EQ(out.Read<uint32_t>(), (std::vector<uint32_t>{7, 0x22, 6, 0, 66, 0x3F000000}));
}

TEST(PtxMemory, DynamicSharedMemoryIs1024Aligned) {
  const std::string text =
      ".extern .shared .align 16 .b8 dynamic[];\n.visible .entry test(.param .u64 out) { .shared .b8 fixed[40]; .reg "
      ".b64 p; .reg .b32 x, y;\n"
      "ld.param.u64 p, [out]; mov.u32 x, dynamic; mov.u32 y, fixed; st.shared.b8 [y], x; st.shared.u32 [x+4092], x; "
      "ld.shared.u32 y, [x+4092]; sub.u32 y, y, x;\n"
      "and.b32 x, x, 1023; st.global.v2.u32 [p], {x, y}; mov.u32 x, %dynamic_smem_size; st.global.u32 [p+8], x; ret; "
      "}\n";
  const Buffer out(12);
  const Fault fault = RunKernel(text, {.grid = {1}, .block = {1}, .dynamic_shared_bytes = 4096}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  EXPECT_EQ(out.Read<uint32_t>(), (std::vector<uint32_t>{0, 0, 4096}));
}

// --- atomics: 64 threads on one cell of global and of shared memory
// ---------------------------------------------------

struct Atomic {
  std::string form;  // "add.u32"
  int bits;
  uint64_t initial;
  std::string operands;  // after the address
  uint64_t expected;     // at the end
};

TEST(PtxMemory, AtomicsAndReductions) {
  const auto single = [](float value) { return uint64_t{std::bit_cast<uint32_t>(value)}; };
  const auto twice = [](double value) { return std::bit_cast<uint64_t>(value); };
  const std::vector<Atomic> atomics = {
      {"add.u32", 32, 5, "%x", 5 + 64 * 63 / 2},
      {"add.s32", 32, 0, "-1", static_cast<uint32_t>(-64)},
      {"add.u64", 64, uint64_t{1} << 40, "%y", (uint64_t{1} << 40) + 64 * 63 / 2},
      {"add.f32", 32, single(0.5f), "0f3F800000", single(64.5f)},
      {"add.f64", 64, twice(0.25), "0d3FF0000000000000", twice(64.25)},
      {"add.noftz.f16x2", 32, 0x3C003800, "%k", uint64_t{FloatToHalf(65)} << 16 | FloatToHalf(64.5f)},
      {"add.noftz.bf16x2", 32, 0, "%j", uint64_t{FloatToBFloat16(64)} << 16 | FloatToBFloat16(64)},
      {"min.s32", 32, 20, "%m", static_cast<uint32_t>(-31)},
      {"min.u32", 32, 20, "%x", 0},
      {"max.u32", 32, 20, "%x", 63},
      {"max.s32", 32, static_cast<uint32_t>(-100), "%m", 32},
      {"max.s64", 64, ~uint64_t{0}, "%y", 63},
      {"min.u64", 64, ~uint64_t{0}, "%y", 0},
      {"and.b32", 32, 0xFFFFFFFF, "0xFFFFFFF0", 0xFFFFFFF0},
      {"or.b32", 32, 0x40000000, "%x", 0x4000003F},
      {"xor.b32", 32, 7, "%x", 7},  // 0 ^ 1 ^ … ^ 63 = 0
      {"or.b64", 64, uint64_t{1} << 63, "%y", (uint64_t{1} << 63) | 63},
      {"inc.u32", 32, 0, "9", 64 % 10},
      {"dec.u32", 32, 3, "9", (3 + 640 - 64) % 10},
  };
  for (const std::string space : {"global", "shared", ""}) {
    for (const Atomic& atomic : atomics) {
      for (const bool reduction : {false, true}) {
        const std::string width = std::to_string(atomic.bits), dot = space.empty() ? "" : "." + space;
        const std::string at = space == "shared" ? "%c" : "%q";
        std::string text =
            ".visible .entry test(.param .u64 cell) { .shared .align 8 .b64 s; .reg .b64 %q, %y; .reg .b32 %x, %m, %c, "
            "%k, %j; "
            ".reg .pred %p; .reg .b" +
            width +
            " %old, %v;\n"
            "ld.param.u64 %q, [cell]; mov.u32 %x, %tid.x; cvt.u64.u32 %y, %x; sub.s32 %m, 32, %x; setp.ne.u32 %p, %x, "
            "0; mov.u32 %c, s; mov.b32 %k, 0x3C003C00; mov.b32 %j, 0x3F803F80;\n"
            "ld.global.b" +
            width + " %v, [%q]; @!%p st.shared.b" + width + " [%c], %v; bar.sync 0;\n";
        text += (reduction ? "red" + dot + "." + atomic.form + " [" : "atom" + dot + "." + atomic.form + " %old, [") +
                at + "], " + atomic.operands + ";\n";
        text += "bar.sync 0;\n";
        if (space == "shared") text += "ld.shared.b" + width + " %v, [%c]; @!%p st.global.b" + width + " [%q], %v;\n";
        text += "ret; }\n";
        const Buffer cell(std::vector<uint64_t>{atomic.initial});
        const Fault fault = RunKernel(text, {.grid = {1}, .block = {64}}, {cell.address()});
        ASSERT_FALSE(fault) << text << fault.text;
        const uint64_t mask = atomic.bits == 64 ? ~uint64_t{0} : 0xFFFFFFFF;
        EXPECT_EQ(cell.Read<uint64_t>()[0] & mask, atomic.expected)
            << (reduction ? "red." : "atom.") << space << '.' << atomic.form;
      }
    }
  }
}

TEST(PtxMemory, AtomicsGiveTheOldValue) {
  // Each thread takes a ticket; exchange and compare-and-swap.
  const std::string text =
      ".visible .entry test(.param .u64 cell, .param .u64 out) { .reg .b64 q, o, w; .reg .b32 x, t<8>;\n"
      "ld.param.u64 q, [cell]; ld.param.u64 o, [out]; mov.u32 x, %tid.x; atom.global.relaxed.gpu.add.u32 t0, [q], 1; "
      "mul.wide.u32 w, t0, 4; add.u64 o, o, w; st.global.u32 [o], 1;\n"
      "setp.ne.u32 p, x, 7;\n@p bra END;\natom.acq_rel.gpu.global.cas.b32 t1, [q+8], 5, 6; atom.global.cas.b32 t2, "
      "[q+8], 5, 9; atom.global.exch.b32 t3, [q+8], 11;\n"
      "st.global.u32 [q+12], t1; st.global.u32 [q+16], t2; st.global.u32 [q+20], t3;\nEND: ret; }\n";
  std::string declared = text;
  declared.replace(declared.find(".reg .b32 x,"), 0, ".reg .pred p; ");
  const Buffer cell(std::vector<uint32_t>{0, 0, 5, 0, 0, 0}), out(64 * 4);
  const Fault fault = RunKernel(declared, {.grid = {1}, .block = {64}}, {cell.address(), out.address()});
  ASSERT_FALSE(fault) << fault.text;
  EXPECT_EQ(cell.Read<uint32_t>(), (std::vector<uint32_t>{64, 0, 11, 5, 6, 6}));
  EXPECT_EQ(out.Read<uint32_t>(), std::vector<uint32_t>(64, 1));
}

// --- faults
// -----------------------------------------------------------------------------------------------------------

Fault Access(const std::string& instruction, uint64_t address, size_t dynamic_shared = 0) {
  const std::string text =
      ".visible .entry test(.param .u64 p) { .reg .b64 q, v<2>; .reg .b32 x<4>, c; ld.param.u64 q, [p]; cvt.u32.u64 c, "
      "q; mov.u32 x0, 1; mov.u64 v0, 2;\n" +
      instruction + "\nret; }\n";
  return RunKernel(text, {.grid = {1}, .block = {1}, .dynamic_shared_bytes = dynamic_shared}, {address});
}

TEST(PtxMemory, WrongAddressesAreFaults) {
  const Buffer buffer(100);
  EXPECT_FALSE(Access("st.global.u32 [q+96], x0;", buffer.address()));
  const Fault beyond = Access("st.global.u32 [q+100], x0;", buffer.address());
  EXPECT_EQ(beyond.kind, FaultKind::kInvalidAddress);
  EXPECT_NE(beyond.text.find("st.global.u32"), std::string::npos) << beyond.text;
  EXPECT_NE(beyond.text.find("test"), std::string::npos) << beyond.text;
  EXPECT_EQ(Access("ld.global.u32 x1, [q+-4];", buffer.address()).kind, FaultKind::kInvalidAddress);
  EXPECT_EQ(Access("ld.global.u64 v1, [q+96];", buffer.address()).kind, FaultKind::kInvalidAddress);
  EXPECT_EQ(Access("ld.global.u32 x1, [q];", 0).kind, FaultKind::kInvalidAddress);
  EXPECT_EQ(Access("ld.u32 x1, [q];", 0).kind, FaultKind::kInvalidAddress);
  int host = 0;
  EXPECT_EQ(Access("ld.global.u32 x1, [q];", reinterpret_cast<uint64_t>(&host)).kind, FaultKind::kInvalidAddress);
  EXPECT_EQ(Access("ld.global.u32 x1, [q+2];", buffer.address()).kind, FaultKind::kMisalignedAddress);
  EXPECT_EQ(Access("ld.global.v2.u32 {x1, x2}, [q+4];", buffer.address()).kind, FaultKind::kMisalignedAddress);
  EXPECT_EQ(Access("ld.global.v4.u32 {x1, x2, x3, c}, [q+8];", buffer.address()).kind, FaultKind::kMisalignedAddress);
  EXPECT_EQ(Access("st.global.u64 [q+4], v0;", buffer.address()).kind, FaultKind::kMisalignedAddress);
  EXPECT_EQ(Access("atom.global.add.u32 x1, [q+1], 1;", buffer.address()).kind, FaultKind::kMisalignedAddress);
  EXPECT_EQ(Access("st.shared.u32 [c], x0;", 232448 + 4096).kind, FaultKind::kInvalidAddress);
  EXPECT_EQ(Access("st.shared.u32 [c], x0;", 0).kind, FaultKind::kInvalidAddress);  // what the system reserves
  uint64_t freed;
  {
    const Buffer gone(64);
    freed = gone.address();
  }
  const Fault after = Access("ld.global.u32 x1, [q];", freed);
  EXPECT_EQ(after.kind, FaultKind::kInvalidAddress);
  EXPECT_NE(after.text.find("free"), std::string::npos) << after.text;
  // Never written: the device of these tests is strict.
  const uint64_t fresh = TestDevice().Allocate(64);
  EXPECT_EQ(Access("ld.global.u32 x1, [q]; st.global.u32 [q+4], x1;", fresh).kind, FaultKind::kUninitialized);
  EXPECT_FALSE(Access("st.global.u32 [q], x0; ld.global.u32 x1, [q];", fresh));
  TestDevice().Free(fresh);
}

TEST(PtxMemory, TrapsAndUnknownFormsAreReported) {
  // What PTX has and the emulator lacks is refused by name, not ignored.
  for (const char* form :
       {"bfind.shiftamt.u32 x0, x1;", "set.gt.u32.s32 x0, x1, x2;", "tex.1d.v4.f32.s32 {x0, x1, x2, x3}, [q, {x0}];"}) {
    const Fault refused = Access(form, 0);
    EXPECT_EQ(refused.kind, FaultKind::kInvalidModule) << form;
    EXPECT_NE(refused.text.find(std::string(form).substr(0, std::string(form).find('.'))), std::string::npos)
        << refused.text;
  }
  EXPECT_EQ(Access("trap;", 0).kind, FaultKind::kTrap);
  const Fault unknown = Access("frobnicate.u32 x0, x1;", 0);
  EXPECT_EQ(unknown.kind, FaultKind::kInvalidModule);
  EXPECT_NE(unknown.text.find("frobnicate"), std::string::npos) << unknown.text;
  EXPECT_EQ(Access("add.u32 x0, x1, nowhere;", 0).kind, FaultKind::kInvalidModule);
  EXPECT_EQ(Access("bra NOWHERE;", 0).kind, FaultKind::kInvalidModule);
}

}  // namespace
}  // namespace emulator
