// Schedules: what waits for what, over many seeds, and what a missing wait shows.

#include <cmath>
#include <numeric>
#include <set>

#include "conversions.h"
#include "ptx_test.h"

namespace emulator {
namespace {

constexpr const char* kRegisters =
    ".reg .b16 %h<8>; .reg .b32 %r<40>; .reg .b64 %x<12>; .reg .pred %p<8>; .reg .f32 %f<40>;\nmov.u32 %r0, %tid.x;\n";
constexpr int kSeeds = 12;

LaunchConfig Threads(uint32_t threads, uint32_t blocks = 1, uint32_t cluster = 1) {
  return {{blocks, 1, 1}, {threads, 1, 1}, {cluster, 1, 1}, 0};
}

using U32s = std::vector<uint32_t>;

// Never-written memory is then a NaN, and no fault.
struct Lenient {
  Lenient() { TestDevice().SetStrict(false); }
  ~Lenient() { TestDevice().SetStrict(true); }
};

// The results of all threads in `out`, for a seed.
struct Result {
  Fault fault;
  U32s out;
};
Result Execute(const std::string& body, const LaunchConfig& launch, uint64_t seed, std::vector<uint64_t> inputs = {}) {
  const auto threads = static_cast<size_t>(launch.grid.count() * launch.block.count());
  const Buffer out(U32s(threads, 0));
  inputs.insert(inputs.begin(), out.address());
  std::string text = ".visible .entry test(";
  for (size_t i = 0; i < inputs.size(); ++i) text += (i ? ", .param .u64 p" : ".param .u64 p") + std::to_string(i);
  // %x0: where the thread's result goes.
  text += std::string(")\n{\n") + kRegisters +
          "ld.param.u64 %x0, [p0]; mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x;"
          "mad.lo.s32 %r3, %r1, %r2, %r0; mad.wide.u32 %x0, %r3, 4, %x0;\n" +
          body + "\nret;\n}\n";
  TestDevice().SetSeed(seed);
  Result result{RunKernel(text, launch, inputs), {}};
  if (!result.fault) result.out = out.Read<uint32_t>();
  return result;
}

constexpr const char* kBarrier = ".shared .align 8 .b64 bar; mov.u32 %r4, bar; setp.eq.u32 %p7, %r0, 0;\n";
constexpr const char* kWait = R"(
  { .reg .pred P; W: mbarrier.try_wait.parity.shared::cta.b64 P, [%r4], PARITY; @P bra D; bra W; D: }
)";
std::string WaitFor(int parity) {
  std::string text = kWait;
  text.replace(text.find("PARITY"), 6, std::to_string(parity));
  return text;
}

// --- barriers of a block
constexpr const char* kNeighbour = R"(
  .shared .align 4 .b8 s[512];
  mov.u32 %r4, s; mad.lo.s32 %r5, %r0, 4, %r4; st.shared.u32 [%r5], %r0;
  BARRIER
  add.u32 %r6, %r0, 33; and.b32 %r6, %r6, 127; mad.lo.s32 %r7, %r6, 4, %r4; ld.shared.u32 %r8, [%r7];
  st.global.u32 [%x0], %r8;
)";
std::string Neighbour(const std::string& barrier) {
  std::string text = kNeighbour;
  text.replace(text.find("BARRIER"), 7, barrier);
  return text;
}

TEST(PtxSchedule, BlockBarrierOrdersWarps) {
  bool wrong_without = false;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    for (const auto* barrier :
         {"bar.sync 0;", "barrier.sync.aligned 3, 128;", "mov.u32 %r9, 5; mov.u32 %r10, 128; bar.sync %r9, %r10;"}) {
      const auto result = Execute(Neighbour(barrier), Threads(128), seed);
      ASSERT_FALSE(result.fault) << result.fault.text;
      for (uint32_t i = 0; i < 128; ++i) ASSERT_EQ(result.out[i], (i + 33) % 128);
    }
    const Lenient lenient;
    const auto result = Execute(Neighbour(""), Threads(128), seed);
    for (uint32_t i = 0; i < 128; ++i) wrong_without |= result.out[i] != (i + 33) % 128;
  }
  EXPECT_TRUE(wrong_without) << "without a barrier some order of the warps shows it";
}

TEST(PtxSchedule, BlockBarrierLetsProducersGoOn) {
  // Warps 1 to 3 arrive, warp 0 waits for all four.
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const auto result = Execute(R"(
      .shared .align 4 .b8 s[512];
      mov.u32 %r4, s; mad.lo.s32 %r5, %r0, 4, %r4; st.shared.u32 [%r5], %r0;
      setp.lt.u32 %p0, %r0, 32;
      @%p0 bra CONSUMER;
      bar.arrive 2, 128;
      bra DONE;
    CONSUMER:
      bar.sync 2, 128;
      ld.shared.u32 %r8, [%r5+384];
      st.global.u32 [%x0], %r8;
    DONE:
    )",
                                Threads(128), seed);
    ASSERT_FALSE(result.fault) << result.fault.text;
    for (uint32_t i = 0; i < 32; ++i) ASSERT_EQ(result.out[i], i + 96);
  }
}

TEST(PtxSchedule, SharedMemoryThatNobodyWroteIsReportedInStrictMode) {
  const std::string shared = ".shared .align 4 .b8 s[256]; mov.u32 %r4, s; mad.lo.s32 %r5, %r0, 4, %r4;";
  const auto fault = Execute(shared + "st.shared.u32 [%r5], 1; ld.shared.u32 %r6, [%r5+4];", Threads(32), 1).fault;
  EXPECT_EQ(fault.kind, FaultKind::kUninitialized);
  EXPECT_NE(fault.text.find("never-written shared memory: 4 of 4 bytes"), std::string::npos) << fault.text;
  EXPECT_NE(fault.text.find("thread (31, 0, 0)"), std::string::npos) << fault.text;
  EXPECT_FALSE(Execute(shared + "st.shared.u32 [%r5], 1; ld.shared.u32 %r6, [%r5];", Threads(32), 1).fault);
}

TEST(PtxSchedule, BlockBarrierWithoutAllThreadsIsADeadlock) {
  const auto result = Execute("setp.lt.u32 %p0, %r0, 32; @%p0 bar.sync 1, 96; bar.sync 0;", Threads(64), 1);
  EXPECT_EQ(result.fault.kind, FaultKind::kDeadlock);
  EXPECT_NE(result.fault.text.find("barrier 1 (32 of 96 threads have arrived)"), std::string::npos)
      << result.fault.text;
}

// --- clusters
TEST(PtxSchedule, ClusterHasNoMemoryOfOtherBlocks) {
  const auto result = Execute(
      ".shared .align 4 .b8 s[4]; mov.u32 %r4, s; add.u32 %r4, %r4, 0x2000000; st.shared::cluster.u32 [%r4], 0;",
      Threads(32, 2, 2), 1);
  EXPECT_EQ(result.fault.kind, FaultKind::kInvalidAddress);
  EXPECT_NE(result.fault.text.find("the cluster has 2 blocks"), std::string::npos) << result.fault.text;
}

TEST(PtxSchedule, ClusterMemoryEndsWithItsBlock) {
  // Block 1 waits until its neighbour's barrier says go, which it says last.
  const std::string body = R"(
    .shared .align 8 .b64 bar; mov.u32 %r4, bar; mov.u32 %r5, %cluster_ctarank; setp.eq.u32 %p0, %r5, 0;
    setp.eq.u32 %p7, %r0, 0;
    @%p7 mbarrier.init.shared.b64 [%r4], 1;
    barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;
    @!%p0 bra REMOTE;
    mapa.shared::cluster.u32 %r6, %r4, 1;
    @%p7 mbarrier.arrive.shared::cluster.b64 _, [%r6];
    bra DONE;
  REMOTE:
  )" + WaitFor(0) + R"(
    mapa.shared::cluster.u32 %r6, %r4, 0;
    ld.shared::cluster.u64 %x1, [%r6];
  DONE:
  )";
  int found = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const auto result = Execute(body, Threads(32, 2, 2), seed);
    found +=
        result.fault.kind == FaultKind::kInvalidAddress && result.fault.text.find("has ended") != std::string::npos;
    const auto waiting =
        Execute(body + "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;", Threads(32, 2, 2), seed);
    EXPECT_FALSE(waiting.fault) << waiting.fault.text;
  }
  EXPECT_GT(found, 0);
}

// A lane that waits lets the lanes run that it waits for, wherever they are.
TEST(PtxSchedule, GroupsOfLanesGetOnIndependently) {
  const auto result = Execute(R"(
    .shared .align 8 .b64 bar; 
    mov.u32 %r12, bar;
    setp.ne.u32 %p0, %r0, 0;
    @!%p0 mbarrier.init.shared.b64 [%r12], 1;
    bar.warp.sync -1;
    @!%p0 bra LATER;
  WAIT:
    mbarrier.try_wait.parity.shared.b64 %p1, [%r12], 0;
    @!%p1 bra WAIT;
    bra.uni JOIN;
  LATER:
    mbarrier.arrive.shared.b64 _, [%r12];
  JOIN:
    bar.warp.sync -1;
    activemask.b32 %r1;
    st.global.u32 [%x0], %r13;
  )",
                              Threads(32), 1);
  ASSERT_FALSE(result.fault) << result.fault.text;
  EXPECT_EQ(result.out, U32s(32, ~0u));
}

// --- mbarriers
TEST(PtxSchedule, MbarrierPhasesAlternate) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const auto result = Execute(std::string(kBarrier) + R"(
      .shared .align 4 .b8 s[8];
      mov.u32 %r5, s;
      @%p7 mbarrier.init.shared.b64 [%r4], 2;
      bar.sync 0;
      setp.lt.u32 %p0, %r0, 32;
      and.b32 %r6, %r0, 31; setp.eq.u32 %p1, %r6, 0;
      @%p0 bra WAITER;
      @%p1 st.shared.u32 [%r5], 11;
      @%p1 mbarrier.arrive.shared.b64 _, [%r4];
      @%p1 mbarrier.arrive.shared.b64 %x1, [%r4], 1;
      bar.sync 1;
      @%p1 st.shared.u32 [%r5], 22;
      @%p1 mbarrier.arrive.shared::cluster.b64 _, [%r4], 2;
      bra DONE;
    WAITER:
    )" + WaitFor(0) + "ld.shared.u32 %r8, [%r5]; bar.sync 1;" +
                                    WaitFor(1) + R"(
      ld.shared.u32 %r9, [%r5]; mad.lo.s32 %r9, %r9, 100, %r8;
      st.global.u32 [%x0], %r9;
    DONE:
    )",
                                Threads(64), seed);
    ASSERT_FALSE(result.fault) << result.fault.text;
    EXPECT_EQ(result.out[5], 2211u);
  }
}

TEST(PtxSchedule, MbarrierCountsBytesBeforeTheyAreExpected) {
  const auto result = Execute(std::string(kBarrier) + R"(
    @!%p7 bra DONE;
    mbarrier.init.shared.b64 [%r4], 1;
    mbarrier.complete_tx.shared::cta.relaxed.cta.b64 [%r4], 48;
    mbarrier.test_wait.parity.shared.b64 %p0, [%r4], 1; selp.u32 %r5, 1, 0, %p0;
    mbarrier.expect_tx.relaxed.cta.shared.b64 [%r4], 16;
    mbarrier.arrive.expect_tx.shared.b64 %x1, [%r4], 32;
    mbarrier.test_wait.shared.b64 %p1, [%r4], %x1; selp.u32 %r6, 10, 0, %p1;
    mbarrier.test_wait.parity.shared.b64 %p2, [%r4], 0; selp.u32 %r7, 100, 0, %p2;
    add.u32 %r5, %r5, %r6; add.u32 %r5, %r5, %r7; st.global.u32 [%x0], %r5;
    DONE:
  )",
                              Threads(32), 1);
  ASSERT_FALSE(result.fault) << result.fault.text;
  EXPECT_EQ(result.out[0], 111u);
}

// A peek that runs into its time limit says no, and the program goes on.
TEST(PtxSchedule, MbarrierTryWaitHasATimeLimit) {
  const auto result = Execute(std::string(kBarrier) + R"(
    @%p7 mbarrier.init.shared.b64 [%r4], 1;
    bar.sync 0;
    mbarrier.try_wait.parity.shared.b64 %p0, [%r4], 0;
    selp.u32 %r5, 1, 0, %p0; st.global.u32 [%x0], %r5;
  )",
                              Threads(32), 1);
  ASSERT_FALSE(result.fault) << result.fault.text;
  EXPECT_EQ(result.out[0], 0u);
}

TEST(PtxSchedule, MbarrierMistakesAreReported) {
  const auto fault = [](const std::string& body) {
    return Execute(std::string(kBarrier) + "@!%p7 exit;" + body, Threads(32), 1).fault;
  };
  EXPECT_NE(fault("mbarrier.arrive.shared.b64 _, [%r4];").text.find("not initialised"), std::string::npos);
  EXPECT_EQ(fault("mbarrier.init.shared.b64 [%r4], 0;").kind, FaultKind::kIllegalInstruction);
  EXPECT_EQ(fault("mbarrier.init.shared.b64 [%r4], 1; mbarrier.arrive.shared.b64 _, [%r4], 2;").kind,
            FaultKind::kIllegalInstruction);
  EXPECT_EQ(fault("mbarrier.init.shared.b64 [%r4+4], 1;").kind, FaultKind::kMisalignedAddress);
  const Fault deadlock = fault("mbarrier.init.shared.b64 [%r4], 1;" + WaitFor(0));
  EXPECT_EQ(deadlock.kind, FaultKind::kDeadlock);
  EXPECT_NE(deadlock.text.find("to complete the phase of parity 0"), std::string::npos) << deadlock.text;
}

// --- cp.async
std::string AsyncCopies(const std::string& wait) {
  return R"(
    .shared .align 16 .b8 s[1024];
    ld.param.u64 %x1, [p1]; mad.wide.u32 %x1, %r0, 16, %x1;
    mov.u32 %r4, s; mad.lo.s32 %r4, %r0, 16, %r4;
    cp.async.cg.shared.global [%r4], [%x1], 16;
    cp.async.commit_group;
    cp.async.ca.shared.global [%r4+512], [%x1], 8, 4;
    cp.async.commit_group;
  )" + wait +
         "ld.shared.u32 %r5, [%r4+4]; ld.shared.u32 %r6, [%r4+512]; ld.shared.u32 %r7, [%r4+516];"
         "mad.lo.s32 %r5, %r6, 1000, %r5; mad.lo.s32 %r5, %r7, 1000000, %r5; st.global.u32 [%x0], %r5;";
}

TEST(PtxSchedule, AsyncCopyCompletesAtTheWaitForItsGroup) {
  const Lenient lenient;
  U32s values(128);
  std::iota(values.begin(), values.end(), 0);
  std::set<bool> late_first, late_second;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Buffer in(values);
    const auto run = [&](const std::string& wait) {
      const auto result = Execute(AsyncCopies(wait), Threads(32), seed, {in.address()});
      EXPECT_FALSE(result.fault) << result.fault.text;
      return result.out;
    };
    for (const auto* wait : {"cp.async.wait_group 0;", "cp.async.wait_all;"}) {
      const auto out = run(wait);
      // The second copy has 4 bytes of source: the rest is zero.
      for (uint32_t i = 0; i < 32; ++i) ASSERT_EQ(out[i], 4 * i * 1000 + 4 * i + 1);
    }
    // One group may be pending: the first is complete.
    const auto one = run("cp.async.wait_group 1;"), none = run("");
    for (uint32_t i = 0; i < 32; ++i) {
      late_second.insert(one[i] != 4 * i * 1000 + 4 * i + 1);
      late_first.insert(none[i] != 4 * i * 1000 + 4 * i + 1);
    }
  }
  EXPECT_EQ(late_first.size(), 2u) << "both orders are tried";
  EXPECT_EQ(late_second.size(), 2u);
}

TEST(PtxSchedule, AsyncCopyArrivesAtABarrier) {
  U32s values(128);
  std::iota(values.begin(), values.end(), 0);
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Buffer in(values);
    const auto result = Execute(std::string(kBarrier) + R"(
      .shared .align 16 .b8 s[512];
      @%p7 mbarrier.init.shared.b64 [%r4], 32;
      bar.sync 0;
      ld.param.u64 %x1, [p1]; mad.wide.u32 %x1, %r0, 16, %x1;
      mov.u32 %r5, s; mad.lo.s32 %r6, %r0, 16, %r5;
      cp.async.cg.shared.global.L2::128B [%r6], [%x1], 16;
      cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%r4];
    )" + WaitFor(0) + R"(
      xor.b32 %r7, %r0, 21; mad.lo.s32 %r7, %r7, 16, %r5; ld.shared.u32 %r8, [%r7+8]; st.global.u32 [%x0], %r8;
    )",
                                Threads(32), seed, {in.address()});
    ASSERT_FALSE(result.fault) << result.fault.text;
    for (uint32_t i = 0; i < 32; ++i) ASSERT_EQ(result.out[i], 4 * (i ^ 21) + 2);
  }
}

// --- bulk copies
TEST(PtxSchedule, BulkCopyGoesInAndOut) {
  U32s values(64);
  std::iota(values.begin(), values.end(), 100);
  std::set<bool> stale;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Buffer in(values), copy(U32s(64));
    const auto body = [&](bool wait_read) {
      return std::string(kBarrier) + R"(
      .shared .align 128 .b8 s[256];
      mov.u32 %r5, s; ld.param.u64 %x1, [p1]; ld.param.u64 %x2, [p2];
      @%p7 mbarrier.init.shared.b64 [%r4], 1;
      bar.sync 0;
      @%p7 mbarrier.arrive.expect_tx.shared.b64 _, [%r4], 256;
      @%p7 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r5], [%x1], 256, [%r4];
    )" + WaitFor(0) +
             R"(
      mad.lo.s32 %r6, %r0, 4, %r5; ld.shared.u32 %r7, [%r6+128]; st.global.u32 [%x0], %r7;
      bar.sync 0;
      @%p7 cp.async.bulk.global.shared::cta.bulk_group [%x2], [%r5], 256;
      @%p7 cp.async.bulk.commit_group;
    )" + (wait_read ? "@%p7 cp.async.bulk.wait_group.read 0;" : "") +
             "bar.sync 0; st.shared.u32 [%r6], 0;";
    };
    auto result = Execute(body(true), Threads(32), seed, {in.address(), copy.address()});
    ASSERT_FALSE(result.fault) << result.fault.text;
    for (uint32_t i = 0; i < 32; ++i) ASSERT_EQ(result.out[i], 132 + i);
    ASSERT_EQ(copy.Read<uint32_t>(), values);
    // Without the wait the source is overwritten first, on some seed.
    result = Execute(body(false), Threads(32), seed, {in.address(), copy.address()});
    ASSERT_FALSE(result.fault) << result.fault.text;
    stale.insert(copy.Read<uint32_t>() == values);
  }
  EXPECT_TRUE(stale.contains(false));
}

TEST(PtxSchedule, BulkCopyChecksSizesAndAlignment) {
  const Buffer in(U32s(64));
  const auto fault = [&](const std::string& copy) {
    return Execute(std::string(kBarrier) +
                       ".shared .align 128 .b8 s[256]; mov.u32 %r5, s; ld.param.u64 %x1, [p1]; @!%p7 exit;"
                       "mbarrier.init.shared.b64 [%r4], 1; mbarrier.arrive.expect_tx.shared.b64 _, [%r4], 32;" +
                       copy + WaitFor(0),
                   Threads(32), 1, {in.address()})
        .fault.kind;
  };
  const std::string form = "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes ";
  EXPECT_EQ(fault(form + "[%r5], [%x1], 32, [%r4];"), FaultKind::kNone);
  EXPECT_EQ(fault(form + "[%r5], [%x1], 24, [%r4];"), FaultKind::kMisalignedAddress);
  EXPECT_EQ(fault(form + "[%r5+8], [%x1], 32, [%r4];"), FaultKind::kMisalignedAddress);
  EXPECT_EQ(fault(form + "[%r5], [%x1+8], 32, [%r4];"), FaultKind::kMisalignedAddress);
  EXPECT_EQ(fault(form + "[%r5], [%x1+240], 32, [%r4];"), FaultKind::kInvalidAddress);
}

// --- matrix products. A is 64×16, B 8×16 (K-major, no swizzle: 8×8 cores of 128 bytes), both bf16.
struct Product {
  Fault fault;
  std::vector<float> d;  // 64 × 8
};
Product Multiply(uint64_t seed, const std::string& before_wait,
                 const std::string& wait = "wgmma.wait_group.sync.aligned 0;", const std::string& overwrite = "",
                 const std::string& fence = "fence.proxy.async.shared::cta;") {
  std::vector<uint16_t> a(64 * 16), b(8 * 16);
  const auto core = [](int row, int k) { return (row / 8 * 2 + k / 8) * 64 + row % 8 * 8 + k % 8; };
  for (int row = 0; row < 64; ++row) {
    for (int k = 0; k < 16; ++k) a[core(row, k)] = FloatToBFloat16(static_cast<float>((row * 7 + k * 3) % 11 - 5));
  }
  for (int n = 0; n < 8; ++n) {
    for (int k = 0; k < 16; ++k) b[core(n, k)] = FloatToBFloat16(static_cast<float>((n * 5 + k) % 7 - 3));
  }
  const Buffer in_a(a), in_b(b), out(std::vector<float>(64 * 8));
  // The descriptor: start, leading offset (128 between cores along k), stride (256 between cores along rows), in 16
  // bytes.
  Product product;
  TestDevice().SetSeed(seed);
  product.fault = RunKernel(".visible .entry test(.param .u64 p0, .param .u64 p1, .param .u64 p2) {\n" +
                                std::string(kRegisters) + R"(
    .shared .align 1024 .b8 a[2048]; .shared .align 1024 .b8 b[256];
    ld.param.u64 %x0, [p0]; ld.param.u64 %x1, [p1]; ld.param.u64 %x2, [p2];
    mov.u32 %r4, a; mov.u32 %r5, b;
    mad.wide.u32 %x3, %r0, 16, %x0; ld.global.v4.u32 {%r6, %r7, %r8, %r9}, [%x3]; mad.lo.s32 %r10, %r0, 16, %r4;
    st.shared.v4.u32 [%r10], {%r6, %r7, %r8, %r9};
    setp.lt.u32 %p0, %r0, 16;
    @%p0 mad.wide.u32 %x3, %r0, 16, %x1; @%p0 ld.global.v4.u32 {%r6, %r7, %r8, %r9}, [%x3]; @%p0 mad.lo.s32 %r11, %r0, 16, %r5;
    @%p0 st.shared.v4.u32 [%r11], {%r6, %r7, %r8, %r9};
  )" + fence + R"(
    bar.sync 0;
    shr.u32 %r6, %r4, 4; and.b32 %r6, %r6, 16383; cvt.u64.u32 %x4, %r6; or.b64 %x4, %x4, 0x1000080000;
    shr.u32 %r6, %r5, 4; and.b32 %r6, %r6, 16383; cvt.u64.u32 %x5, %r6; or.b64 %x5, %x5, 0x1000080000;
    mov.f32 %f0, 0f40000000; mov.f32 %f1, 0f40000000; mov.f32 %f2, 0f40000000; mov.f32 %f3, 0f40000000;
    setp.eq.u32 %p1, %r0, %r0;
    wgmma.fence.sync.aligned;
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0, %f1, %f2, %f3}, %x4, %x5, %p1, 1, 1, 0, 0;
    wgmma.commit_group.sync.aligned;
  )" + before_wait + wait + overwrite +
                                R"(
    // Warp w has rows 16w; lane l rows l/4 and l/4 + 8, columns 2(l % 4).
    shr.u32 %r12, %r0, 5; and.b32 %r13, %r0, 31; shr.u32 %r14, %r13, 2; mad.lo.s32 %r14, %r12, 16, %r14;
    and.b32 %r15, %r13, 3; shl.b32 %r15, %r15, 1; mad.lo.s32 %r16, %r14, 8, %r15; mad.wide.u32 %x6, %r16, 4, %x2;
    st.global.v2.f32 [%x6], {%f0, %f1}; st.global.v2.f32 [%x6+256], {%f2, %f3};
    ret; }
  )",
                            Threads(128), {in_a.address(), in_b.address(), out.address()});
  product.d = out.Read<float>();
  return product;
}

bool IsRight(const Product& product) {
  bool right = !product.fault;
  for (int row = 0; row < 64; ++row) {
    for (int n = 0; n < 8; ++n) {
      float sum = 2;
      for (int k = 0; k < 16; ++k) sum += static_cast<float>(((row * 7 + k * 3) % 11 - 5) * ((n * 5 + k) % 7 - 3));
      right = right && product.d[row * 8 + n] == sum;
    }
  }
  return right;
}

TEST(PtxSchedule, WgmmaMultipliesAndAccumulates) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const auto product = Multiply(seed, "");
    ASSERT_TRUE(IsRight(product)) << product.fault.text;
  }
}

TEST(PtxSchedule, WgmmaAccumulatorsInFlightArePoison) {
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const auto product = Multiply(seed, "", "");
    ASSERT_FALSE(product.fault) << product.fault.text;
    for (const float value : product.d) ASSERT_TRUE(std::isnan(value));
  }
}

TEST(PtxSchedule, WgmmaWritingAnAccumulatorInFlightIsReported) {
  const auto product = Multiply(1, "mov.f32 %f2, 0f00000000;");
  EXPECT_EQ(product.fault.kind, FaultKind::kIllegalInstruction);
  EXPECT_NE(product.fault.text.find("accumulator register 2 of a wgmma in flight"), std::string::npos)
      << product.fault.text;
}

TEST(PtxSchedule, WgmmaOperandsOverwrittenBeforeTheWaitAreFound) {
  int wrong = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) wrong += !IsRight(Multiply(seed, "st.shared.u32 [%r10], 0;"));
  EXPECT_GT(wrong, 0);
}

// What ordinary stores wrote is for the async proxy only after a fence of the writer, or of one who waited for it.
TEST(PtxSchedule, AMissingProxyFenceIsReported) {
  EXPECT_TRUE(IsRight(Multiply(1, "")));
  for (const auto* fence : {"", "bar.sync 0;"}) {
    const auto product = Multiply(1, "", "wgmma.wait_group.sync.aligned 0;", "", fence);
    EXPECT_EQ(product.fault.kind, FaultKind::kIllegalInstruction);
    EXPECT_NE(product.fault.text.find("no fence.proxy.async between"), std::string::npos) << product.fault.text;
  }
  EXPECT_TRUE(IsRight(Multiply(1, "", "wgmma.wait_group.sync.aligned 0;", "", "bar.sync 0; fence.proxy.async;")));
}

TEST(PtxSchedule, WgmmaNeedsAWholeWarpgroup) {
  const auto result = Execute(
      "mov.u64 %x1, 0; setp.eq.u32 %p0, 0, 0; wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 "
      "{%f0, %f1, %f2, %f3}, %x1, %x1, %p0, 1, 1, 0, 0;",
      Threads(96), 1);
  EXPECT_EQ(result.fault.kind, FaultKind::kIllegalInstruction);
}

// --- seeds
TEST(PtxSchedule, SeedsAreReproducible) {
  // Warps append their number to a list: the order is the scheduler's.
  const auto run = [](uint64_t seed) {
    const Buffer count(U32s(1)), list(U32s(16));
    const auto result = Execute(R"(
      ld.param.u64 %x1, [p1]; ld.param.u64 %x2, [p2]; and.b32 %r4, %r0, 31; setp.ne.u32 %p0, %r4, 0; @%p0 exit;
      atom.global.add.u32 %r5, [%x1], 1; mad.wide.u32 %x2, %r5, 4, %x2; shr.u32 %r6, %r0, 5; st.global.u32 [%x2], %r6;
    )",
                                Threads(512), seed, {count.address(), list.address()});
    EXPECT_FALSE(result.fault) << result.fault.text;
    return list.Read<uint32_t>();
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

}  // namespace
}  // namespace emulator
