#include "cpu/indexer_logits/check.h"
#include "cpu/indexer_logits/indexer_logits.h"
#include "cpu/indexer_logits/score_scalar.h"

namespace hadal::cpu {

int32_t IndexerLogitsScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_rows(args)) return status;
  pool.parallel_for(args.m, [&](int64_t row, int) {
    IndexQuery query;
    query.read(args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads);
    for (int64_t key = args.start[row]; key < args.end[row]; ++key) {
      args.logits[row * args.logits_stride + key] = query.score(args.k + key * HD_INDEX_DIM, args.k_scale[key]);
    }
  });
  return HD_STATUS_OK;
}

int32_t IndexerLogitsPagedScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_rows(args)) return status;
  pool.parallel_for(args.m, [&](int64_t row, int) {
    IndexQuery query;
    query.read(args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads);
    const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[row]) * args.max_pages;
    for (int64_t position = 0; position < args.visible[row]; ++position) {
      const IndexKey key = IndexKey::at(args.cache, table[position / HD_PAGE_TOKENS], position % HD_PAGE_TOKENS);
      args.logits[row * args.logits_stride + position] = query.score(key.codes, key.scale);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
