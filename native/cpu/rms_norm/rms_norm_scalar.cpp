#include "cpu/number.h"
#include "cpu/rms_norm/rms_norm.h"

namespace hadal::cpu {

int32_t RmsNormScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.m, [&](int64_t row, int) {
    const int64_t x = row * args.x_stride;
    const int64_t residual = row * args.n;
    // The sum is formed twice rather than kept, since it must stay unrounded where the residual is stored rounded.
    const auto sum_at = [&](int64_t i) {
      const float value = load(args.x, args.x_dtype, x + i);
      return args.residual == nullptr ? value : value + load(args.residual, args.x_dtype, residual + i);
    };
    float squares[16] = {};
    for (int64_t i = 0; i < args.n; ++i) {
      const float h = sum_at(i);
      squares[i % 16] += h * h;
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) squares[lane] += squares[lane + half];
    }
    const float scale = 1.0f / std::sqrt(squares[0] / static_cast<float>(args.n) + args.epsilon);
    for (int64_t i = 0; i < args.n; ++i) {
      const float h = sum_at(i);
      if (args.residual != nullptr) store(args.residual, args.x_dtype, residual + i, h);
      store(args.y, args.x_dtype, row * args.y_stride + i, h * scale * load(args.weight, args.weight_dtype, i));
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
