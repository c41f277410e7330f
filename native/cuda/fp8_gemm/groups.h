// The FP8 weights of a grouped product.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct GroupedWeights {
  const uint8_t* b;      // Of group 0.
  const float* b_scale;  // Of group 0.
  int64_t b_step;        // Between groups, in bytes.
  int64_t scale_step;    // Between groups, in floats.
};

// Reads the host arrays of a grouped product, `name` and `scale_name` among the arguments of `function`, by
// read_spaced.
int32_t read_groups(const char* function, const char* name, const char* scale_name, int32_t groups,
                    const uint8_t* const* b, const float* const* b_scale, GroupedWeights& weights);

}  // namespace hadal::cuda
