// An exact radix select: four rounds of 256 bins find the topk-th score, and one more pass over the row writes what
// lies above it, and of its equals the first, in the order of the columns.
#include "device/warp.cuh"
#include "indexer_logits/indexer_logits.h"
#include "topk/topk.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 1024;
constexpr int kWarps = kThreads / 32;

// Where a row's choice goes.
struct Choice {
  int32_t topk;
  int32_t max_pages;
  const int32_t* block_table;
  const int32_t* row_sequence;
  int32_t* positions;
  int32_t* indices;
};

// Orders scores as unsigned numbers: -0 equals +0, and a NaN ranks below every number.
__device__ uint32_t key_of(float score) {
  if (isnan(score)) return 0u;
  const uint32_t bits = __float_as_uint(score + 0.0f);
  return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
}

__device__ __forceinline__ void write(const Choice& choice, int64_t row, int32_t at, int32_t position) {
  const int64_t index = row * choice.topk + at;
  if (choice.positions != nullptr) choice.positions[index] = position;
  if (choice.indices == nullptr) return;
  const int32_t* table = choice.block_table + choice.row_sequence[row] * static_cast<int64_t>(choice.max_pages);
  choice.indices[index] =
      position < 0 ? -1 : table[position / HD_PAGE_TOKENS] * HD_PAGE_TOKENS + position % HD_PAGE_TOKENS;
}

// Sum of `x` over the threads before this one; `total` receives the sum over all. `warps` is shared memory.
__device__ __forceinline__ int exclusive_sum(int x, int* warps, int& total) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  int sum = x;
  for (int step = 1; step < 32; step *= 2) {
    const int other = __shfl_up_sync(kAllLanes, sum, step);
    if (lane >= step) sum += other;
  }
  __syncthreads();
  if (lane == 31) warps[warp] = sum;
  __syncthreads();
  int before = 0;
  total = 0;
// All 32 at once would spill the registers that a thread of 1024 has.
#pragma unroll 4
  for (int i = 0; i < kWarps; ++i) {
    if (i < warp) before += warps[i];
    total += warps[i];
  }
  return before + sum - x;
}

// One block a row.
__global__ void __launch_bounds__(kThreads, 1)
    select(const float* scores, int64_t stride, const int32_t* visible, int64_t first_row, Choice choice) {
  __shared__ int bins[256];
  __shared__ int warps[kWarps];
  __shared__ uint32_t chosen_bin;
  __shared__ int remaining;
  const int64_t row = first_row + blockIdx.x;
  const float* x = scores + blockIdx.x * stride;
  const int32_t count = visible[row];
  if (count <= choice.topk) {
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < choice.topk; i += kThreads) {
      write(choice, row, i, i < count ? i : -1);
    }
    return;
  }
  uint32_t prefix = 0;       // The digits of the topk-th key found so far,
  uint32_t mask = 0;         // and which bits they are.
  int wanted = choice.topk;  // Entries to take among the keys with this prefix.
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int i = static_cast<int>(threadIdx.x); i < 256; i += kThreads) bins[i] = 0;
    __syncthreads();
    for (int32_t i = static_cast<int32_t>(threadIdx.x); i < count; i += kThreads) {
      const uint32_t key = key_of(x[i]);
      if ((key & mask) == prefix) atomicAdd(&bins[key >> shift & 255u], 1);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      int left = wanted;
      int bin = 255;
      while (bins[bin] < left) left -= bins[bin--];
      chosen_bin = static_cast<uint32_t>(bin);
      remaining = left;
    }
    __syncthreads();
    prefix |= chosen_bin << shift;
    mask |= 255u << shift;
    wanted = remaining;
    __syncthreads();
  }
  // `wanted` of the keys that equal `prefix` are taken, the first ones.
  int equals = 0;
  int written = 0;
  for (int32_t begin = 0; begin < count; begin += kThreads) {
    const int32_t i = begin + static_cast<int32_t>(threadIdx.x);
    const uint32_t key = i < count ? key_of(x[i]) : 0u;
    const bool equal = i < count && key == prefix;
    int equals_here;
    const int rank = exclusive_sum(equal ? 1 : 0, warps, equals_here) + equals;
    const bool take = i < count && (key > prefix || (equal && rank < wanted));
    int taken_here;
    const int at = exclusive_sum(take ? 1 : 0, warps, taken_here) + written;
    if (take) write(choice, row, at, i);
    equals += equals_here;
    written += taken_here;
  }
}

// Scores of a chunk of queries may take this much.
constexpr uint64_t kLogitBytes = 256u << 20;

int64_t chunk_rows(const hd_indexer_topk_args& args, int64_t stride) {
  const auto rows = static_cast<int64_t>(kLogitBytes / (static_cast<uint64_t>(stride) * sizeof(float)));
  return rows < 1 ? 1 : rows < args.m ? rows : args.m;
}

int64_t logit_stride(const hd_indexer_topk_args& args) {
  return ceil_div(static_cast<int64_t>(args.max_pages) * HD_PAGE_TOKENS, 256) * 256;
}

}  // namespace

hd_indexer_logits_paged_args logits_of(const hd_indexer_topk_args& args) {
  hd_indexer_logits_paged_args logits{};
  logits.struct_size = sizeof logits;
  logits.m = args.m;
  logits.heads = args.heads;
  logits.pages = args.pages;
  logits.sequences = args.sequences;
  logits.max_pages = args.max_pages;
  logits.q = args.q;
  logits.weights = args.weights;
  logits.cache = args.cache;
  logits.block_table = args.block_table;
  logits.row_sequence = args.row_sequence;
  logits.visible = args.visible;
  return logits;
}

int32_t TopkPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  select<<<static_cast<unsigned>(args.m), kThreads, 0, stream>>>(
      args.scores, args.scores_stride, args.visible, 0,
      Choice{args.topk, args.max_pages, args.block_table, args.row_sequence, args.positions, args.indices});
  return launched("topk");
}

int32_t choose(const hd_indexer_topk_args& args, const float* scores, int64_t stride, int64_t first, int64_t count,
               cudaStream_t stream) {
  select<<<static_cast<unsigned>(count), kThreads, 0, stream>>>(
      scores, stride, args.visible, first,
      Choice{args.topk, args.max_pages, args.block_table, args.row_sequence, args.positions, args.indices});
  return launched("indexer_topk");
}

uint64_t IndexerTopkPortable::workspace(const Args& args, const Card&) {
  const int64_t stride = logit_stride(args);
  return static_cast<uint64_t>(chunk_rows(args, stride)) * static_cast<uint64_t>(stride) * sizeof(float);
}

int32_t IndexerTopkPortable::run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace) {
  if (takes_all(args)) return choose(args, nullptr, 0, 0, args.m, stream);
  const int64_t stride = logit_stride(args);
  const int64_t chunk = chunk_rows(args, stride);
  auto* scores = reinterpret_cast<float*>(workspace);
  for (int64_t first = 0; first < args.m; first += chunk) {
    const auto rows = static_cast<int32_t>(args.m - first < chunk ? args.m - first : chunk);
    hd_indexer_logits_paged_args logits = logits_of(args);
    logits.m = rows;
    logits.q += first * args.heads * HD_INDEX_DIM;
    logits.weights += first * args.heads;
    logits.row_sequence += first;
    logits.visible += first;
    logits.logits = scores;
    logits.logits_stride = stride;
    if (const int32_t status = IndexerLogitsPagedPortable::run(logits, card, stream, nullptr)) return status;
    if (const int32_t status = choose(args, scores, stride, first, rows, stream)) return status;
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
