#include "inventory.h"

#include "kernel.h"

namespace hadal::cuda {
namespace {

constexpr Variant kVariants[] = {
#define HD_CUDA_VARIANT(op, type, name, least_sm, most_sm) erase<type>(op, name, least_sm, most_sm),
#include "inventory.inc"
#undef HD_CUDA_VARIANT
};

}  // namespace

std::span<const Variant> variants() {
  return kVariants;
}

const Variant* variant_for(const Card& card, int32_t op, const void* args) {
  for (const Variant& variant : kVariants) {
    if (variant.op == op && runs_on(variant, card) && (args == nullptr || variant.serves(args))) return &variant;
  }
  return nullptr;
}

}  // namespace hadal::cuda
