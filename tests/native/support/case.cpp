#include "support/case.h"

#include "support/builder.h"

namespace hadal::tests {

Case CaseMaker::whole() const {
  return make(iota(rows));
}

std::vector<CaseMaker> cases_of(int32_t op) {
  switch (op) {
    case HD_OP_FP8_QUANTIZE:
      return fp8_quantize_cases();
    case HD_OP_FP8_DEQUANTIZE:
      return fp8_dequantize_cases();
    case HD_OP_FP8_GEMM:
      return fp8_gemm_cases();
    case HD_OP_FP8_GEMM_MULTI:
      return fp8_gemm_multi_cases();
    case HD_OP_FP8_GEMM_CONTIGUOUS:
      return fp8_gemm_contiguous_cases();
    case HD_OP_FP8_GEMM_MASKED:
      return fp8_gemm_masked_cases();
    case HD_OP_GEMM:
      return gemm_cases();
    case HD_OP_RMS_NORM:
      return rms_norm_cases();
    case HD_OP_LAYER_NORM:
      return layer_norm_cases();
    case HD_OP_ROPE_TABLE:
      return rope_table_cases();
    case HD_OP_ROPE:
      return rope_cases();
    case HD_OP_HADAMARD:
      return hadamard_cases();
    case HD_OP_EMBEDDING:
      return embedding_cases();
    case HD_OP_SILU_MUL:
      return silu_mul_cases();
    case HD_OP_MOE_ROUTE:
      return moe_route_cases();
    case HD_OP_MOE_PERMUTE:
      return moe_permute_cases();
    case HD_OP_MOE_COMBINE:
      return moe_combine_cases();
    case HD_OP_MLA_CACHE_APPEND:
      return mla_cache_append_cases();
    case HD_OP_MLA_CACHE_GATHER:
      return mla_cache_gather_cases();
    case HD_OP_INDEX_CACHE_APPEND:
      return index_cache_append_cases();
    case HD_OP_INDEXER_WEIGHTS:
      return indexer_weights_cases();
    case HD_OP_INDEXER_LOGITS:
      return indexer_logits_cases();
    case HD_OP_INDEXER_LOGITS_PAGED:
      return indexer_logits_paged_cases();
    case HD_OP_TOPK:
      return topk_cases();
    case HD_OP_INDEXER_TOPK:
      return indexer_topk_cases();
    case HD_OP_SPARSE_MLA:
      return sparse_mla_cases();
    case HD_OP_DENSE_MLA:
      return dense_mla_cases();
    case HD_OP_MASKED_MHA:
      return masked_mha_cases();
    default:
      return {};
  }
}

}  // namespace hadal::tests
