#include "spaced.h"

namespace hadal::cuda {

int32_t read_spaced(const char* function, const char* name, int32_t groups, const void* const* pointers,
                    uint64_t alignment, Spaced& spaced) {
  spaced = {};
  if (groups == 0) return HD_STATUS_OK;
  const auto at = [&](int32_t group) { return static_cast<const std::byte*>(pointers[group]); };
  spaced.first = at(0);
  if (groups > 1) spaced.step = at(1) - at(0);
  for (int32_t g = 0; g < groups; ++g) {
    if (reinterpret_cast<uintptr_t>(at(g)) % alignment != 0) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s[%d] is %p; on CUDA it must be %d-byte aligned", function, name, g,
                  pointers[g], static_cast<int>(alignment));
    }
    if (at(g) - at(0) != g * spaced.step) {
      return fail(HD_STATUS_INVALID_ARGUMENT,
                  "%s: %s[%d] is not as far from the one before as %s[1] from %s[0]; on CUDA the weights of all groups "
                  "must be equally spaced",
                  function, name, g, name, name);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
