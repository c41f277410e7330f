#include "cpu/silu_mul/silu_mul.h"
#include "cpu/silu_mul/silu_mul_simd.h"

namespace hadal::cpu {

int32_t SiluMulAvx512::run(const Args& args, ThreadPool& pool, std::byte*) {
  return silu_mul(args, pool);
}

}  // namespace hadal::cpu
