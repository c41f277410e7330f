// Scores of a chunk of queries over pages by DeepGEMM, each query as a batch entry of its own.
#pragma once

#include "alignment.h"
#include "carve.h"
#include "kernel.h"

namespace hadal::cuda {

// What hd_indexer_logits_paged and hd_indexer_topk need in common.
struct PagedChunk {
  int64_t stride;  // Between rows of scores, a multiple of 256 that holds every page.
  int64_t rows;    // Queries of a chunk.
  float* scores;   // [rows, stride]; from `visible` on they mean nothing.
  int32_t* table;  // [rows, max_pages]
  int32_t* schedule;
  uint8_t* q;      // [rows, 64, 128], where there are fewer heads; else unused.
  float* weights;  // [rows, 64], likewise.

  PagedChunk(Carve& carve, int32_t m, int32_t heads, int32_t max_pages);
  // Queues the scores of queries [first, first + count).
  int32_t score(const hd_indexer_logits_paged_args& args, int64_t first, int64_t count, cudaStream_t stream) const;
};

// Of the arguments of either.
template <class Args>
bool paged_deepgemm_serves(const Args& args) {
  return args.heads <= 64 && args.pages > 0 && args.max_pages > 0 && is_aligned(args.q) && is_aligned(args.weights);
}

}  // namespace hadal::cuda
