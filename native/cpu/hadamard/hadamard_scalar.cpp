#include "cpu/hadamard/hadamard.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t HadamardScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  const float scale = 1.0f / std::sqrt(static_cast<float>(args.n));
  pool.parallel_for(args.m, [&](int64_t row, int) {
    float x[1024];
    for (int i = 0; i < args.n; ++i) x[i] = load(args.x, args.x_dtype, row * args.n + i);
    for (int width = 1; width < args.n; width *= 2) {
      for (int first = 0; first < args.n; first += 2 * width) {
        for (int i = first; i < first + width; ++i) {
          const float a = x[i];
          const float b = x[i + width];
          x[i] = a + b;
          x[i + width] = a - b;
        }
      }
    }
    for (int i = 0; i < args.n; ++i) store(args.y, args.x_dtype, row * args.n + i, x[i] * scale);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
