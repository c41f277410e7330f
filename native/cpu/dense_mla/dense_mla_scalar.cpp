#include "cpu/attention/attend_scalar.h"
#include "cpu/dense_mla/dense_mla.h"
#include "cpu/paging.h"

namespace hadal::cpu {

uint64_t DenseMlaScalar::workspace(const Args&, int threads) {
  return sizeof(AttendScratch) * static_cast<uint64_t>(threads);
}

int32_t DenseMlaScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_paging("hd_dense_mla", args.m, args.sequences, args.max_pages, args.pages,
                                          args.block_table, args.row_sequence, args.visible)) {
    return status;
  }
  const int64_t groups = (args.heads + kHeadGroup - 1) / kHeadGroup;
  auto* scratch = reinterpret_cast<AttendScratch*>(workspace);
  pool.parallel_for(args.m * groups, [&](int64_t item, int worker) {
    const int64_t row = item / groups;
    const int64_t head = item % groups * kHeadGroup;
    const int heads = static_cast<int>(std::min<int64_t>(kHeadGroup, args.heads - head));
    const int64_t first = row * args.heads + head;
    const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[row]) * args.max_pages;
    attend(
        static_cast<const std::byte*>(args.cache), args.format, args.visible[row],
        [&](int64_t i) {
          return static_cast<int64_t>(table[i / HD_PAGE_TOKENS]) * HD_PAGE_TOKENS + i % HD_PAGE_TOKENS;
        },
        heads, args.q, first * HD_MLA_DIM, args.q_dtype, args.softmax_scale, args.out, first * HD_LATENT_DIM,
        args.lse == nullptr ? nullptr : args.lse + first, scratch[worker]);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
