// The rules of hadal.h for the arguments of each operation. Each overload returns whether there is anything to do.
#pragma once

#include "abi/check.h"

namespace hadal {

bool validate(Check& check, const hd_fp8_quantize_args& args);
bool validate(Check& check, const hd_fp8_dequantize_args& args);
bool validate(Check& check, const hd_fp8_gemm_args& args);
bool validate(Check& check, const hd_fp8_gemm_multi_args& args);
bool validate(Check& check, const hd_fp8_gemm_contiguous_args& args);
bool validate(Check& check, const hd_fp8_gemm_masked_args& args);
bool validate(Check& check, const hd_gemm_args& args);
bool validate(Check& check, const hd_rms_norm_args& args);
bool validate(Check& check, const hd_layer_norm_args& args);
bool validate(Check& check, const hd_rope_table_args& args);
bool validate(Check& check, const hd_rope_args& args);
bool validate(Check& check, const hd_hadamard_args& args);
bool validate(Check& check, const hd_embedding_args& args);
bool validate(Check& check, const hd_silu_mul_args& args);
bool validate(Check& check, const hd_moe_route_args& args);
bool validate(Check& check, const hd_moe_permute_args& args);
bool validate(Check& check, const hd_moe_combine_args& args);
bool validate(Check& check, const hd_mla_cache_append_args& args);
bool validate(Check& check, const hd_mla_cache_gather_args& args);
bool validate(Check& check, const hd_index_cache_append_args& args);
bool validate(Check& check, const hd_indexer_weights_args& args);
bool validate(Check& check, const hd_indexer_logits_args& args);
bool validate(Check& check, const hd_indexer_logits_paged_args& args);
bool validate(Check& check, const hd_topk_args& args);
bool validate(Check& check, const hd_indexer_topk_args& args);
bool validate(Check& check, const hd_sparse_mla_args& args);
bool validate(Check& check, const hd_dense_mla_args& args);
bool validate(Check& check, const hd_masked_mha_args& args);

}  // namespace hadal
