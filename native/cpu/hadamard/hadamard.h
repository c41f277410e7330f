// Walsh-Hadamard transform of [m, n] rows, scaled by n^-0.5.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct HadamardScalar : Kernel<hd_hadamard_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct HadamardAvx512 : Kernel<hd_hadamard_args> {
  static bool serves(const Args& args) { return args.n >= 16; }
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct HadamardAvx2 : Kernel<hd_hadamard_args> {
  static bool serves(const Args& args) { return args.n >= 16; }
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
