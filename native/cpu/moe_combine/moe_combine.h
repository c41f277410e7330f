// Weighted sum [m, n] of the experts' rows and the shared expert's.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MoeCombineScalar : Kernel<hd_moe_combine_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MoeCombineAvx512 : Kernel<hd_moe_combine_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MoeCombineAvx2 : Kernel<hd_moe_combine_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
