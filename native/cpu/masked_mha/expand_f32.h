// Keys and values of a head into a block, for a Simd whose units are f32.
#pragma once

#include "cpu/attention/attend.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// False where a value is infinite or NaN.
template <class Simd>
bool expand_head(const hd_masked_mha_args& args, int64_t head, int64_t key, int count, const TokenBlock<Simd>& block) {
  constexpr int kWidth = Simd::kWidth;
  const int64_t width = args.nope_dim + args.v_dim;
  const auto* kv = static_cast<const bf16*>(args.kv) + (key * args.heads + head) * width;
  const auto* rope = static_cast<const bf16*>(args.k_rope) + key * args.k_rope_stride;
  typename Simd::NotFinite not_finite;
  for (int token = 0; token < count; ++token) {
    const bf16* nope = kv + token * args.heads * width;
    uint32_t* to = block.keys + token * TokenBlock<Simd>::kKeyStride;
    for (int i = 0; i < args.nope_dim; i += kWidth) Simd::store(to + i, Simd::from_bf16(nope + i));
    for (int i = 0; i < HD_ROPE_DIM; i += kWidth) {
      Simd::store(to + args.nope_dim + i, Simd::from_bf16(rope + token * args.k_rope_stride + i));
    }
    for (int dim = 0; dim < args.v_dim; dim += kWidth) {
      const auto x = Simd::from_bf16(nope + args.nope_dim + dim);
      not_finite.look_at(x);
      Simd::store(block.values + token * block.value_stride + dim, x);
    }
  }
  return !not_finite.found();
}

}  // namespace
}  // namespace hadal::cpu
