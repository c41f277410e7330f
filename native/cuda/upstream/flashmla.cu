#include <cutlass/half.h>

#include <algorithm>
#include <cmath>

#include "flashmla.h"
#include "flashmla_errors.h"
#include "params.h"
#include "sm90/decode/dense/splitkv_mla.h"
#include "sm90/decode/sparse_fp8/splitkv_mla.h"
#include "sm90/prefill/sparse/fwd.h"
#include "smxx/get_mla_metadata.h"
#include "smxx/mla_combine.h"

namespace upstream {
namespace {

constexpr int kHeadDim = 576, kLatent = 512, kPage = 64;

cudaError_t RunMetadata(int b, int topk, const int* seqlens, const DecodeWorkspace& workspace, cudaStream_t stream) {
  GetDecodingMetadataParams params{};
  params.seqlens_k_ptr = const_cast<int*>(seqlens);
  params.tile_scheduler_metadata_ptr = workspace.schedule;
  params.num_splits_ptr = workspace.splits;
  params.batch_size = b;
  params.block_size_n = kPage;
  params.fixed_overhead_num_blocks = 5;
  params.num_sm_parts = workspace.parts;
  params.topk = topk;
  run_get_mla_metadata_kernel(params, stream);
  return cudaPeekAtLastError();
}

DecodingParams MakeParams(int b, int s_q, int h_q, int page_count, float scale, const DecodeWorkspace& workspace) {
  DecodingParams params{};
  params.b = b;
  params.s_q = s_q;
  params.q_seq_per_hk = s_q * h_q;
  params.d = kHeadDim;
  params.d_v = kLatent;
  params.h_q = h_q;
  params.h_k = 1;
  params.num_blocks = page_count;
  params.q_head_per_hk = h_q;
  params.scale_softmax = scale;
  params.scale_softmax_log2 = static_cast<float>(scale * M_LOG2E);
  params.q_row_stride = params.q_head_stride = kHeadDim;
  params.q_batch_stride = int64_t{s_q} * h_q * kHeadDim;
  params.o_row_stride = params.o_head_stride = kLatent;
  params.o_batch_stride = int64_t{s_q} * h_q * kLatent;
  params.page_block_size = kPage;
  params.tile_scheduler_metadata_ptr = workspace.schedule;
  params.num_sm_parts = workspace.parts;
  params.num_splits_ptr = workspace.splits;
  params.total_num_splits = b + workspace.parts;
  params.softmax_lseaccum_ptr = workspace.lse;
  params.oaccum_ptr = workspace.out;
  return params;
}

}  // namespace

int SparseDecodeParts(int sms, int s_q, int h_q) {
  return std::max(sms / 2 / ((h_q + 127) / 128 * s_q), 1);
}
int DenseDecodeParts(int sms, int s_q, int h_q) {
  return std::max(sms / ((s_q * h_q + 63) / 64), 1);
}

cudaError_t RunSparseDecode(const SparseDecode& decode, const DecodeWorkspace& workspace, cudaStream_t stream) try {
  if (const auto error = RunMetadata(decode.b, decode.topk, decode.seqlens, workspace, stream)) return error;
  DecodingParams params = MakeParams(decode.b, decode.s_q, decode.h_q, decode.page_count, decode.scale, workspace);
  constexpr int kTokenBytes = 656;
  params.topk = decode.topk;
  params.q_ptr = const_cast<uint16_t*>(decode.q);
  params.k_ptr = const_cast<uint8_t*>(decode.pages);
  params.o_ptr = decode.out;
  params.softmax_lse_ptr = decode.lse;
  params.indices_ptr = const_cast<int*>(decode.indices);
  params.seqlens_k_ptr = const_cast<int*>(decode.seqlens);
  params.k_row_stride = params.k_head_stride = kTokenBytes;
  params.k_batch_stride = kPage * kTokenBytes;
  params.indices_row_stride = decode.topk;
  params.indices_batch_stride = int64_t{decode.s_q} * decode.topk;
  sm90::run_flash_splitkv_mla_fp8_sparse_kernel(params, stream);
  run_flash_mla_combine_kernel<cutlass::bfloat16_t>(params, stream);
  return cudaPeekAtLastError();
} catch (const Failure& failure) {
  return failure.status;
}

cudaError_t RunDenseDecode(const DenseDecode& decode, const DecodeWorkspace& workspace, cudaStream_t stream) try {
  if (const auto error = RunMetadata(decode.b, -1, decode.seqlens, workspace, stream)) return error;
  DecodingParams params = MakeParams(decode.b, decode.s_q, decode.h_q, decode.page_count, decode.scale, workspace);
  params.topk = -1;
  params.is_causal = decode.causal && decode.s_q > 1;
  params.q_ptr = const_cast<uint16_t*>(decode.q);
  params.k_ptr = const_cast<uint16_t*>(decode.pages);
  params.o_ptr = decode.out;
  params.softmax_lse_ptr = decode.lse;
  params.seqlens_k_ptr = const_cast<int*>(decode.seqlens);
  params.k_row_stride = params.k_head_stride = kHeadDim;
  params.k_batch_stride = kPage * kHeadDim;
  params.block_table = const_cast<int*>(decode.block_table);
  params.block_table_batch_stride = decode.table_stride;
  if (decode.half) {
    sm90::run_flash_splitkv_mla_kernel<cutlass::half_t>(params, stream);
    run_flash_mla_combine_kernel<cutlass::half_t>(params, stream);
  } else {
    sm90::run_flash_splitkv_mla_kernel<cutlass::bfloat16_t>(params, stream);
    run_flash_mla_combine_kernel<cutlass::bfloat16_t>(params, stream);
  }
  return cudaPeekAtLastError();
} catch (const Failure& failure) {
  return failure.status;
}

cudaError_t RunSparsePrefill(const SparsePrefill& prefill, cudaStream_t stream) try {
  SparsePrefillParams params{};
  params.s_q = prefill.s_q;
  params.s_kv = prefill.s_kv;
  params.h_q = prefill.h_q;
  params.h_kv = 1;
  params.d_qk = kHeadDim;
  params.d_v = kLatent;
  params.topk = prefill.topk;
  params.sm_scale = prefill.scale;
  params.sm_scale_div_log2 = prefill.scale * 1.44269504f;
  params.q = reinterpret_cast<cutlass::bfloat16_t*>(const_cast<uint16_t*>(prefill.q));
  params.kv = reinterpret_cast<cutlass::bfloat16_t*>(const_cast<uint16_t*>(prefill.kv));
  params.indices = const_cast<int*>(prefill.indices);
  params.stride_q_s_q = prefill.h_q * kHeadDim;
  params.stride_q_h_q = params.stride_kv_s_kv = params.stride_kv_h_kv = kHeadDim;
  params.stride_indices_s_q = params.stride_indices_h_kv = prefill.topk;
  params.out = reinterpret_cast<cutlass::bfloat16_t*>(prefill.out);
  params.max_logits = prefill.max_logits;
  params.lse = prefill.lse;
  params.stream = stream;
  sm90::run_fwd_kernel(params);
  return cudaPeekAtLastError();
} catch (const Failure& failure) {
  return failure.status;
}

}  // namespace upstream
