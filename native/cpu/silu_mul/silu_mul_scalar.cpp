#include "cpu/number.h"
#include "cpu/silu_mul/silu_mul.h"

namespace hadal::cpu {

int32_t SiluMulScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.m, [&](int64_t row, int) {
    for (int64_t i = 0; i < args.n; ++i) {
      const float gate = load(args.gate, args.x_dtype, row * args.gate_stride + i);
      const float up = load(args.up, args.x_dtype, row * args.up_stride + i);
      store(args.y, args.x_dtype, row * args.n + i, gate / (1.0f + std::exp(-gate)) * up);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
