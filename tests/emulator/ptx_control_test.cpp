// Predicates, branches, scopes, calls, special registers, barriers of a block and launches.

#include <algorithm>

#include "ptx_test.h"

namespace emulator {
namespace {

Values Lanes() {
  Values values;
  for (uint64_t lane = 0; lane < 32; ++lane) values.push_back(lane);
  return values;
}

TEST(PtxControl, GuardsAndPredicateLogic) {
  const std::string set = "setp.lt.u32 %p0, %w0, 16; setp.eq.u32 %p1, %w0, 20; mov.u32 %o, 0;";
  const auto low = [](uint64_t lane) { return lane < 16; };
  Check(32, set + "@%p0 mov.u32 %o, 5; @!%p0 add.u32 %o, %o, 7;", {Lanes()}, [&](OPERANDS) { return low(a) ? 5 : 7; });
  const std::string get = "selp.u32 %o, 1, 0, %p2;";
  Check(32, set + "and.pred %p2, %p0, %p1;" + get, {Lanes()}, [&](OPERANDS) { return low(a) && a == 20; });
  Check(32, set + "or.pred %p2, %p0, %p1;" + get, {Lanes()}, [&](OPERANDS) { return low(a) || a == 20; });
  Check(32, set + "xor.pred %p2, %p0, %p1;" + get, {Lanes()}, [&](OPERANDS) { return low(a) != (a == 20); });
  Check(32, set + "not.pred %p2, %p0;" + get, {Lanes()}, [&](OPERANDS) { return !low(a); });
  Check(32, set + "mov.pred %p2, %p1;" + get, {Lanes()}, [&](OPERANDS) { return a == 20; });
  Check(32, set + "mov.pred %p2, 1;" + get, {Lanes()}, [](OPERANDS) { return 1; });
  // A guarded comparison writes its predicates in the guarded lanes alone.
  Check(32, set + "mov.pred %p2, %p0; @%p1 setp.eq.u32 %p2, %w0, 20;" + get, {Lanes()},
        [&](OPERANDS) { return low(a) || a == 20; });
}

TEST(PtxControl, DivergenceAndReconvergence) {
  Check(32,
        "setp.lt.u32 %p0, %w0, 10;\n@%p0 bra LOW;\nadd.u32 %o, %w0, 100;\nbra.uni DONE;\nLOW: add.u32 %o, %w0, "
        "200;\nDONE:\n",
        {Lanes()}, [](OPERANDS) { return a < 10 ? a + 200 : a + 100; });
  // Loops of a different length in each lane, one inside the other.
  Check(32,
        "mov.u32 %o, 0; mov.u32 %t0, 0;\nOUTER: setp.ge.u32 %p0, %t0, %w0;\n@%p0 bra END;\nmov.u32 %t1, 0;\nINNER: "
        "add.u32 %o, %o, 1;\n"
        "add.u32 %t1, %t1, 1; setp.le.u32 %p1, %t1, %t0;\n@%p1 bra INNER;\nadd.u32 %t0, %t0, 1;\nbra OUTER;\nEND:\n",
        {Lanes()}, [](OPERANDS) { return a * (a + 1) / 2; });
  // All lanes are together again for a shuffle after a branch.
  Check(32,
        "setp.ge.u32 %p0, %w0, 16; mov.u32 %t0, %w0;\n@%p0 bra SKIP;\nadd.u32 %t0, %t0, 1000;\nSKIP: "
        "shfl.sync.bfly.b32 %o, %t0, 16, 31, 0xFFFFFFFF;\n",
        {Lanes()}, [](OPERANDS) { return a < 16 ? a + 16 : a - 16 + 1000; });
  // Lanes that have left are not waited for.
  const std::string text =
      ".visible .entry test(.param .u64 out) { .reg .b64 p, w; .reg .b32 x, y; .reg .pred q; ld.param.u64 p, [out]; "
      "mov.u32 x, %tid.x; and.b32 y, x, 1; setp.eq.u32 q, y, 1;\n"
      "@q exit;\nactivemask.b32 y; bar.sync 0; mul.wide.u32 w, x, 4; add.u64 p, p, w; st.global.u32 [p], y; ret; }\n";
  const Buffer out(64 * 4);
  const Fault fault = RunKernel(text, {.grid = {1}, .block = {64}}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<uint32_t> masks = out.Read<uint32_t>();
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(masks[i], i % 2 ? 0 : 0x55555555u);
}

TEST(PtxControl, IndexedBranches) {
  Check(32,
        "and.b32 %t0, %w0, 3;\nTABLE: .branchtargets ZERO, ONE, TWO, THREE;\nbrx.idx %t0, TABLE;\nZERO: mov.u32 %o, "
        "10;\nbra END;\nONE: mov.u32 %o, 21;\nbra END;\n"
        "TWO: mov.u32 %o, 32;\nbra END;\nTHREE: mov.u32 %o, 43;\nEND:\n",
        {Lanes()}, [](OPERANDS) { return 10 + 11 * (a & 3); });
}

TEST(PtxControl, ScopesHaveTheirOwnRegistersAndLabels) {
  // What inline assembly of one function repeated looks like.
  const std::string wait =
      "{ .reg .pred P1; .reg .b32 n; mov.u32 n, 0;\nLAB_WAIT: add.u32 n, n, 1; setp.ge.u32 P1, n, %w0;\n@P1 bra "
      "DONE;\nbra LAB_WAIT;\nDONE: add.u32 %o, %o, n; }\n";
  Check(32, "mov.u32 %o, 0;" + wait + wait + wait, {Lanes()}, [](OPERANDS) { return 3 * std::max<uint64_t>(a, 1); });
  Check(32,
        "{ .reg .b32 x; mov.u32 x, 1; { .reg .b32 x; mov.u32 x, 50; { .reg .b32 %t0; mov.u32 %t0, x; add.u32 %t1, %t0, "
        "2; } } add.u32 %o, x, %t1; }",
        {Lanes()}, [](OPERANDS) { return 53; });
  Check(32, "mov.u32 %t0, 4; { .reg .b32 %t0; mov.u32 %t0, 9; } mov.u32 %o, %t0;", {Lanes()},
        [](OPERANDS) { return 4; });
}

// Calls: a function within a function, a guarded and a divergent one, structures, an early return, local variables.
const char* const kFunctions =
    ".func (.param .b32 result) triple(.param .b32 n) { .reg .b32 x; ld.param.u32 x, [n]; mul.lo.u32 x, x, 3; "
    "st.param.b32 [result], x; ret; }\n"
    ".func (.param .b32 result) sum(.param .b32 n) { .reg .b32 x, y, i; .reg .pred p, q; .local .b32 cell[2]; "
    "ld.param.u32 x, [n]; setp.eq.u32 p, x, 3;\n"
    "@p st.param.b32 [result], 77;\n@p ret;\nmov.u32 i, 0; st.local.u32 [cell], 0;\nLOOP: setp.ge.u32 q, i, x;\n@q bra "
    "END;\n"
    "{ .param .b32 a; .param .b32 r; st.param.b32 [a], i; call.uni (r), triple, (a); ld.param.b32 y, [r]; }\nadd.u32 "
    "i, i, 1; ld.local.u32 x, [cell]; add.u32 x, x, y; st.local.u32 [cell], x; ld.param.u32 x, [n];\nbra LOOP;\n"
    "END: ld.local.u32 y, [cell]; st.param.b32 [result], y; ret; }\n"
    ".func (.param .align 8 .b8 result[16]) pair(.param .b64 a, .param .align 4 .b8 s[8]) { .reg .b64 x; .reg .b32 y, "
    "z; ld.param.u64 x, [a]; ld.param.v2.u32 {y, z}, [s];\n"
    "st.param.b64 [result], x; add.u32 y, y, z; st.param.b32 [result+8], y; ret; }\n"
    ".func nothing() { ret; }\n"
    ".func (.param .b32 result) endless(.param .b32 n) { { .param .b32 a; .param .b32 r; st.param.b32 [a], 1; call "
    "(r), endless, (a); } ret; }\n";

TEST(PtxControl, Calls) {
  const std::string text =
      kFunctions +
      std::string(
          ".visible .entry test(.param .u64 out) { .reg .b64 p, w; .reg .b32 x, y, z; .reg .pred q; ld.param.u64 p, "
          "[out]; mov.u32 x, %tid.x; mul.wide.u32 w, x, 16; add.u64 p, p, w;\n"
          "{ .param .b32 a; .param .b32 r; st.param.b32 [a], x; call (r), triple, (a); ld.param.b32 y, [r]; "
          "}\nst.global.u32 [p], y; call nothing; setp.lt.u32 q, x, 8; mov.u32 z, 0;\n"
          "{ .param .b32 a; .param .b32 r; st.param.b32 [r], 5; st.param.b32 [a], x;\n@q call (r), sum, "
          "(a);\nld.param.b32 z, [r]; }\nst.global.u32 [p+4], z;\n"
          "{ .param .b64 a; .param .align 4 .b8 s[8]; .param .align 8 .b8 r[16]; st.param.b64 [a], w; st.param.v2.b32 "
          "[s], {x, y}; call.uni (r), pair, (a, s); ld.param.b64 w, [r]; ld.param.b32 z, [r+8]; }\n"
          "st.global.u32 [p+8], z; cvt.u32.u64 z, w; st.global.u32 [p+12], z; ret; }\n");
  const Buffer out(32 * 16);
  const Fault fault = RunKernel(text, {.grid = {1}, .block = {32}}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<uint32_t> actual = out.Read<uint32_t>();
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(actual[4 * i], 3 * i);
    EXPECT_EQ(actual[4 * i + 1], i >= 8 ? 5 : i == 3 ? 77 : 3 * i * (i - 1) / 2) << i;
    EXPECT_EQ(actual[4 * i + 2], 4 * i);
    EXPECT_EQ(actual[4 * i + 3], 16 * i);
  }
}

TEST(PtxControl, CallsThatCannotBeMadeAreNamed) {
  const std::string text =
      kFunctions + std::string(
                       ".extern .func (.param .b32 r) missing(.param .b32 a);\n.visible .entry test() { { .param .b32 "
                       "a; .param .b32 r; st.param.b32 [a], 1; call (r), NAME, (a); } ret; }\n");
  for (const std::string name : {"endless", "missing"}) {
    std::string calling = text;
    calling.replace(calling.find("NAME"), 4, name);
    const Fault fault = RunKernel(calling, {.grid = {1}, .block = {32}}, {});
    EXPECT_EQ(fault.kind, FaultKind::kInvalidModule);
    EXPECT_NE(fault.text.find(name), std::string::npos) << fault.text;
  }
}

TEST(PtxControl, Printing) {
  std::string printed;
  Device device(
      {.memory_bytes = size_t{1} << 20, .threads = 1, .print = [&](std::string_view text) { printed += text; }});
  const std::string text =
      std::string(kPtxHead) +
      ".extern .func (.param .b32 result) vprintf(.param .b64 format, .param .b64 arguments);\n"
      ".global .align 1 .b8 format[24] = {37, 100, 32, 37, 115, 32, 37, 46, 50, 102, 32, 37, 108, 108, 117, 32, 37, "
      "120, 37, 37, 10, 0};\n"  // "%d %s %.2f %llu %x%%\n"
      ".global .align 1 .b8 word[4] = {97, 98, 99, 0};\n"
      ".visible .entry test() { .local .align 8 .b8 a[40]; .reg .b64 p, q, r; .reg .b32 x; mov.u64 p, a; "
      "cvta.local.u64 q, p; st.local.u32 [a], -7; mov.u64 r, word; cvta.global.u64 r, r; st.local.u64 [a+8], r;\n"
      "st.local.f64 [a+16], 0d3FF4000000000000; st.local.u64 [a+24], 12345678901234567; st.local.u32 [a+32], 255; "
      "mov.u64 r, format; cvta.global.u64 r, r;\n"
      "{ .param .b64 f; .param .b64 v; .param .b32 n; st.param.b64 [f], r; st.param.b64 [v], q; call.uni (n), vprintf, "
      "(f, v); ld.param.b32 x, [n]; } ret; }\n";
  int module = 0;
  Fault fault = device.LoadModule(text, "test", &module);
  ASSERT_FALSE(fault) << fault.text;
  fault = device.Launch(*device.FindKernel("test"), {.grid = {1}, .block = {1}}, {});
  ASSERT_FALSE(fault) << fault.text;
  EXPECT_EQ(printed, "-7 abc 1.25 12345678901234567 ff%\n");
}

TEST(PtxControl, ThreadAndBlockNumbers) {
  const std::string text =
      ".visible .entry test(.param .u64 out) { .reg .b64 p, w; .reg .b32 t<3>, n<3>, c<3>, g<3>, i, j; ld.param.u64 p, "
      "[out];\n"
      "mov.u32 t0, %tid.x; mov.u32 t1, %tid.y; mov.u32 t2, %tid.z; mov.u32 n0, %ntid.x; mov.u32 n1, %ntid.y; mov.u32 "
      "n2, %ntid.z;\n"
      "mov.u32 c0, %ctaid.x; mov.u32 c1, %ctaid.y; mov.u32 c2, %ctaid.z; mov.u32 g0, %nctaid.x; mov.u32 g1, %nctaid.y; "
      "mov.u32 g2, %nctaid.z;\n"
      "mad.lo.u32 i, t2, n1, t1; mad.lo.u32 i, i, n0, t0; mad.lo.u32 j, c2, g1, c1; mad.lo.u32 j, j, g0, c0; "
      "mul.lo.u32 n0, n0, n1; mul.lo.u32 n0, n0, n2; mad.lo.u32 j, j, n0, i;\n"
      "mul.wide.u32 w, j, 4; add.u64 p, p, w; mad.lo.u32 g2, g2, 1000, t2; st.global.u32 [p], g2; ret; }\n";
  const Buffer out(24 * 24 * 4);
  const Fault fault = RunKernel(text, {.grid = {2, 3, 4}, .block = {4, 2, 3}}, {out.address()});
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<uint32_t> actual = out.Read<uint32_t>();
  for (uint32_t i = 0; i < 24 * 24; ++i) ASSERT_EQ(actual[i], 4000 + i % 24 / 8) << i;
}

// --- barriers
// ---------------------------------------------------------------------------------------------------------

// 128 threads; `body` has %x (thread), s (128 words of shared memory), at (the own word), and leaves its result in %o.
std::vector<uint32_t> Block(const std::string& body, uint64_t seed = 1, Fault* fault = nullptr) {
  const std::string text =
      ".visible .entry test(.param .u64 out) { .shared .align 8 .b32 s[132]; .reg .b64 %p, %w; .reg .b32 %x, %o, "
      "%t<6>, at; .reg .pred %q<4>; ld.param.u64 %p, [out];\n"
      "mov.u32 %x, %tid.x; mov.u32 at, s; mad.lo.u32 at, %x, 4, at; st.shared.u32 [at], %x; mov.u32 %o, 0;\n" +
      body + "\nmul.wide.u32 %w, %x, 4; add.u64 %p, %p, %w; st.global.u32 [%p], %o; ret; }\n";
  const Buffer out(128 * 4);
  TestDevice().SetSeed(seed);
  const Fault result = RunKernel(text, {.grid = {1}, .block = {128}}, {out.address()});
  if (fault) {
    *fault = result;
  } else {
    EXPECT_FALSE(result) << body << "\n" << result.text;
  }
  return out.Read<uint32_t>();
}

TEST(PtxControl, BarriersOrderSharedMemory) {
  const std::string read = "xor.b32 %t0, %x, 96; mov.u32 %t1, s; mad.lo.u32 %t1, %t0, 4, %t1; ld.shared.u32 %o, [%t1];";
  for (const char* barrier : {"bar.sync 0;", "barrier.sync 3;", "barrier.sync.aligned 2, 128;", "bar.sync 1, 128;",
                              "barrier.cta.sync 0;", "mov.u32 %t2, 5; mov.u32 %t3, 128; bar.sync %t2, %t3;"}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const std::vector<uint32_t> actual =
          Block("add.u32 %t4, %x, 1000; st.shared.u32 [at], %t4;" + (barrier + read), seed);
      for (uint32_t i = 0; i < 128; ++i) ASSERT_EQ(actual[i], (i ^ 96) + 1000) << barrier << " seed " << seed;
    }
  }
  // Half of the warps arrive only; the others wait for them.
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<uint32_t> actual = Block(
        "setp.lt.u32 %q0, %x, 64; add.u32 %t4, %x, 1000;\n@!%q0 bra WAIT;\nst.shared.u32 [at], %t4; bar.arrive 6, "
        "128;\nbra END;\nWAIT: bar.sync 6, 128;" +
            read + "\nEND:\n",
        seed);
    for (uint32_t i = 64; i < 128; ++i) ASSERT_EQ(actual[i], (i ^ 96) + 1000) << seed;
  }
}

TEST(PtxControl, BarrierReductions) {
  const std::vector<uint32_t> count =
      Block("rem.u32 %t0, %x, 3; setp.eq.u32 %q0, %t0, 0; bar.red.popc.u32 %o, 0, %q0;");
  EXPECT_EQ(count, std::vector<uint32_t>(128, 43));
  const std::vector<uint32_t> both = Block(
      "setp.lt.u32 %q0, %x, 127; bar.red.and.pred %q1, 0, %q0; bar.red.or.pred %q2, 0, !%q0; selp.u32 %t0, 1, 0, %q1; "
      "selp.u32 %t1, 2, 0, %q2; or.b32 %o, %t0, %t1;");
  EXPECT_EQ(both, std::vector<uint32_t>(128, 2));
}

TEST(PtxControl, OrderingWithoutEffectOnValues) {
  for (const char* form :
       {"membar.cta;", "membar.gl;", "membar.sys;", "fence.acq_rel.gpu;", "fence.sc.cta;", "fence.acq_rel.cluster;",
        "fence.proxy.async;", "fence.proxy.async.shared::cta;", "fence.proxy.async.global;",
        "fence.mbarrier_init.release.cluster;", "griddepcontrol.wait;", "griddepcontrol.launch_dependents;",
        "setmaxnreg.inc.sync.aligned.u32 240;", "setmaxnreg.dec.sync.aligned.u32 24;", "nanosleep.u32 20;",
        "bar.warp.sync 0xFFFFFFFF;", "prefetch.global.L2 [%p];"}) {
    const std::vector<uint32_t> actual = Block(std::string(form) + " mov.u32 %o, %x;");
    for (uint32_t i = 0; i < 128; ++i) ASSERT_EQ(actual[i], i) << form;
  }
}

TEST(PtxControl, DeadlocksNameWhatIsWaitedFor) {
  Fault fault;
  Block("bar.sync 4, 160;", 1, &fault);
  EXPECT_EQ(fault.kind, FaultKind::kDeadlock) << fault.text;
  EXPECT_NE(fault.text.find("barrier 4"), std::string::npos) << fault.text;
  Block("setp.lt.u32 %q0, %x, 32;\n@%q0 bra END;\nbar.sync 1, 128;\nEND:\n", 1, &fault);
  EXPECT_EQ(fault.kind, FaultKind::kDeadlock) << fault.text;
}

TEST(PtxControl, LaunchLimits) {
  const std::string text = ".visible .entry test() .maxntid 64, 1, 1 { ret; }\n";
  EXPECT_FALSE(RunKernel(text, {.grid = {1}, .block = {64}}, {}));
  EXPECT_EQ(RunKernel(text, {.grid = {1}, .block = {65}}, {}).kind, FaultKind::kInvalidLaunch);
  const std::string plain = ".visible .entry test() { ret; }\n";
  EXPECT_EQ(RunKernel(plain, {.grid = {1}, .block = {32, 33}}, {}).kind, FaultKind::kInvalidLaunch);
  EXPECT_EQ(RunKernel(plain, {.grid = {0}, .block = {32}}, {}).kind, FaultKind::kInvalidLaunch);
  EXPECT_EQ(
      RunKernel(plain, {.grid = {1}, .block = {32}, .dynamic_shared_bytes = kMaxSharedBytesPerBlock + 1}, {}).kind,
      FaultKind::kInvalidLaunch);
  EXPECT_EQ(RunKernel(plain, {.grid = {3}, .block = {32}, .cluster = {2}}, {}).kind, FaultKind::kInvalidLaunch);
  EXPECT_EQ(RunKernel(plain, {.grid = {32}, .block = {32}, .cluster = {32}}, {}).kind, FaultKind::kInvalidLaunch);
}

}  // namespace
}  // namespace emulator
