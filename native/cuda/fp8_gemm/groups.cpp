#include "fp8_gemm/groups.h"

#include "alignment.h"

namespace hadal::cuda {

int32_t read_groups(const char* function, const char* name, int32_t groups, const uint8_t* const* b,
                    const float* const* b_scale, GroupedWeights& weights) {
  weights = {};
  if (groups == 0) return HD_STATUS_OK;
  weights = {b[0], b_scale[0], 0, 0};
  if (groups > 1) {
    weights.b_step = b[1] - b[0];
    weights.scale_step = b_scale[1] - b_scale[0];
  }
  for (int32_t g = 0; g < groups; ++g) {
    if (!is_aligned(b[g])) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s[%d] is %p; on CUDA it must be 16-byte aligned", function, name, g,
                  static_cast<const void*>(b[g]));
    }
    if (b[g] - b[0] != g * weights.b_step || b_scale[g] - b_scale[0] != g * weights.scale_step) {
      return fail(
          HD_STATUS_INVALID_ARGUMENT,
          "%s: %s[%d] or %s_scale[%d] is not as far from the one before as %s[1] from %s[0]; on CUDA the weights of "
          "all groups must be equally spaced",
          function, name, g, name, g, name, name);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
