// Rotary embedding of [m, heads, dim], and its table [positions, dim].
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct RopeScalar : Kernel<hd_rope_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct RopeTableScalar : Kernel<hd_rope_table_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct RopeAvx512 : Kernel<hd_rope_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct RopeAvx2 : Kernel<hd_rope_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
