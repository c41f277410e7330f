// Weights of groups, which on CUDA lie equally spaced, so that kernels take one address and a step.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct Spaced {
  const std::byte* first = nullptr;  // Of group 0.
  int64_t step = 0;                  // Between groups, in bytes.
};

// Reads `name`, a host array of one pointer for each group among the arguments of `function`. Refuses pointers that are
// misaligned or not equally spaced.
int32_t read_spaced(const char* function, const char* name, int32_t groups, const void* const* pointers,
                    uint64_t alignment, Spaced& spaced);

}  // namespace hadal::cuda
