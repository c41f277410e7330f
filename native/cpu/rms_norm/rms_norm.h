// RMSNorm of [m, n] rows with the residual sum before it and the quantisation after it fused in.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct RmsNormScalar : Kernel<hd_rms_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct RmsNormAvx512 : Kernel<hd_rms_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct RmsNormAvx2 : Kernel<hd_rms_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
