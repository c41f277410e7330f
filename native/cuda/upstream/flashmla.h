#pragma once

// FlashMLA's sm_90 kernels through their own host functions (csrc/params.h), filled as csrc/pybind.cpp fills them.
// All pointers are device pointers; bf16 and f16 are uint16_t. q·k has 576 dimensions, v 512, a page 64 tokens.

#include <cuda_runtime_api.h>

#include <cstdint>

namespace upstream {

// Parts that the schedule divides the work into, on a device with `sms` SMs.
int SparseDecodeParts(int sms, int s_q, int h_q);
int DenseDecodeParts(int sms, int s_q, int h_q);

// What a decode leaves in device memory besides its result.
struct DecodeWorkspace {
  int parts;      // SparseDecodeParts or DenseDecodeParts
  int* schedule;  // int32 [parts, 8]
  int* splits;    // int32 [b + 1], cumulative
  float* lse;     // [b + parts, s_q·h_q]
  float* out;     // [b + parts, s_q·h_q, 512]
};

struct SparseDecode {
  int b, s_q, h_q, topk, page_count;
  float scale;
  const uint16_t* q;     // bf16 [b, s_q, h_q, 576]
  const uint8_t* pages;  // [page_count, 64, 656]
  const int* indices;    // [b, s_q, topk], page·64 + slot or −1
  const int* seqlens;    // [b]; read by nothing, but the parameters have it
  uint16_t* out;         // bf16 [b, s_q, h_q, 512]
  float* lse;            // [b, s_q, h_q], natural logarithm
};
cudaError_t RunSparseDecode(const SparseDecode& decode, const DecodeWorkspace& workspace, cudaStream_t stream);

struct DenseDecode {
  int b, s_q, h_q, page_count, table_stride;
  bool causal, half;  // f16 instead of bf16
  float scale;
  const uint16_t* q;       // [b, s_q, h_q, 576]
  const uint16_t* pages;   // [page_count, 64, 576]
  const int* block_table;  // [b, table_stride]
  const int* seqlens;      // [b]
  uint16_t* out;           // [b, s_q, h_q, 512]
  float* lse;              // [b, s_q·h_q], natural logarithm
};
cudaError_t RunDenseDecode(const DenseDecode& decode, const DecodeWorkspace& workspace, cudaStream_t stream);

struct SparsePrefill {
  int s_q, s_kv, h_q, topk;
  float scale;
  const uint16_t* q;   // bf16 [s_q, h_q, 576], h_q a multiple of 64
  const uint16_t* kv;  // bf16 [s_kv, 576]
  const int* indices;  // [s_q, topk], rows of kv or −1; topk a multiple of 128
  uint16_t* out;       // bf16 [s_q, h_q, 512]
  float* max_logits;   // [s_q, h_q], of scaled logits in base 2
  float* lse;          // [s_q, h_q], base 2
};
cudaError_t RunSparsePrefill(const SparsePrefill& prefill, cudaStream_t stream);

}  // namespace upstream
