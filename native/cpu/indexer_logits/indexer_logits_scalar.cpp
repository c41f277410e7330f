#include "cpu/indexer_logits/indexer_logits.h"
#include "cpu/indexer_logits/score_scalar.h"
#include "cpu/paging.h"

namespace hadal::cpu {

int32_t IndexerLogitsScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.start[i] < 0 || args.start[i] > args.end[i] || args.end[i] > args.keys) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_indexer_logits: row %d sees keys %d to %d; they must lie in 0 to %d",
                  i, args.start[i], args.end[i], args.keys);
    }
  }
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
  if (const int32_t status = check_paging("hd_indexer_logits_paged", args.m, args.sequences, args.max_pages, args.pages,
                                          args.block_table, args.row_sequence, args.visible)) {
    return status;
  }
  for (int32_t i = 0; i < args.m; ++i) {
    if (args.visible[i] > args.logits_stride) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_indexer_logits_paged: visible[%d] is %d; logits_stride is %lld", i,
                  args.visible[i], static_cast<long long>(args.logits_stride));
    }
  }
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
