#include "cpu/indexer_logits/score_avx512.h"
#include "cpu/topk/drive.h"
#include "cpu/topk/lanes_avx512.h"
#include "cpu/topk/topk.h"

namespace hadal::cpu {

uint64_t TopkAvx512::workspace(const Args& args, int threads) {
  return topk_workspace<Lanes>(args, threads);
}

int32_t TopkAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_topk<Lanes>(args, pool, workspace);
}

uint64_t IndexerTopkAvx512::workspace(const Args& args, int threads) {
  return indexer_topk_workspace<IndexScore, Lanes>(args, threads);
}

int32_t IndexerTopkAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_indexer_topk<IndexScore, Lanes>(args, pool, workspace);
}

}  // namespace hadal::cpu
