#include "cpu/indexer_logits/drive.h"
#include "cpu/indexer_logits/indexer_logits.h"
#include "cpu/indexer_logits/score_avx512f.h"

namespace hadal::cpu {

uint64_t IndexerLogitsAvx512f::workspace(const Args& args, int threads) {
  return IndexScratch<IndexScore>::bytes(args.heads, kQueryBlock) * static_cast<uint64_t>(threads);
}

int32_t IndexerLogitsAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_contiguous<IndexScore>(args, pool, workspace);
}

uint64_t IndexerLogitsPagedAvx512f::workspace(const Args& args, int threads) {
  return IndexScratch<IndexScore>::bytes(args.heads, kQueryBlock) * static_cast<uint64_t>(threads);
}

int32_t IndexerLogitsPagedAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_paged<IndexScore>(args, pool, workspace);
}

}  // namespace hadal::cpu
