// Attention of [m, heads, nope + rope] queries over expanded keys and values.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MaskedMhaScalar : Kernel<hd_masked_mha_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
