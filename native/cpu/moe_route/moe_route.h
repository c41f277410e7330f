// Group-limited choice of experts from logits [m, experts].
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct MoeRouteScalar : Kernel<hd_moe_route_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MoeRouteAvx512 : Kernel<hd_moe_route_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

struct MoeRouteAvx2 : Kernel<hd_moe_route_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
