// Tokens [m, k] sorted by expert.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MoePermuteScalar : Kernel<hd_moe_permute_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
