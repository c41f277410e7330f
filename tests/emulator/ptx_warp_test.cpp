// What the lanes of a warp tell each other: shfl, vote, match, activemask, elect, redux, and the matrix moves.

#include <bit>

#include "ptx_test.h"

namespace emulator {
namespace {

Values Lanes(uint64_t (*function)(uint64_t lane)) {
  Values values;
  for (uint64_t lane = 0; lane < 32; ++lane) values.push_back(function(lane));
  return values;
}

const Values kSource = Lanes([](uint64_t lane) { return 1000 + lane * lane; });

// The pseudo-code of shfl.sync for a full warp: the value, and bit 32 where the predicate is true.
uint64_t Shuffled(const std::string& mode, uint64_t lane, uint64_t b, uint64_t c) {
  const int64_t own = static_cast<int64_t>(lane), bval = static_cast<int64_t>(b & 31);
  const int64_t cval = static_cast<int64_t>(c & 31), segmask = static_cast<int64_t>(c >> 8 & 31);
  const int64_t max_lane = (own & segmask) | (cval & ~segmask), min_lane = own & segmask;
  int64_t j = 0;
  bool valid = false;
  if (mode == "up") {
    j = own - bval;
    valid = j >= max_lane;
  } else if (mode == "down") {
    j = own + bval;
    valid = j <= max_lane;
  } else if (mode == "bfly") {
    j = own ^ bval;
    valid = j <= max_lane;
  } else {
    j = min_lane | (bval & ~segmask);
    valid = j <= max_lane;
  }
  if (!valid) j = own;
  return kSource[static_cast<size_t>(j)] | uint64_t{valid} << 32;
}

TEST(PtxWarp, ShuffleModesAndClamps) {
  const Values lanes = Lanes([](uint64_t lane) { return lane; });
  for (const std::string mode : {"up", "down", "bfly", "idx"}) {
    for (const uint64_t b : {0, 1, 2, 5, 16, 31, 33}) {
      // Whole warps and segments of 8 and 2, with the clamps that the intrinsics give and others.
      for (const uint64_t c : {0x1Fu, 0x0u, 0x181Fu, 0x1800u, 0x1E1Fu, 0x0Fu, 0x1003u}) {
        Check(64,
              "shfl.sync." + mode + ".b32 %t0|%p0, %w0, " + std::to_string(b) + ", " + std::to_string(c) +
                  ", 0xFFFFFFFF; selp.u32 %t1, 1, 0, %p0; mov.b64 %o, {%t0, %t1};",
              {kSource, lanes},
              [&](uint64_t, uint64_t lane, uint64_t, uint64_t) { return Shuffled(mode, lane, b, c); });
      }
    }
    // Lane and clamp from registers, each lane its own.
    Values b = Lanes([](uint64_t lane) { return lane * 7 + 3; }),
           c = Lanes([](uint64_t lane) { return lane & 1 ? uint64_t{0x181F} : uint64_t{0x1F}; });
    if (mode == "up") c = Lanes([](uint64_t lane) { return lane & 1 ? uint64_t{0x1800} : uint64_t{0}; });
    Check(64, "shfl.sync." + mode + ".b32 %t0|%p0, %w0, %w1, %w2, -1; selp.u32 %t1, 1, 0, %p0; mov.b64 %o, {%t0, %t1};",
          {kSource, b, c, lanes},
          [&](uint64_t, uint64_t x, uint64_t y, uint64_t lane) { return Shuffled(mode, lane, x, y); });
  }
  Check(32, "shfl.sync.idx.b32 %o, %w0, 3, 31, 0xFFFFFFFF;", {kSource}, [](OPERANDS) { return kSource[3]; });
}

TEST(PtxWarp, Votes) {
  for (const auto& pattern : {Lanes([](uint64_t) { return uint64_t{1}; }), Lanes([](uint64_t) { return uint64_t{0}; }),
                              Lanes([](uint64_t lane) { return lane % 3 == 0 ? uint64_t{1} : uint64_t{0}; })}) {
    uint64_t ballot = 0;
    for (size_t lane = 0; lane < 32; ++lane) ballot |= pattern[lane] << lane;
    const std::string set = "setp.ne.u32 %p0, %w0, 0;", get = "selp.u32 %o, 1, 0, %p1;";
    Check(32, set + "vote.sync.ballot.b32 %o, %p0, 0xFFFFFFFF;", {pattern}, [&](OPERANDS) { return ballot; });
    Check(32, set + "vote.sync.ballot.b32 %o, !%p0, 0xFFFFFFFF;", {pattern}, [&](OPERANDS) { return ~ballot; });
    Check(32, set + "vote.sync.all.pred %p1, %p0, 0xFFFFFFFF;" + get, {pattern},
          [&](OPERANDS) { return ballot == 0xFFFFFFFF; });
    Check(32, set + "vote.sync.any.pred %p1, %p0, 0xFFFFFFFF;" + get, {pattern}, [&](OPERANDS) { return ballot != 0; });
    Check(32, set + "vote.sync.uni.pred %p1, %p0, 0xFFFFFFFF;" + get, {pattern},
          [&](OPERANDS) { return ballot == 0 || ballot == 0xFFFFFFFF; });
  }
  // Half of the warp votes by itself.
  Check(32, "setp.lt.u32 %p0, %lane, 16; mov.u32 %o, 7; @%p0 vote.sync.ballot.b32 %o, %p0, 0xFFFF;",
        {kSource, Lanes([](uint64_t l) { return l; })}, [](OPERANDS) { return b < 16 ? 0xFFFF : 7; });
}

TEST(PtxWarp, Match) {
  const Values groups = Lanes([](uint64_t lane) { return lane % 5 ? lane % 5 : 0x100000000 + lane % 2; });
  const auto mask = [&](uint64_t value, uint64_t bits) {
    uint64_t lanes = 0;
    for (size_t lane = 0; lane < 32; ++lane) lanes |= uint64_t{((groups[lane] ^ value) & bits) == 0} << lane;
    return lanes;
  };
  Check(32, "match.any.sync.b32 %o, %w0, 0xFFFFFFFF;", {groups}, [&](OPERANDS) { return mask(a, 0xFFFFFFFF); });
  Check(32, "match.any.sync.b64 %o, %a0, 0xFFFFFFFF;", {groups}, [&](OPERANDS) { return mask(a, ~uint64_t{0}); });
  const std::string all =
      "match.all.sync.b32 %t0|%p0, %w0, 0xFFFFFFFF; selp.u32 %t1, 1, 0, %p0; mov.b64 %o, {%t0, %t1};";
  Check(64, all, {groups}, [](OPERANDS) { return 0; });
  Check(64, all, {Values(32, 9)}, [](OPERANDS) { return 0x1FFFFFFFF; });
}

TEST(PtxWarp, ElectActivemaskReductions) {
  Check(32, "elect.sync %t0|%p0, 0xFFFFFFFF; selp.u32 %o, 1, 0, %p0;", {Lanes([](uint64_t lane) { return lane; })},
        [](OPERANDS) { return a == 0; });
  Check(32, "elect.sync %o|%p0, 0xFFFFFFFF;", {kSource}, [](OPERANDS) { return 0; });
  Check(32, "activemask.b32 %o;", {}, [](OPERANDS) { return 0xFFFFFFFF; });
  uint64_t sum = 0, bits = 0, common = ~uint64_t{0}, parity = 0;
  for (const uint64_t value : kSource) {
    sum += value;
    bits |= value;
    common &= value;
    parity ^= value;
  }
  Check(32, "redux.sync.add.u32 %o, %w0, 0xFFFFFFFF;", {kSource}, [&](OPERANDS) { return sum; });
  Check(32, "redux.sync.max.u32 %o, %w0, 0xFFFFFFFF;", {kSource}, [&](OPERANDS) { return kSource[31]; });
  Check(32, "redux.sync.min.s32 %o, %w0, 0xFFFFFFFF;", {Lanes([](uint64_t lane) { return lane - 7; })},
        [&](OPERANDS) { return -7; });
  Check(32, "redux.sync.or.b32 %o, %w0, 0xFFFFFFFF;", {kSource}, [&](OPERANDS) { return bits; });
  Check(32, "redux.sync.and.b32 %o, %w0, 0xFFFFFFFF;", {kSource}, [&](OPERANDS) { return common; });
  Check(32, "redux.sync.xor.b32 %o, %w0, 0xFFFFFFFF;", {kSource}, [&](OPERANDS) { return parity; });
}

TEST(PtxWarp, LaneMasksAndIdentity) {
  const Values lanes = Lanes([](uint64_t lane) { return lane; });
  Check(32, "mov.u32 %o, %laneid;", {lanes}, [](OPERANDS) { return a; });
  Check(32, "mov.u32 %o, %lanemask_eq;", {lanes}, [](OPERANDS) { return uint64_t{1} << a; });
  Check(32, "mov.u32 %o, %lanemask_lt;", {lanes}, [](OPERANDS) { return (uint64_t{1} << a) - 1; });
  Check(32, "mov.u32 %o, %lanemask_le;", {lanes}, [](OPERANDS) { return (uint64_t{2} << a) - 1; });
  Check(32, "mov.u32 %o, %lanemask_gt;", {lanes}, [](OPERANDS) { return ~((uint64_t{2} << a) - 1); });
  Check(32, "mov.u32 %o, %lanemask_ge;", {lanes}, [](OPERANDS) { return ~((uint64_t{1} << a) - 1); });
  Check(32, "mov.u32 %o, %ntid.x;", {lanes}, [](OPERANDS) { return 32; });
}

// Four 8×8 matrices of 16-bit numbers 0, 1, 2, … in shared memory: matrix i has 64i + 8·row + column.
const char* const kFillMatrices =
    "{ .shared .align 16 .b8 tile[512]; .reg .b32 base, at, x, row;\n"
    "mov.u32 base, tile; shl.b32 at, %lane, 4; add.u32 at, at, base;\n"  // a row of 8 a lane
    "shl.b32 x, %lane, 3; mad.lo.u32 x, x, 0x10001, 0x10000;\n"
    "st.shared.b32 [at], x; add.u32 x, x, 0x20002; st.shared.b32 [at+4], x; add.u32 x, x, 0x20002;\n"
    "st.shared.b32 [at+8], x; add.u32 x, x, 0x20002; st.shared.b32 [at+12], x; bar.warp.sync 0xFFFFFFFF;\n";

TEST(PtxWarp, LoadMatrices) {
  const Values lanes = Lanes([](uint64_t lane) { return lane; });
  for (const bool trans : {false, true}) {
    const auto expected = [&](uint64_t matrix, uint64_t lane) {
      const uint64_t major = lane / 4, pair = lane % 4 * 2;
      const auto at = [&](uint64_t k) { return 64 * matrix + (trans ? 8 * k + major : 8 * major + k); };
      return at(pair) | at(pair + 1) << 16;
    };
    const std::string suffix = std::string(trans ? ".trans" : "") + ".shared.b16 ";
    for (const uint64_t matrix : {0, 1, 2, 3}) {
      const std::string pick = "mov.b32 %o, %t" + std::to_string(matrix) + "; }";
      Check(32, kFillMatrices + ("ldmatrix.sync.aligned.m8n8.x4" + suffix) + "{%t0, %t1, %t2, %t3}, [at];" + pick,
            {lanes}, [&](OPERANDS) { return expected(matrix, a); });
      if (matrix < 2) {
        Check(32, kFillMatrices + ("ldmatrix.sync.aligned.m8n8.x2" + suffix) + "{%t0, %t1}, [at];" + pick, {lanes},
              [&](OPERANDS) { return expected(matrix, a); });
      }
      if (matrix < 1) {
        Check(32, kFillMatrices + ("ldmatrix.sync.aligned.m8n8.x1" + suffix) + "{%t0}, [at];" + pick, {lanes},
              [&](OPERANDS) { return expected(matrix, a); });
      }
    }
    // Stored back, transposed or not, then read by rows.
    Check(32,
          kFillMatrices + ("ldmatrix.sync.aligned.m8n8.x4" + suffix) +
              "{%t0, %t1, %t2, %t3}, [at]; bar.warp.sync 0xFFFFFFFF;\n"
              "stmatrix.sync.aligned.m8n8.x4" +
              suffix +
              "[at], {%t3, %t2, %t1, %t0}; bar.warp.sync 0xFFFFFFFF;\n"
              "ld.shared.b32 %o, [at+8]; }",
          {lanes}, [](OPERANDS) {
            const uint64_t first = 64 * (3 - a / 8) + 8 * (a % 8) + 4;  // the matrices in reverse, rows in order
            return first | (first + 1) << 16;
          });
  }
}

}  // namespace
}  // namespace emulator
