#include "cpu/fp8_quantize/fp8_quantize.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t Fp8QuantizeScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.m, [&](int64_t row, int) {
    float x[HD_SCALE_BLOCK];
    for (int64_t block = 0; block < args.k / HD_SCALE_BLOCK; ++block) {
      const int64_t column = block * HD_SCALE_BLOCK;
      for (int i = 0; i < HD_SCALE_BLOCK; ++i) x[i] = load(args.x, args.x_dtype, row * args.x_stride + column + i);
      args.scale[row * args.scale_row_stride + block * args.scale_block_stride] =
          quantize_block(x, args.q + row * args.k + column, args.scale_format);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
