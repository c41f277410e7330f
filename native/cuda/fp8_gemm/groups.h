// The weights of a grouped product, which on CUDA lie equally spaced.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct GroupedWeights {
  const uint8_t* b;      // Of group 0.
  const float* b_scale;  // Of group 0.
  int64_t b_step;        // Between groups, in bytes.
  int64_t scale_step;    // Between groups, in floats.
};

// Reads the host arrays of a grouped product, `name` and its scales among the arguments of `function`. Refuses pointers
// that are misaligned or not equally spaced.
int32_t read_groups(const char* function, const char* name, int32_t groups, const uint8_t* const* b,
                    const float* const* b_scale, GroupedWeights& weights);

}  // namespace hadal::cuda
