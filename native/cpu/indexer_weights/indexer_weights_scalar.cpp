#include "cpu/indexer_weights/indexer_weights.h"

namespace hadal::cpu {

int32_t IndexerWeightsScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  pool.parallel_for(args.m, [&](int64_t row, int) {
    for (int64_t i = row * args.heads; i < (row + 1) * args.heads; ++i) {
      args.y[i] = args.x[i] * args.head_scale * args.q_scale[i] * args.softmax_scale;
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
