#include "indexer_logits/paged_deepgemm.h"
#include "topk/topk.h"

namespace hadal::cuda {

bool IndexerTopkDeepGemm::serves(const Args& args) {
  return paged_deepgemm_serves(args);
}

uint64_t IndexerTopkDeepGemm::workspace(const Args& args, const Card&) {
  return carved_bytes<PagedChunk>(args.m, args.heads, args.max_pages);
}

int32_t IndexerTopkDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte* workspace) {
  if (takes_all(args)) return choose(args, nullptr, 0, 0, args.m, stream);
  Carve carve(workspace);
  const PagedChunk chunk(carve, args.m, args.heads, args.max_pages);
  const hd_indexer_logits_paged_args logits = logits_of(args);
  for (int64_t first = 0; first < args.m; first += chunk.rows) {
    const int64_t count = args.m - first < chunk.rows ? args.m - first : chunk.rows;
    if (const int32_t status = chunk.score(logits, first, count, stream)) return status;
    if (const int32_t status = choose(args, chunk.scores, chunk.stride, first, count, stream)) return status;
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
