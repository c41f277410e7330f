// Keys and values of a head into a block, in AVX2. Included by *_avx2.cpp alone.
#pragma once

#include "cpu/attention/simd_avx2.h"

namespace hadal::cpu {
namespace {

// False where a value is infinite or NaN.
inline bool expand_head(const hd_masked_mha_args& args, int64_t head, int64_t key, int count,
                        const TokenBlock<Simd>& block) {
  const int64_t width = args.nope_dim + args.v_dim;
  const auto* kv = static_cast<const bf16*>(args.kv) + (key * args.heads + head) * width;
  const auto* rope = static_cast<const bf16*>(args.k_rope) + key * args.k_rope_stride;
  const __m256i exponent = _mm256_set1_epi32(0x7f800000);
  __m256i not_finite = _mm256_setzero_si256();
  for (int token = 0; token < count; ++token) {
    const bf16* nope = kv + token * args.heads * width;
    uint32_t* to = block.keys + token * TokenBlock<Simd>::kKeyStride;
    for (int i = 0; i < args.nope_dim; i += 8) Simd::store(to + i, Simd::from_bf16(nope + i));
    for (int i = 0; i < HD_ROPE_DIM; i += 8) {
      Simd::store(to + args.nope_dim + i, Simd::from_bf16(rope + token * args.k_rope_stride + i));
    }
    for (int dim = 0; dim < args.v_dim; dim += 8) {
      const __m256i x = Simd::from_bf16(nope + args.nope_dim + dim);
      not_finite = _mm256_or_si256(not_finite, _mm256_cmpeq_epi32(_mm256_and_si256(x, exponent), exponent));
      Simd::store(block.values + token * block.value_stride + dim, x);
    }
  }
  return _mm256_testz_si256(not_finite, not_finite) != 0;
}

}  // namespace
}  // namespace hadal::cpu
