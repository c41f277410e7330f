// What happens beside the warps: mbarriers, asynchronous copies, tensor copies, matrix products, clusters; and that a
// missing wait shows.

#include <cmath>
#include <cstring>
#include <random>

#include "conversions.h"
#include "ptx_test.h"

namespace emulator {
namespace {

constexpr uint64_t kSeeds = 6;

// Waits for the phase of `parity` on the barrier at register %bar.
std::string Wait(const std::string& parity) {
  return "{ .reg .pred done;\nAGAIN: mbarrier.try_wait.parity.shared::cta.b64 done, [%bar], " + parity +
         ";\n@done bra OUT;\nbra AGAIN;\nOUT: }\n";
}

// A kernel of `threads` in a cluster of `cluster` blocks. The body has %x (thread), %rank, %bar (address of an
// mbarrier, initialised to `count` by thread 0), %s (8 KiB of shared memory, 1024-byte aligned), %in, %out, %p0 (thread
// 0).
struct Kernel {
  std::string body;
  uint32_t threads = 32, count = 1, cluster = 1;
};

Fault Execute(const Kernel& kernel, uint64_t in, uint64_t out, uint64_t seed, const TensorMap* map = nullptr) {
  const std::string text =
      ".visible .entry test(.param .u64 in, .param .u64 out, .param .align 64 .b8 map[128]) {\n"
      ".shared .align 1024 .b8 buffer[8192]; .shared .align 8 .b64 barrier;\n"
      ".reg .b64 %in, %out, %map, %q<8>; .reg .b32 %x, %rank, %bar, %s, %t<16>; .reg .f32 %f<128>; .reg .pred %p<6>; "
      ".reg .b16 %h<4>;\n"
      "ld.param.u64 %in, [in]; ld.param.u64 %out, [out]; mov.b64 %map, map; cvta.param.u64 %map, %map; mov.u32 %x, "
      "%tid.x; mov.u32 %rank, %cluster_ctarank;\n"
      "mov.u32 %s, buffer; mov.u32 %bar, barrier; setp.eq.u32 %p0, %x, 0;\n@%p0 mbarrier.init.shared::cta.b64 "
      "[%bar], " +
      std::to_string(kernel.count) + ";\nfence.mbarrier_init.release.cluster; bar.sync 0;\n" +
      (kernel.cluster > 1 ? "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n" : "") + kernel.body +
      "\n" + (kernel.cluster > 1 ? "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n" : "") + "ret; }\n";
  std::byte parameters[64 + 128] = {};
  std::memcpy(parameters, &in, 8);
  std::memcpy(parameters + 8, &out, 8);
  if (map) {
    EXPECT_EQ(EncodeTensorMap(*map, parameters + 64), "");
  }
  TestDevice().SetSeed(seed);
  return LaunchText(text, {.grid = {kernel.cluster}, .block = {kernel.threads}, .cluster = {kernel.cluster}},
                    parameters);
}

std::vector<uint32_t> Words(size_t count) {
  std::vector<uint32_t> words(count);
  for (size_t i = 0; i < count; ++i) words[i] = static_cast<uint32_t>(i * 2654435761u);
  return words;
}

const std::string kOwnOut = "mul.wide.u32 %q7, %x, 4; add.u64 %q7, %out, %q7; ";

// --- mbarriers
// --------------------------------------------------------------------------------------------------------

TEST(PtxAsync, BarrierPhases) {
  // 64 threads write, arrive and wait; then read each other's, for two phases.
  const Kernel kernel{
      "shl.b32 %t0, %x, 2; add.u32 %t0, %t0, %s; add.u32 %t1, %x, 7; st.shared.u32 [%t0], %t1; "
      "mbarrier.arrive.shared::cta.b64 %q0, [%bar];\n" +
          Wait("0") +
          "xor.b32 %t2, %x, 33; shl.b32 %t2, %t2, 2; add.u32 %t2, %t2, %s; ld.shared.u32 %t3, [%t2]; "
          "mbarrier.arrive.shared::cta.b64 _, [%bar];\n" +
          Wait("1") + "add.u32 %t1, %t1, 1000; st.shared.u32 [%t0], %t1; mbarrier.arrive.shared.b64 %q0, [%bar];\n" +
          Wait("0") + "ld.shared.u32 %t4, [%t2]; add.u32 %t3, %t3, %t4;" + kOwnOut + "st.global.u32 [%q7], %t3;",
      64, 64};
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(64 * 4);
    const Fault fault = Execute(kernel, 0, out.address(), seed);
    ASSERT_FALSE(fault) << fault.text;
    const std::vector<uint32_t> actual = out.Read<uint32_t>();
    for (uint32_t i = 0; i < 64; ++i) ASSERT_EQ(actual[i], 2 * ((i ^ 33) + 7) + 1000);
  }
}

TEST(PtxAsync, BarrierForms) {
  const Kernel kernel{// Counted arrival; the state says which phase; test_wait asks once.
                      "mbarrier.arrive.shared::cta.b64 %q0, [%bar], 2; mbarrier.test_wait.shared::cta.b64 %p1, [%bar], "
                      "%q0; selp.u32 %t0, 1, 0, %p1; mbarrier.arrive.shared::cta.b64 %q1, [%bar];\n"
                      "mbarrier.test_wait.shared::cta.b64 %p1, [%bar], %q0; selp.u32 %t1, 1, 0, %p1; "
                      "mbarrier.test_wait.parity.shared::cta.b64 %p1, [%bar], 0; selp.u32 %t2, 1, 0, %p1;\n"
                      "mbarrier.test_wait.parity.shared::cta.b64 %p1, [%bar], 1; selp.u32 %t3, 1, 0, %p1; "
                      "st.global.v4.u32 [%out], {%t0, %t1, %t2, %t3}; mbarrier.inval.shared::cta.b64 [%bar];",
                      1, 3};
  const Buffer out(16);
  const Fault fault = Execute(kernel, 0, out.address(), 1);
  ASSERT_FALSE(fault) << fault.text;
  EXPECT_EQ(out.Read<uint32_t>(), (std::vector<uint32_t>{0, 1, 1, 0}));
}

TEST(PtxAsync, AWaitForNobodyIsADeadlock) {
  const Fault fault = Execute({Wait("0"), 32, 2}, 0, 0, 1);
  EXPECT_EQ(fault.kind, FaultKind::kDeadlock) << fault.text;
}

// --- cp.async
// ---------------------------------------------------------------------------------------------------------

// Each of 32 threads copies 16 bytes; the 12-byte source is filled up with zeros.
std::string CopyKernel(const std::string& wait) {
  return "shl.b32 %t0, %x, 4; cvt.u64.u32 %q0, %t0; add.u64 %q0, %in, %q0; add.u32 %t1, %s, %t0; st.shared.v4.u32 "
         "[%t1], {9, 9, 9, 9};\n"
         "cp.async.cg.shared.global.L2::128B [%t1], [%q0], 16; mov.u32 %t9, 12; cp.async.cg.shared.global [%t1+1024], "
         "[%q0], 16, %t9; cp.async.ca.shared.global [%t1+2048], [%q0+4], 4;\n"
         "cp.async.ca.shared.global [%t1+3072], [%q0+8], 8; mov.u32 %t9, 0; cp.async.cg.shared.global [%t1+4096], "
         "[%q0], 16, %t9;\n" +
         wait +
         "ld.shared.v4.u32 {%t2, %t3, %t4, %t5}, [%t1]; ld.shared.v2.u32 {%t6, %t7}, [%t1+1032]; ld.shared.u32 %t8, "
         "[%t1+2048]; ld.shared.v2.u32 {%t9, %t10}, [%t1+3072]; ld.shared.u32 %t11, [%t1+4108];\n"
         "shl.b32 %t0, %x, 6; cvt.u64.u32 %q0, %t0; add.u64 %q0, %out, %q0; st.global.v4.u32 [%q0], {%t2, %t3, %t4, "
         "%t5}; st.global.v4.u32 [%q0+16], {%t6, %t7, %t8, %t9}; st.global.v2.u32 [%q0+32], {%t10, %t11};";
}

std::vector<uint32_t> CopyExpectation(const std::vector<uint32_t>& words) {
  std::vector<uint32_t> expected(32 * 16);
  for (size_t i = 0; i < 32; ++i) {
    const uint32_t* w = &words[4 * i];
    const uint32_t values[] = {w[0], w[1], w[2], w[3], w[2], 0, w[1], w[2], w[3], 0};
    std::copy(values, values + 10, &expected[16 * i]);
  }
  return expected;
}

TEST(PtxAsync, CopiesOfCpAsync) {
  const std::vector<uint32_t> words = Words(128);
  const Buffer in(words);
  const std::string waits[] = {"cp.async.wait_all;", "cp.async.commit_group; cp.async.wait_group 0;",
                               "cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%bar];" + Wait("0")};
  for (const std::string& wait : waits) {
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Buffer out(32 * 64);
      const Fault fault = Execute({CopyKernel(wait), 32, 32}, in.address(), out.address(), seed);
      ASSERT_FALSE(fault) << wait << fault.text;
      ASSERT_EQ(out.Read<uint32_t>(), CopyExpectation(words)) << wait;
    }
  }
}

TEST(PtxAsync, AMissingCopyWaitShows) {
  const Buffer in(Words(128));
  for (const std::string wait : {"", "cp.async.commit_group; cp.async.wait_group 1;"}) {
    bool shown = false;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Buffer out(32 * 64);
      const Fault fault = Execute({CopyKernel(wait), 32, 32}, in.address(), out.address(), seed);
      shown |= fault || out.Read<uint32_t>() != CopyExpectation(Words(128));
    }
    EXPECT_TRUE(shown) << wait;
  }
}

// --- bulk and tensor copies
// -------------------------------------------------------------------------------------------

TEST(PtxAsync, BulkCopies) {
  const std::vector<uint32_t> words = Words(1024);
  const Buffer in(words);
  const Kernel kernel{
      "setp.ne.u32 %p1, %x, 0;\n@%p1 bra SKIP;\nmbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 4096; "
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%s], [%in], 4096, [%bar];\nSKIP:\n" +
          Wait("0") +
          "shl.b32 %t0, %x, 2; add.u32 %t0, %t0, %s; ld.shared.u32 %t1, [%t0]; add.u32 %t1, %t1, 1; st.shared.u32 "
          "[%t0], %t1; fence.proxy.async.shared::cta; bar.sync 0;\n@%p1 bra END;\n"
          "cp.async.bulk.global.shared::cta.bulk_group [%out], [%s], 4096; cp.async.bulk.commit_group; "
          "cp.async.bulk.wait_group.read 0; cp.async.bulk.wait_group 0;\nEND:\n",
      1024};
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(4096);
    const Fault fault = Execute(kernel, in.address(), out.address(), seed);
    ASSERT_FALSE(fault) << fault.text;
    std::vector<uint32_t> expected = words;
    for (uint32_t& word : expected) ++word;
    ASSERT_EQ(out.Read<uint32_t>(), expected);
  }
}

TEST(PtxAsync, ABulkCopyBeyondItsAllocationIsAFault) {
  const Buffer in(4000);
  const Fault fault =
      Execute({"@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 4096;\n@%p0 "
               "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%s], [%in], 4096, [%bar];\n" +
               Wait("0")},
              in.address(), 0, 1);
  EXPECT_EQ(fault.kind, FaultKind::kInvalidAddress) << fault.text;
  EXPECT_NE(fault.text.find("cp.async.bulk"), std::string::npos) << fault.text;
}

// 40 columns by 20 rows of 16-bit numbers row·64 + column + 1.
struct Matrix {
  std::vector<uint16_t> values = [] {
    std::vector<uint16_t> v;
    for (uint32_t row = 0; row < 20; ++row) {
      for (uint32_t column = 0; column < 40; ++column) v.push_back(static_cast<uint16_t>(row * 64 + column + 1));
    }
    return v;
  }();
  Buffer buffer{values};
  TensorMap Map(uint64_t address, TensorMapSwizzle swizzle) const {
    TensorMap map;
    map.type = TensorMapType::kBFloat16;
    map.rank = 2;
    map.global_address = address;
    map.dims[0] = 40, map.dims[1] = 20;
    map.strides[0] = 2, map.strides[1] = 80;
    map.box[0] = 64, map.box[1] = 16;
    map.swizzle = swizzle;
    return map;
  }
  uint16_t At(int row, int column) const {
    return row < 0 || row >= 20 || column < 0 || column >= 40 ? 0 : values[static_cast<size_t>(row * 40 + column)];
  }
};

// Loads the box at (−8, 9), then writes all of shared memory's 2048 bytes to `out`.
std::string TensorLoad(const std::string& wait) {
  return "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 2048; mov.u32 %t2, -8; mov.u32 %t3, 9;\n"
         "@%p0 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%s], [%map, {%t2, %t3}], "
         "[%bar];\n" +
         wait + "shl.b32 %t0, %x, 2; add.u32 %t1, %t0, %s; ld.shared.u32 %t4, [%t1];" + kOwnOut +
         "st.global.u32 [%q7], %t4;";
}

TEST(PtxAsync, TensorLoadsSwizzleAndFill) {
  const Matrix matrix;
  for (const TensorMapSwizzle swizzle : {TensorMapSwizzle::kNone, TensorMapSwizzle::k128B}) {
    const TensorMap map = matrix.Map(matrix.buffer.address(), swizzle);
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Buffer out(2048);
      const Fault fault = Execute({TensorLoad(Wait("0")), 512}, 0, out.address(), seed, &map);
      ASSERT_FALSE(fault) << fault.text;
      const std::vector<uint16_t> actual = out.Read<uint16_t>();
      for (int row = 0; row < 16; ++row) {
        for (int column = 0; column < 64; ++column) {
          const int unit = swizzle == TensorMapSwizzle::kNone ? column / 8 : column / 8 ^ row % 8;
          ASSERT_EQ(actual[static_cast<size_t>(row * 64 + unit * 8 + column % 8)], matrix.At(row + 9, column - 8))
              << row << ' ' << column;
        }
      }
    }
  }
}

TEST(PtxAsync, AMissingTensorWaitShows) {
  const Matrix matrix;
  const TensorMap map = matrix.Map(matrix.buffer.address(), TensorMapSwizzle::kNone);
  bool shown = false;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(2048);
    const Fault fault = Execute({TensorLoad("bar.sync 0;"), 512}, 0, out.address(), seed, &map);
    shown |= fault || out.Read<uint16_t>()[8] != matrix.At(9, 0);
  }
  EXPECT_TRUE(shown);
}

TEST(PtxAsync, TensorStoresClip) {
  const Matrix matrix;
  const std::string store =
      "shl.b32 %t0, %x, 2; add.u32 %t1, %t0, %s; st.shared.u32 [%t1], 0x00070007; fence.proxy.async.shared::cta; "
      "bar.sync 0; mov.u32 %t2, 32; mov.u32 %t3, -13;\n"
      "@%p0 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%map, {%t2, %t3}], [%s];\n@%p0 "
      "cp.async.bulk.commit_group;\n@%p0 cp.async.bulk.wait_group 0;\n";
  const Buffer target(matrix.values);
  const TensorMap map = matrix.Map(target.address(), TensorMapSwizzle::k128B);
  const Fault fault = Execute({store, 512}, 0, 0, 1, &map);
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<uint16_t> actual = target.Read<uint16_t>();
  for (int row = 0; row < 20; ++row) {
    for (int column = 0; column < 40; ++column) {
      ASSERT_EQ(actual[static_cast<size_t>(row * 40 + column)], row < 3 && column >= 32 ? 7 : matrix.At(row, column));
    }
  }
}

TEST(PtxAsync, TensorMapsAndAddressesAreChecked) {
  const Matrix matrix;
  TensorMap map = matrix.Map(matrix.buffer.address(), TensorMapSwizzle::kNone);
  const std::string copy =
      "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 2048; mov.u32 %t2, 0; add.u32 %t1, %s, OFFSET;\n"
      "@%p0 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%t1], [MAP, {%t2, %t2}], "
      "[%bar];\n" +
      Wait("0");
  const auto with = [&](std::string offset, std::string at) {
    std::string text = copy;
    text.replace(text.find("OFFSET"), 6, offset);
    text.replace(text.find("MAP"), 3, at);
    return text;
  };
  EXPECT_FALSE(Execute({with("0", "%map")}, 0, 0, 1, &map));
  EXPECT_EQ(Execute({with("64", "%map")}, 0, 0, 1, &map).kind, FaultKind::kMisalignedAddress);
  EXPECT_TRUE(Execute({with("0", "%in")}, matrix.buffer.address(), 0, 1, &map)) << "not a tensor map";
  map.dims[1] = 25;  // five rows more than the allocation has
  const std::string beyond = "mov.u32 %t3, 10;" + with("0", "%map");
  std::string text = beyond;
  text.replace(text.find("{%t2, %t2}"), 10, "{%t2, %t3}");
  EXPECT_EQ(Execute({text}, 0, 0, 1, &map).kind, FaultKind::kInvalidAddress);
}

// --- matrix products
// --------------------------------------------------------------------------------------------------

// A 64×16 and B 8×16 bf16 (K-major, no swizzle: 8×16-byte core matrices) in shared memory, one warpgroup.
const char* const kFillOperands =
    // A: element (m, k) = m + 1 where k = m mod 16; B: element (n, k) = n·16 + k + 1: D[m][n] = (m + 1)·B[n][m mod 16].
    "mov.u32 %t0, 0;\nZERO: mad.lo.u32 %t1, %t0, 128, %x; shl.b32 %t1, %t1, 2; add.u32 %t1, %t1, %s; st.shared.u32 "
    "[%t1], 0; add.u32 %t0, %t0, 1; setp.lt.u32 %p1, %t0, 8;\n@%p1 bra ZERO;\nbar.sync 0;\n"
    "setp.ge.u32 %p1, %x, 64;\n@%p1 bra SKIP;\nadd.u32 %t0, %x, 1; cvt.rn.f32.u32 %f100, %t0; cvt.rn.bf16.f32 %h0, "
    "%f100; and.b32 %t1, %x, 15;\n"
    // address of A(m, k): m/8 · 128 + k/8 · 1024 + m%8 · 16 + k%8 · 2
    "shr.u32 %t2, %x, 3; shl.b32 %t2, %t2, 7; shr.u32 %t3, %t1, 3; mad.lo.u32 %t2, %t3, 1024, %t2; and.b32 %t3, %x, 7; "
    "mad.lo.u32 %t2, %t3, 16, %t2; and.b32 %t3, %t1, 7; mad.lo.u32 %t2, %t3, 2, %t2;\n"
    "add.u32 %t2, %t2, %s; st.shared.b16 [%t2], %h0;\nSKIP:\n"
    // B(n, k), one a thread: n = x/16, k = x%16 at 2048 + k/8 · 128 + n · 16 + k%8 · 2
    "add.u32 %t0, %x, 1; cvt.rn.f32.u32 %f100, %t0; cvt.rn.bf16.f32 %h0, %f100; shr.u32 %t1, %x, 4; and.b32 %t2, %x, "
    "15; shr.u32 %t3, %t2, 3; shl.b32 %t3, %t3, 7; mad.lo.u32 %t3, %t1, 16, %t3;\n"
    "and.b32 %t2, %t2, 7; mad.lo.u32 %t3, %t2, 2, %t3; add.u32 %t3, %t3, %s; st.shared.b16 [%t3+2048], %h0; "
    "fence.proxy.async.shared::cta; bar.sync 0;\n"
    // descriptors: start, leading offset (k), stride offset (rows of 8)
    "shr.u32 %t0, %s, 4; cvt.u64.u32 %q0, %t0; mov.u64 %q1, 0x0000000800400000; or.b64 %q0, %q0, %q1; add.u32 %t0, %s, "
    "2048; shr.u32 %t0, %t0, 4; cvt.u64.u32 %q1, %t0; mov.u64 %q2, 0x0000000800080000; or.b64 %q1, %q1, %q2;\n"
    "mov.f32 %f0, 0f3F800000; mov.f32 %f1, 0f3F800000; mov.f32 %f2, 0f3F800000; mov.f32 %f3, 0f3F800000; mov.u32 %t5, "
    "1; setp.ne.u32 %p2, %t5, 0;\n";

const char* const kWgmma =
    "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0, %f1, %f2, %f3}, %q0, %q1, %p2, 1, 1, 0, 0;\n";
const char* const kStoreTile =
    "shl.b32 %t0, %x, 4; cvt.u64.u32 %q3, %t0; add.u64 %q3, %out, %q3; st.global.v4.f32 [%q3], {%f0, %f1, %f2, %f3};";

TEST(PtxAsync, MatrixProducts) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(128 * 16);
    const Fault fault = Execute({kFillOperands + ("wgmma.fence.sync.aligned;\n" + std::string(kWgmma)) + kWgmma +
                                     "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0;\n" + kStoreTile,
                                 128},
                                0, out.address(), seed);
    ASSERT_FALSE(fault) << fault.text;
    const std::vector<float> actual = out.Read<float>();
    for (int m = 0; m < 64; ++m) {
      for (int n = 0; n < 8; ++n) {
        const float b = BFloat16ToFloat(FloatToBFloat16(static_cast<float>(n * 16 + m % 16 + 1)));
        const float expected = 1 + 2 * static_cast<float>(m + 1) * b;
        const int thread = m / 16 * 32 + m % 8 * 4 + n / 2, r = m % 16 / 8 * 2 + n % 2;
        ASSERT_EQ(actual[static_cast<size_t>(thread * 4 + r)], expected) << m << ' ' << n;
      }
    }
  }
}

TEST(PtxAsync, RegistersOfAProductInFlightAreNotToBeRead) {
  const Buffer out(128 * 16);
  const std::string issue = kFillOperands + ("wgmma.fence.sync.aligned;\n" + std::string(kWgmma));
  for (const std::string wait :
       {"wgmma.commit_group.sync.aligned;\n", "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 1;\n"}) {
    bool shown = false;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      const Fault fault = Execute({issue + wait + kStoreTile, 128}, 0, out.address(), seed);
      const std::vector<float> values = fault ? std::vector<float>() : out.Read<float>();
      shown |= fault || std::isnan(values[0]);
    }
    EXPECT_TRUE(shown) << wait;
  }
}

TEST(PtxAsync, WarpMatrixProducts) {
  // mma: A = the identity in the first 16×16 (bf16), B(k, n) = 8k + n, C = 100.
  const std::string body =
      "shr.u32 %t0, %x, 2; and.b32 %t1, %x, 3; shl.b32 %t1, %t1, 1; mov.u32 %t2, 0; setp.eq.u32 %p1, %t0, %t1; add.u32 "
      "%t3, %t1, 1; setp.eq.u32 %p2, %t0, %t3;\n"
      "@%p1 mov.u32 %t2, 0x3F80;\n@%p2 mov.u32 %t2, 0x3F800000;\n"  // A(l/4, 2(l%4)) and its neighbour; the same for
                                                                    // row + 8, k + 8
      "mov.u32 %t3, 0; mad.lo.u32 %t4, %t1, 8, %t0; add.u32 %t5, %t4, 8; cvt.rn.f32.u32 %f10, %t4; cvt.rn.f32.u32 "
      "%f11, %t5; cvt.rn.bf16x2.f32 %t6, %f11, %f10;\n"
      "add.u32 %t4, %t4, 64; add.u32 %t5, %t5, 64; cvt.rn.f32.u32 %f10, %t4; cvt.rn.f32.u32 %f11, %t5; "
      "cvt.rn.bf16x2.f32 %t7, %f11, %f10; mov.f32 %f4, 0f42C80000;\n"
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0, %f1, %f2, %f3}, {%t2, %t3, %t3, %t2}, {%t6, %t7}, "
      "{%f4, %f4, %f4, %f4};\n" +
      std::string(kStoreTile);
  const Buffer out(32 * 16);
  const Fault fault = Execute({body}, 0, out.address(), 1);
  ASSERT_FALSE(fault) << fault.text;
  const std::vector<float> actual = out.Read<float>();
  for (int row = 0; row < 16; ++row) {
    for (int n = 0; n < 8; ++n) {
      ASSERT_EQ(actual[static_cast<size_t>((row % 8 * 4 + n / 2) * 4 + row / 8 * 2 + n % 2)],
                static_cast<float>(100 + 8 * row + n))
          << row << ' ' << n;
    }
  }
}

// --- clusters
// ---------------------------------------------------------------------------------------------------------

TEST(PtxAsync, ClusterSharedMemory) {
  // Each of two blocks writes to the other: through mapa, through a generic address, and by the address's top bits.
  const std::string body =
      "xor.b32 %t0, %rank, 1; mapa.shared::cluster.u32 %t1, %s, %t0; mad.lo.u32 %t2, %rank, 100, %x; shl.b32 %t3, %x, "
      "2; add.u32 %t1, %t1, %t3; st.shared::cluster.u32 [%t1], %t2;\n"
      "cvt.u64.u32 %q0, %s; cvta.shared.u64 %q0, %q0; mapa.u64 %q1, %q0, %t0; cvt.u64.u32 %q2, %t3; add.u64 %q1, %q1, "
      "%q2; st.u32 [%q1+1024], %t2;\n"
      "xor.b32 %t4, %s, 0x1000000; add.u32 %t4, %t4, %t3; st.shared::cluster.u32 [%t4+2048], %t2;\n"
      "barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned; add.u32 %t5, %s, %t3; "
      "ld.shared.u32 %t6, [%t5]; ld.shared.u32 %t7, [%t5+1024]; ld.shared.u32 %t8, [%t5+2048];\n"
      "mad.lo.u32 %t9, %rank, 32, %x; mul.wide.u32 %q3, %t9, 16; add.u64 %q3, %out, %q3; st.global.v4.u32 [%q3], {%t6, "
      "%t7, %t8, %rank};";
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(64 * 16);
    const Fault fault = Execute({body, 32, 1, 2}, 0, out.address(), seed);
    ASSERT_FALSE(fault) << fault.text;
    const std::vector<uint32_t> actual = out.Read<uint32_t>();
    for (uint32_t i = 0; i < 64; ++i) {
      const uint32_t expected = (1 - i / 32) * 100 + i % 32;
      for (uint32_t form = 0; form < 3; ++form) ASSERT_EQ(actual[4 * i + form], expected) << i << ' ' << form;
      ASSERT_EQ(actual[4 * i + 3], i / 32);
    }
  }
}

TEST(PtxAsync, RemoteBarriersAndAsynchronousStores) {
  // Each block stores 16 bytes a thread to its peer, which waits for all of them on its own barrier.
  const std::string body =
      "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 512;\nbarrier.cluster.arrive.aligned; "
      "barrier.cluster.wait.aligned;\n"
      "xor.b32 %t0, %rank, 1; mapa.shared::cluster.u32 %t1, %s, %t0; mapa.shared::cluster.u32 %t2, %bar, %t0; shl.b32 "
      "%t3, %x, 4; add.u32 %t1, %t1, %t3; cvt.u64.u32 %q0, %x; cvt.u64.u32 %q1, %rank;\n"
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v2.s64 [%t1], {%q0, %q1}, [%t2];\n@%p0 "
      "mbarrier.arrive.shared::cluster.b64 _, [%t2];\n" +
      Wait("0") +
      "add.u32 %t4, %s, %t3; ld.shared.v2.u64 {%q2, %q3}, [%t4]; mad.lo.u32 %t9, %rank, 32, %x; mul.wide.u32 %q4, %t9, "
      "16; add.u64 %q4, %out, %q4; st.global.v2.u64 [%q4], {%q2, %q3};";
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(64 * 16);
    const Fault fault = Execute({body, 32, 2, 2}, 0, out.address(), seed);
    ASSERT_FALSE(fault) << fault.text;
    const std::vector<uint64_t> actual = out.Read<uint64_t>();
    for (uint64_t i = 0; i < 64; ++i) {
      ASSERT_EQ(actual[2 * i], i % 32);
      ASSERT_EQ(actual[2 * i + 1], 1 - i / 32);
    }
  }
}

TEST(PtxAsync, MulticastTensorLoads) {
  const Matrix matrix;
  const TensorMap map = matrix.Map(matrix.buffer.address(), TensorMapSwizzle::kNone);
  // Both blocks expect the box that block 0 fetches for both.
  const std::string body =
      "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [%bar], 2048;\nbarrier.cluster.arrive.aligned; "
      "barrier.cluster.wait.aligned; setp.eq.u32 %p1, %rank, 0; and.pred %p1, %p1, %p0; mov.b16 %h0, 3; mov.u32 %t2, "
      "0;\n"
      "@%p1 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%s], "
      "[%map, {%t2, %t2}], [%bar], %h0;\n" +
      Wait("0") +
      "mad.lo.u32 %t0, %x, 4, %s; ld.shared.u32 %t1, [%t0+128]; mad.lo.u32 %t3, %rank, 32, %x; mul.wide.u32 %q0, %t3, "
      "4; add.u64 %q0, %out, %q0; st.global.u32 [%q0], %t1;";
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Buffer out(64 * 4);
    const Fault fault = Execute({body, 32, 1, 2}, 0, out.address(), seed, &map);
    ASSERT_FALSE(fault) << fault.text;
    const std::vector<uint16_t> actual = out.Read<uint16_t>();
    for (int i = 0; i < 128; ++i) ASSERT_EQ(actual[static_cast<size_t>(i)], matrix.At(1, i % 64)) << i;
  }
}

}  // namespace
}  // namespace emulator
