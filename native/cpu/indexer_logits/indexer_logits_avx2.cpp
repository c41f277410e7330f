#include "cpu/indexer_logits/drive.h"
#include "cpu/indexer_logits/indexer_logits.h"
#include "cpu/indexer_logits/score_avx2.h"

namespace hadal::cpu {

uint64_t IndexerLogitsAvx2::workspace(const Args& args, int threads) {
  return IndexScratch<IndexScore>::bytes(args.heads, kQueryBlock) * static_cast<uint64_t>(threads);
}

int32_t IndexerLogitsAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_contiguous<IndexScore>(args, pool, workspace);
}

uint64_t IndexerLogitsPagedAvx2::workspace(const Args& args, int threads) {
  return IndexScratch<IndexScore>::bytes(args.heads, kQueryBlock) * static_cast<uint64_t>(threads);
}

int32_t IndexerLogitsPagedAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_paged<IndexScore>(args, pool, workspace);
}

}  // namespace hadal::cpu
