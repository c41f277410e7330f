#include "simde/intrinsics.inc"

namespace hadal::tests {

std::span<const Intrinsic> hardware_intrinsics() {
  return kIntrinsics;
}

}  // namespace hadal::tests
