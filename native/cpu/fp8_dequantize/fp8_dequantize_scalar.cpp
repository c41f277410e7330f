#include "cpu/fp8_dequantize/fp8_dequantize.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t Fp8DequantizeScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  const int64_t blocks = (args.k + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
  pool.parallel_for(args.n, [&](int64_t row, int) {
    const float* scale = args.scale_inv + row / HD_SCALE_BLOCK * blocks;
    for (int64_t column = 0; column < args.k; ++column) {
      const int64_t index = row * args.k + column;
      store(args.y, args.y_dtype, index, from_e4m3(args.q[index]) * scale[column / HD_SCALE_BLOCK]);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
