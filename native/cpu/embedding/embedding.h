// Rows [m, n] taken from a table [rows, n].
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

struct EmbeddingScalar : Kernel<hd_embedding_args> {
  static int32_t run(const Args& args, ThreadPool& pool, std::byte* workspace);
};

}  // namespace hadal::cpu
