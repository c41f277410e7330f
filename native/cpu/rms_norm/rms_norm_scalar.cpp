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
    // Writes y to the element `to` of a matrix.
    const auto norm = [&](int64_t i, void* matrix, int64_t to) {
      const float h = sum_at(i);
      if (args.residual != nullptr) store(args.residual, args.x_dtype, residual + i, h);
      store(matrix, args.x_dtype, to, h * scale * load(args.weight, args.weight_dtype, i));
    };
    if (args.q == nullptr) {
      for (int64_t i = 0; i < args.n; ++i) norm(i, args.y, row * args.y_stride + i);
      return;
    }
    float own[HD_SCALE_BLOCK];
    for (int64_t block = 0; block < args.n / HD_SCALE_BLOCK; ++block) {
      const int64_t column = block * HD_SCALE_BLOCK;
      void* y = args.y != nullptr ? args.y : own;
      const int64_t first = args.y != nullptr ? row * args.y_stride + column : 0;
      float rounded[HD_SCALE_BLOCK];
      for (int i = 0; i < HD_SCALE_BLOCK; ++i) {
        norm(column + i, y, first + i);
        rounded[i] = load(y, args.x_dtype, first + i);
      }
      args.q_scale[row * args.q_scale_row_stride + block * args.q_scale_block_stride] =
          quantize_block(rounded, args.q + row * args.n + column, args.q_scale_format);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
