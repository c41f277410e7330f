#include "cpu/moe_combine/moe_combine.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t MoeCombineScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  for (int64_t slot = 0; slot < static_cast<int64_t>(args.m) * args.top_experts; ++slot) {
    if (args.row_of[slot] < 0 || args.row_of[slot] >= args.rows) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_moe_combine: row_of[%lld] is %d; x has rows 0 to %d",
                  static_cast<long long>(slot), args.row_of[slot], args.rows - 1);
    }
  }
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
