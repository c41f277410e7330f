#include "cpu/layer_norm/layer_norm.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t LayerNormScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.m, [&](int64_t row, int) {
    const auto x_at = [&](int64_t i) { return load(args.x, args.x_dtype, row * args.x_stride + i); };
    float sum = 0.0f;
    for (int64_t i = 0; i < args.n; ++i) sum += x_at(i);
    const float mean = sum / static_cast<float>(args.n);
    float squares = 0.0f;
    for (int64_t i = 0; i < args.n; ++i) squares += (x_at(i) - mean) * (x_at(i) - mean);
    const float scale = 1.0f / std::sqrt(squares / static_cast<float>(args.n) + args.epsilon);
    for (int64_t i = 0; i < args.n; ++i) {
      const float weight = load(args.weight, args.weight_dtype, i);
      const float bias = load(args.bias, args.weight_dtype, i);
      store(args.y, args.x_dtype, row * args.y_stride + i, (x_at(i) - mean) * scale * weight + bias);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
