// What each operation of hadal.h comes to, in double precision and written from the header's words alone: plain loops
// that share nothing with the kernels. Where the header fixes each rounding, it is made here too.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "support/case.h"
#include "support/compare.h"
#include "support/numbers.h"

namespace hadal::tests {

using Results = std::map<std::string, Expected>;  // By the name of the output.

// The results of a case whose args point to its memory (Placed).
Results reference(int32_t op, const void* args);

Results reference_of(const hd_fp8_quantize_args& args);
Results reference_of(const hd_fp8_dequantize_args& args);
Results reference_of(const hd_fp8_gemm_args& args);
Results reference_of(const hd_fp8_gemm_multi_args& args);
Results reference_of(const hd_fp8_gemm_contiguous_args& args);
Results reference_of(const hd_fp8_gemm_masked_args& args);
Results reference_of(const hd_gemm_args& args);
Results reference_of(const hd_rms_norm_args& args);
Results reference_of(const hd_layer_norm_args& args);
Results reference_of(const hd_rope_table_args& args);
Results reference_of(const hd_rope_args& args);
Results reference_of(const hd_hadamard_args& args);
Results reference_of(const hd_embedding_args& args);
Results reference_of(const hd_silu_mul_args& args);
Results reference_of(const hd_moe_route_args& args);
Results reference_of(const hd_moe_permute_args& args);
Results reference_of(const hd_moe_combine_args& args);
Results reference_of(const hd_mla_cache_append_args& args);
Results reference_of(const hd_mla_cache_gather_args& args);
Results reference_of(const hd_index_cache_append_args& args);
Results reference_of(const hd_indexer_weights_args& args);
Results reference_of(const hd_indexer_logits_args& args);
Results reference_of(const hd_indexer_logits_paged_args& args);
Results reference_of(const hd_topk_args& args);
Results reference_of(const hd_indexer_topk_args& args);
Results reference_of(const hd_sparse_mla_args& args);
Results reference_of(const hd_dense_mla_args& args);
Results reference_of(const hd_masked_mha_args& args);

inline double at(const void* data, int32_t dtype, int64_t index) {
  if (dtype == HD_DTYPE_F32) {
    float value;
    std::memcpy(&value, static_cast<const char*>(data) + index * 4, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, static_cast<const char*>(data) + index * 2, 2);
  return decode_bf16(bits);
}

// As an element of the type holds it.
inline double rounded(double value, int32_t dtype) {
  const auto single = static_cast<float>(value);
  return dtype == HD_DTYPE_F32 ? single : decode_bf16(encode_bf16(single));
}

inline void put(Expected& expected, int64_t index, double value) {
  const auto i = static_cast<size_t>(index);
  if (i >= expected.values.size()) {
    expected.values.resize(i + 1);
    expected.written.resize(i + 1);
  }
  expected.values[i] = value;
  expected.written[i] = true;
}

// The rule of hd_fp8_quantize for 128 values: their scale, and their codes.
float quantized(const double* x, int32_t scale_format, uint8_t* codes);

}  // namespace hadal::tests
