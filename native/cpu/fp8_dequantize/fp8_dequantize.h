// Block-quantised weight [n, k] to bf16 or f32.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct Fp8DequantizeScalar : Kernel<hd_fp8_dequantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8DequantizeAvx512 : Kernel<hd_fp8_dequantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct Fp8DequantizeAvx2 : Kernel<hd_fp8_dequantize_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
