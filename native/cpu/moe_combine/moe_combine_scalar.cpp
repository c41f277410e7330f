#include "cpu/moe_combine/moe_combine.h"
#include "cpu/moe_combine/rows_in_range.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t MoeCombineScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_rows(args)) return status;
  pool.parallel_for(args.m, [&](int64_t token, int) {
    for (int64_t i = 0; i < args.n; ++i) {
      float sum = 0.0f;
      for (int64_t slot = token * args.top_experts; slot < (token + 1) * args.top_experts; ++slot) {
        sum += args.weights[slot] * load(args.x, args.x_dtype, static_cast<int64_t>(args.row_of[slot]) * args.n + i);
      }
      if (args.shared != nullptr) sum += load(args.shared, args.x_dtype, token * args.n + i);
      store(args.y, args.x_dtype, token * args.n + i, sum);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
