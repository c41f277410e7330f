// LayerNorm of [m, n] rows with weight and bias.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct LayerNormScalar : Kernel<hd_layer_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct LayerNormAvx512 : Kernel<hd_layer_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct LayerNormAvx2 : Kernel<hd_layer_norm_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
