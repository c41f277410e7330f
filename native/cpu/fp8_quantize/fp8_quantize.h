// Activations [m, k] to e4m3 with one f32 scale per row and 128 columns.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct Fp8QuantizeScalar : Kernel<hd_fp8_quantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8QuantizeAvx512 : Kernel<hd_fp8_quantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8QuantizeAvx2 : Kernel<hd_fp8_quantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
