// Attention of [m, heads, nope + rope] queries over expanded keys and values.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MaskedMhaScalar : Kernel<hd_masked_mha_args> {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#if defined(__x86_64__)

struct MaskedMhaSimd : Kernel<hd_masked_mha_args> {
  static bool serves(const Args& args) {
    return args.q_dtype == HD_DTYPE_BF16 && args.nope_dim % 32 == 0 && args.nope_dim <= HD_LATENT_DIM &&
           args.v_dim % 32 == 0;
  }
};

struct MaskedMhaAvx512 : MaskedMhaSimd {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MaskedMhaAvx512f : MaskedMhaSimd {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MaskedMhaAvx2 : MaskedMhaSimd {
  static uint64_t workspace(const Args& args, int threads);
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

#endif

}  // namespace hadal::cpu
