#include "cpu/moe_route/moe_route.h"
#include "cpu/moe_route/moe_route_simd.h"

namespace hadal::cpu {

int32_t MoeRouteAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return moe_route(args, pool);
}

}  // namespace hadal::cpu
