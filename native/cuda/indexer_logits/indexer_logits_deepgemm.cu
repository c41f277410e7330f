#include "alignment.h"
#include "indexer_logits/indexer_logits.h"
#include "indexer_logits/paged_deepgemm.h"
#include "upstream/deepgemm.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 256;
// Scores of a chunk of queries may take this much.
constexpr uint64_t kScoreBytes = 256u << 20;

// Copies the [count, heads] queries and weights to [count, padded], the new heads zero.
__global__ void pad_heads(const uint8_t* q, const float* weights, int heads, int padded, uint8_t* q_out,
                          float* weights_out) {
  const int64_t row = blockIdx.x;
  const auto* from = reinterpret_cast<const uint32_t*>(q + row * heads * HD_INDEX_DIM);
  auto* to = reinterpret_cast<uint32_t*>(q_out + row * padded * HD_INDEX_DIM);
  for (int i = static_cast<int>(threadIdx.x); i < padded * HD_INDEX_DIM / 4; i += kThreads) {
    to[i] = i < heads * HD_INDEX_DIM / 4 ? from[i] : 0u;
  }
  for (int i = static_cast<int>(threadIdx.x); i < padded; i += kThreads) {
    weights_out[row * padded + i] = i < heads ? weights[row * heads + i] : 0.0f;
  }
}

// logits[row][i] = scores[row][i] for start[row] <= i < end[row]; start may be null for zeros.
__global__ void copy_scores(const float* scores, int64_t stride, const int32_t* start, const int32_t* end,
                            float* logits, int64_t logits_stride) {
  const int64_t row = blockIdx.x;
  const int32_t last = end[row];
  for (int32_t i = (start == nullptr ? 0 : start[row]) + static_cast<int32_t>(threadIdx.x); i < last; i += kThreads) {
    logits[row * logits_stride + i] = scores[row * stride + i];
  }
}

// table[row] = the pages of the row's sequence.
__global__ void gather_tables(const int32_t* block_table, const int32_t* row_sequence, int max_pages, int32_t* table) {
  const int64_t row = blockIdx.x;
  const int32_t* from = block_table + row_sequence[row] * static_cast<int64_t>(max_pages);
  for (int i = static_cast<int>(threadIdx.x); i < max_pages; i += kThreads) table[row * max_pages + i] = from[i];
}

unsigned blocks(int64_t rows) {
  return static_cast<unsigned>(rows);
}

int padded_heads(int32_t heads) {
  return heads <= 32 ? 32 : 64;
}

struct Chunk {
  int64_t stride;
  int64_t rows;
  float* scores;
  uint8_t* q;
  float* weights;

  Chunk(Carve& carve, const hd_indexer_logits_args& args) {
    const int padded = padded_heads(args.heads);
    stride = ceil_div(static_cast<int64_t>(args.keys) + 256, 4) * 4;
    rows = static_cast<int64_t>(kScoreBytes / (static_cast<uint64_t>(stride) * sizeof(float))) / 4 * 4;
    rows = rows < 4 ? 4 : rows < args.m ? rows : ceil_div(args.m, 4) * 4;
    scores = carve.take<float>(rows * stride);
    q = carve.take<uint8_t>(padded == args.heads ? 0 : rows * padded * HD_INDEX_DIM);
    weights = carve.take<float>(padded == args.heads ? 0 : rows * padded);
  }
};

}  // namespace

bool IndexerLogitsDeepGemm::serves(const Args& args) {
  return args.heads <= 64 && args.keys > 0 && is_aligned(args.q) && is_aligned(args.k) && is_aligned(args.k_scale) &&
         is_aligned(args.weights);
}

uint64_t IndexerLogitsDeepGemm::workspace(const Args& args, const Card&) {
  return carved_bytes<Chunk>(args);
}

int32_t IndexerLogitsDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte* workspace) {
  constexpr const char* kName = "indexer_logits/deepgemm";
  Carve carve(workspace);
  const Chunk chunk(carve, args);
  const int padded = padded_heads(args.heads);
  for (int64_t first = 0; first < args.m; first += chunk.rows) {
    const int64_t count = args.m - first < chunk.rows ? args.m - first : chunk.rows;
    const uint8_t* q = args.q + first * args.heads * HD_INDEX_DIM;
    const float* weights = args.weights + first * args.heads;
    if (padded != args.heads) {
      pad_heads<<<blocks(count), kThreads, 0, stream>>>(q, weights, args.heads, padded, chunk.q, chunk.weights);
      if (const int32_t status = launched(kName)) return status;
      q = chunk.q;
      weights = chunk.weights;
    }
    if (const int32_t status = status_of(
            upstream::MqaLogits(q, args.k, args.k_scale, weights, args.start + first, args.end + first, chunk.scores,
                                static_cast<int>(count), args.keys, padded, static_cast<int>(chunk.stride), stream),
            kName)) {
      return status;
    }
    copy_scores<<<blocks(count), kThreads, 0, stream>>>(chunk.scores, chunk.stride, args.start + first,
                                                        args.end + first, args.logits + first * args.logits_stride,
                                                        args.logits_stride);
    if (const int32_t status = launched(kName)) return status;
  }
  return HD_STATUS_OK;
}

PagedChunk::PagedChunk(Carve& carve, int32_t m, int32_t heads, int32_t max_pages) {
  stride = ceil_div(static_cast<int64_t>(max_pages) * HD_PAGE_TOKENS, 256) * 256;
  rows = static_cast<int64_t>(kScoreBytes / (static_cast<uint64_t>(stride) * sizeof(float)));
  if (rows > upstream::kPagedRows) rows = upstream::kPagedRows;
  if (rows > m) rows = m;
  if (rows < 1) rows = 1;
  scores = carve.take<float>(rows * stride);
  table = carve.take<int32_t>(rows * max_pages);
  schedule = carve.take<int32_t>((upstream::kDeepGemmSms + 1) * 2);
  q = carve.take<uint8_t>(heads == 64 ? 0 : rows * 64 * HD_INDEX_DIM);
  weights = carve.take<float>(heads == 64 ? 0 : rows * 64);
}

int32_t PagedChunk::score(const hd_indexer_logits_paged_args& args, int64_t first, int64_t count,
                          cudaStream_t stream) const {
  constexpr const char* kName = "indexer_logits_paged/deepgemm";
  const uint8_t* queries = args.q + first * args.heads * HD_INDEX_DIM;
  const float* head_weights = args.weights + first * args.heads;
  if (args.heads != 64) {
    pad_heads<<<blocks(count), kThreads, 0, stream>>>(queries, head_weights, args.heads, 64, q, weights);
    if (const int32_t status = launched(kName)) return status;
    queries = q;
    head_weights = weights;
  }
  gather_tables<<<blocks(count), kThreads, 0, stream>>>(args.block_table, args.row_sequence + first, args.max_pages,
                                                        table);
  if (const int32_t status = launched(kName)) return status;
  const int32_t* visible = args.visible + first;
  if (const int32_t status =
          status_of(upstream::PagedMqaMetadata(visible, schedule, static_cast<int>(count), stream), kName)) {
    return status;
  }
  return status_of(upstream::PagedMqaLogits(queries, args.cache, head_weights, visible, table, schedule, scores,
                                            static_cast<int>(count), 1, args.pages, args.max_pages,
                                            static_cast<int>(stride), stream),
                   kName);
}

bool IndexerLogitsPagedDeepGemm::serves(const Args& args) {
  return paged_deepgemm_serves(args);
}

uint64_t IndexerLogitsPagedDeepGemm::workspace(const Args& args, const Card&) {
  return carved_bytes<PagedChunk>(args.m, args.heads, args.max_pages);
}

int32_t IndexerLogitsPagedDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte* workspace) {
  Carve carve(workspace);
  const PagedChunk chunk(carve, args.m, args.heads, args.max_pages);
  for (int64_t first = 0; first < args.m; first += chunk.rows) {
    const int64_t count = args.m - first < chunk.rows ? args.m - first : chunk.rows;
    if (const int32_t status = chunk.score(args, first, count, stream)) return status;
    copy_scores<<<blocks(count), kThreads, 0, stream>>>(chunk.scores, chunk.stride, nullptr, args.visible + first,
                                                        args.logits + first * args.logits_stride, args.logits_stride);
    if (const int32_t status = launched("indexer_logits_paged/deepgemm")) return status;
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
