// Rows of a table.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct EmbeddingPortable : Kernel<hd_embedding_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

}  // namespace hadal::cuda
