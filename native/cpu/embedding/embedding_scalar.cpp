#include "cpu/embedding/embedding.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t EmbeddingScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.ids[i] < 0 || args.ids[i] >= args.rows) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_embedding: ids[%d] is %d; the table has rows 0 to %d", i, args.ids[i],
                  args.rows - 1);
    }
  }
  pool.parallel_for(args.m, [&](int64_t row, int) {
    const int64_t first = static_cast<int64_t>(args.ids[row]) * args.n;
    for (int64_t i = 0; i < args.n; ++i) {
      store(args.y, args.y_dtype, row * args.n + i, load(args.table, args.table_dtype, first + i));
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
