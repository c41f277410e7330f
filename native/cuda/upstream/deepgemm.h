#pragma once

// DeepGEMM's sm_90 kernels, launched with the template parameters, tensor maps and shared-memory sizes that its own
// host code (csrc/jit_kernels) chooses for such shapes. All pointers are device pointers; e4m3 is a byte, bf16 a
// uint16_t.

#include <cuda_runtime_api.h>

#include <cstdint>

#include "block_shape.h"

namespace upstream {

// What the tests change in an otherwise right launch.
struct GemmOverrides {
  int shape = -1;                   // the entry of the product's table of block shapes; −1: the cheapest
  int extra_rows_of_a = 0;          // rows that A's tensor map claims beyond its memory
  bool wrong_swizzle_of_b = false;  // 64 instead of 128 bytes, half the box
};

// The longest K of an FP8 product: B's scales of a row of tiles lie in shared memory.
inline constexpr int kMostFp8K = 1 << 18;

// d[m, n] = Σ_k a[m, k]·b[n, k] with scales sfa [k/128, align(m, 4)] (MN-major) and sfb [⌈n/128⌉, ⌈k/128⌉]; d is bf16.
// Rows of d are d_stride elements apart, a multiple of 8; 0: n.
inline constexpr BlockShape kFp8Shapes[] = {{64, 16},  {64, 32},   {64, 64},
                                            {64, 128}, {128, 128}, {128, 128, 2, kPairRows}};
cudaError_t Fp8Gemm(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d, int m, int n,
                    int k, cudaStream_t stream, int64_t d_stride = 0, GemmOverrides overrides = {});
// Rows in groups of a multiple of 128; group_of_row int32 [m], −1: skipped. b [groups, n, k]. In pairs however few the
// rows: without, the kernel looks for the group of the tile beside the last one, beyond the end of group_of_row.
inline constexpr BlockShape kFp8ContiguousShapes[] = {{128, 64, 2}, {128, 128, 2}};
cudaError_t Fp8GemmContiguous(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                              const int* group_of_row, int groups, int m, int n, int k, cudaStream_t stream,
                              GemmOverrides overrides = {});
// a [groups, max_m, k], rows_of_group int32 [kMaskedGroups], zeros from `groups` on; max_m a multiple of 128. The host
// doesn't know the rows: it chooses for groups of few, as they have in decoding.
inline constexpr int kMaskedGroups = 256;
inline constexpr BlockShape kFp8MaskedShapes[] = {{64, 64}, {64, 128}};
cudaError_t Fp8GemmMasked(const uint8_t* a, const float* sfa, const uint8_t* b, const float* sfb, uint16_t* d,
                          const int* rows_of_group, int groups, int max_m, int n, int k, cudaStream_t stream,
                          GemmOverrides overrides = {});

// d[i] [m, n] = a[i] [m, k] times b[i] [n, k] (K-major) or [k, n] (MN-major), for `batch` products of one shape.
// Strides are in elements, multiples of 8; those between batches count where batch is above 1, which is at most
// kMaxBatch.
inline constexpr int kMaxBatch = 128;
inline constexpr BlockShape kBf16Shapes[] = {{64, 32}, {64, 64}, {64, 128}, {128, 128}, {128, 128, 2, kPairRows}};
inline constexpr BlockShape kBf16BatchedShapes[] = {{64, 64}, {64, 128}, {128, 128}};  // and of one [k, n]
struct Bf16Product {
  const uint16_t *a, *b;
  uint16_t* d;
  int batch, m, n, k;
  bool b_is_kn;
  int64_t a_stride, a_batch_stride, b_stride, b_batch_stride, d_stride, d_batch_stride;
};
cudaError_t RunBf16Product(const Bf16Product& product, cudaStream_t stream, GemmOverrides overrides = {});

// d[m, n] = Σ_k a[m, k]·b[n, k], bf16.
cudaError_t Bf16Gemm(const uint16_t* a, const uint16_t* b, uint16_t* d, int m, int n, int k, cudaStream_t stream,
                     GemmOverrides overrides = {});
// d[b, h, n] = Σ_k a[b, h, k]·w[h, n, k] (w K-major), all bf16 and contiguous.
cudaError_t Bf16GemmBatched(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                            cudaStream_t stream, GemmOverrides overrides = {});
// d[b, h, n] = Σ_k a[b, h, k]·w[h, k, n] (w MN-major), all bf16 and contiguous.
cudaError_t Bf16GemmBatchedMnMajor(const uint16_t* a, const uint16_t* w, uint16_t* d, int b, int h, int n, int k,
                                   cudaStream_t stream, GemmOverrides overrides = {});

// logits[t, s] = k_scale[s]·Σ_h weights[t, h]·relu(q[t, h]·k[s]) for start[t] ≤ s < end[t]. q e4m3 [s_q, h, 128], k
// e4m3 [s_kv, 128], weights f32 [s_q, h]; rows of logits are `stride` floats apart, s_q padded to 4. h is 32 or 64.
cudaError_t MqaLogits(const uint8_t* q, const uint8_t* k, const float* k_scale, const float* weights, const int* start,
                      const int* end, float* logits, int s_q, int s_kv, int h, int stride, cudaStream_t stream);

// Schedule int32 [kDeepGemmSms + 1, 2] for context_lens int32 [b]; b at most kPagedRows.
inline constexpr int kPagedRows = 512;
cudaError_t PagedMqaMetadata(const int* context_lens, int* schedule, int b, cudaStream_t stream);
// q e4m3 [b, next_n, 64, 128], pages of 64·132 bytes, weights f32 [b·next_n, 64], block_table int32 [b, table_stride];
// logits f32 [b·next_n, stride], stride a multiple of 256. next_n is 1 or 2.
cudaError_t PagedMqaLogits(const uint8_t* q, const uint8_t* pages, const float* weights, const int* context_lens,
                           const int* block_table, const int* schedule, float* logits, int b, int next_n,
                           int page_count, int table_stride, int stride, cudaStream_t stream);

}  // namespace upstream
