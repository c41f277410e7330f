// d[batch][m, n] = a[batch][m, k] * b, bf16 or f32, products and sums in f32.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct GemmScalar : Kernel<hd_gemm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
