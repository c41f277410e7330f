// Group-limited choice of experts.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct MoeRoutePortable : Kernel<hd_moe_route_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
