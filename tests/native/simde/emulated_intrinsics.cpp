#include "simde/intrinsics.inc"

namespace hadal::tests {

std::span<const Intrinsic> emulated_intrinsics() {
  return kIntrinsics;
}

}  // namespace hadal::tests
