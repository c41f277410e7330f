#include "fp8_gemm/groups.h"

#include "alignment.h"
#include "spaced.h"

namespace hadal::cuda {

int32_t read_groups(const char* function, const char* name, const char* scale_name, int32_t groups,
                    const uint8_t* const* b, const float* const* b_scale, GroupedWeights& weights) {
  Spaced codes;
  Spaced scales;
  const auto* pointers = reinterpret_cast<const void* const*>(b);
  if (const int32_t status = read_spaced(function, name, groups, pointers, kAlignment, codes)) return status;
  pointers = reinterpret_cast<const void* const*>(b_scale);
  if (const int32_t status = read_spaced(function, scale_name, groups, pointers, sizeof(float), scales)) return status;
  weights = {reinterpret_cast<const uint8_t*>(codes.first), reinterpret_cast<const float*>(scales.first), codes.step,
             scales.step / static_cast<int64_t>(sizeof(float))};
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
