// Keys and values of a head into a block, in AVX-512. Included by *_avx512.cpp alone.
#pragma once

#include "cpu/attention/simd_avx512.h"

namespace hadal::cpu {
namespace {

// False where a value is infinite or NaN.
inline bool expand_head(const hd_masked_mha_args& args, int64_t head, int64_t key, int count,
                        const TokenBlock<Simd>& block) {
  const int64_t width = args.nope_dim + args.v_dim;
  const auto* kv = static_cast<const bf16*>(args.kv) + (key * args.heads + head) * width;
  const auto* rope = static_cast<const bf16*>(args.k_rope) + key * args.k_rope_stride;
  const __m512i exponent = _mm512_set1_epi16(0x7f80);
  __mmask32 not_finite = 0;
  for (int token = 0; token < count; ++token) {
    const bf16* nope = kv + token * args.heads * width;
    // What the block after this one will read.
    for (int64_t i = 0; i < width; i += 32) {
      __builtin_prefetch(nope + static_cast<int64_t>(kBlockTokens) * args.heads * width + i, 0, 2);
    }
    uint32_t* to = block.keys + token * TokenBlock<Simd>::kKeyStride;
    for (int i = 0; i < args.nope_dim; i += 32) _mm512_storeu_si512(to + i / 2, _mm512_loadu_si512(nope + i));
    for (int i = 0; i < HD_ROPE_DIM; i += 32) {
      _mm512_storeu_si512(to + (args.nope_dim + i) / 2, _mm512_loadu_si512(rope + token * args.k_rope_stride + i));
    }
    uint32_t* value = block.values + token * block.value_stride;
    for (int dim = 0; dim < args.v_dim; dim += 32) {
      const __m512i x = _mm512_loadu_si512(nope + args.nope_dim + dim);
      not_finite |= _mm512_cmpeq_epi16_mask(_mm512_and_si512(x, exponent), exponent);
      Simd::store(value + dim / 2, x);
    }
  }
  // The last token's partner, which has no weight.
  if (count % 2 != 0) std::fill_n(block.values + count * block.value_stride, args.v_dim / 2, 0u);
  return not_finite == 0;
}

}  // namespace
}  // namespace hadal::cpu
