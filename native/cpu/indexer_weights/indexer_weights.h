// Head weights [m, heads] of the indexer.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct IndexerWeightsScalar : Kernel<hd_indexer_weights_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
