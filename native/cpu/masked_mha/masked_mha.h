// Attention of [m, heads, nope + rope] queries over expanded keys and values.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MaskedMhaScalar : Kernel<hd_masked_mha_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

struct MaskedMhaAvx512 : Kernel<hd_masked_mha_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MaskedMhaAvx2 : Kernel<hd_masked_mha_args> {
  static bool serves(const Args& args);
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
