#include "reference/reference.h"

#include <stdexcept>

namespace hadal::tests {

Results reference(int32_t op, const void* args) {
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return reference_of(*static_cast<const hd_##name##_args*>(args));
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      throw std::runtime_error("no operation " + std::to_string(op));
  }
}

}  // namespace hadal::tests
