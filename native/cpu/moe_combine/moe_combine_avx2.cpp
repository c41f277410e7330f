#include "cpu/moe_combine/moe_combine.h"
#include "cpu/moe_combine/moe_combine_simd.h"

namespace hadal::cpu {

int32_t MoeCombineAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return moe_combine(args, pool);
}

}  // namespace hadal::cpu
