#include <atomic>

#include "cpu/number.h"
#include "cpu/rope/positions.h"
#include "cpu/rope/rope.h"

namespace hadal::cpu {

int32_t RopeTableScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.positions, [&](int64_t position, int) {
    float* row = args.table + position * 2 * args.half;
    for (int i = 0; i < args.half; ++i) {
      const float angle = static_cast<float>(position) * args.inverse_frequency[i];
      row[i] = static_cast<float>(std::cos(static_cast<double>(angle)));
      row[args.half + i] = static_cast<float>(std::sin(static_cast<double>(angle)));
    }
  });
  return HD_STATUS_OK;
}

int32_t RopeScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_positions(args)) return status;
  const int half = args.dim / 2;
  const int step = args.layout == HD_ROPE_INTERLEAVED ? 2 : 1;
  const int partner = args.layout == HD_ROPE_INTERLEAVED ? 1 : half;
  pool.parallel_for(args.m, [&](int64_t token, int) {
    const float* cosine = args.table + static_cast<int64_t>(args.positions[token]) * args.dim;
    const float* sine = cosine + half;
    for (int64_t head = 0; head < args.heads; ++head) {
      const int64_t x = token * args.x_stride + head * args.x_head_stride;
      const int64_t y = token * args.y_stride + head * args.y_head_stride;
      for (int i = 0; i < half; ++i) {
        const float a = load(args.x, args.x_dtype, x + i * step);
        const float b = load(args.x, args.x_dtype, x + i * step + partner);
        store(args.y, args.x_dtype, y + i * step, a * cosine[i] - b * sine[i]);
        store(args.y, args.x_dtype, y + i * step + partner, a * sine[i] + b * cosine[i]);
      }
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
