// silu(gate) * up over [m, n].
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct SiluMulScalar : Kernel<hd_silu_mul_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct SiluMulAvx512 : Kernel<hd_silu_mul_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct SiluMulAvx2 : Kernel<hd_silu_mul_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
