#include "indexer_logits/indexer_logits.h"
#include "indexer_logits/score.cuh"

namespace hadal::cuda {
namespace {

// A block scores 64 keys of one query.
__global__ void __launch_bounds__(kScoreThreads) contiguous(hd_indexer_logits_args args) {
  __shared__ ScoreTiles tiles;
  const int64_t row = blockIdx.y;
  const int32_t first = static_cast<int32_t>(blockIdx.x) * kScoreKeys;
  const int32_t start = args.start[row];
  const int32_t end = args.end[row] < args.keys ? args.end[row] : args.keys;
  if (first >= end || first + kScoreKeys <= start) return;
  fetch_codes(tiles.k, args.k + static_cast<int64_t>(first) * HD_INDEX_DIM, end - first);
  const float sum =
      score_keys(tiles, args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads);
  const int32_t key = first + static_cast<int32_t>(threadIdx.x);
  if (threadIdx.x < kScoreKeys && key >= start && key < end) {
    args.logits[row * args.logits_stride + key] = args.k_scale[key] * sum;
  }
}

// A block scores one page for one query.
__global__ void __launch_bounds__(kScoreThreads) paged(hd_indexer_logits_paged_args args) {
  __shared__ ScoreTiles tiles;
  const int64_t row = blockIdx.y;
  const int32_t first = static_cast<int32_t>(blockIdx.x) * HD_PAGE_TOKENS;
  const int32_t count = args.visible[row] - first;
  if (count <= 0) return;
  const int64_t page = args.block_table[args.row_sequence[row] * static_cast<int64_t>(args.max_pages) + blockIdx.x];
  if (page < 0 || page >= args.pages) return;
  const uint8_t* keys = args.cache + page * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
  fetch_codes(tiles.k, keys, count);
  const float sum =
      score_keys(tiles, args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads);
  if (threadIdx.x < HD_PAGE_TOKENS && static_cast<int32_t>(threadIdx.x) < count) {
    const auto* scales = reinterpret_cast<const float*>(keys + HD_PAGE_TOKENS * HD_INDEX_DIM);
    args.logits[row * args.logits_stride + first + threadIdx.x] = scales[threadIdx.x] * sum;
  }
}

}  // namespace

int32_t IndexerLogitsPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const dim3 grid(static_cast<unsigned>(ceil_div(args.keys, kScoreKeys)), static_cast<unsigned>(args.m));
  if (grid.x != 0) contiguous<<<grid, kScoreThreads, 0, stream>>>(args);
  return launched("indexer_logits");
}

int32_t IndexerLogitsPagedPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const dim3 grid(static_cast<unsigned>(args.max_pages), static_cast<unsigned>(args.m));
  if (grid.x != 0) paged<<<grid, kScoreThreads, 0, stream>>>(args);
  return launched("indexer_logits_paged");
}

}  // namespace hadal::cuda
