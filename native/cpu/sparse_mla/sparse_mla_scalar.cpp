#include "cpu/sparse_mla/attend_scalar.h"
#include "cpu/sparse_mla/sparse_mla.h"

namespace hadal::cpu {

uint64_t SparseMlaScalar::workspace(const Args&, int threads) {
  return sizeof(AttendScratch) * static_cast<uint64_t>(threads);
}

int32_t SparseMlaScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  const int64_t slots = static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS;
  for (int64_t i = 0; i < static_cast<int64_t>(args.m) * args.topk; ++i) {
    if (args.indices[i] < -1 || args.indices[i] >= slots) {
      return fail(HD_STATUS_INVALID_ARGUMENT,
                  "hd_sparse_mla: indices[%lld][%lld] is %d; the cache has slots 0 to %lld, and -1 is none",
                  static_cast<long long>(i / args.topk), static_cast<long long>(i % args.topk), args.indices[i],
                  static_cast<long long>(slots - 1));
    }
  }
  const int64_t groups = (args.heads + kHeadGroup - 1) / kHeadGroup;
  auto* scratch = reinterpret_cast<AttendScratch*>(workspace);
  pool.parallel_for(args.m * groups, [&](int64_t item, int worker) {
    const int64_t row = item / groups;
    const int64_t head = item % groups * kHeadGroup;
    const int heads = static_cast<int>(std::min<int64_t>(kHeadGroup, args.heads - head));
    const int64_t first = row * args.heads + head;
    attend(
        static_cast<const std::byte*>(args.cache), args.format, args.topk,
        [&](int64_t i) -> int64_t { return args.indices[row * args.topk + i]; }, heads, args.q, first* HD_MLA_DIM,
        args.q_dtype, args.softmax_scale, args.out, first* HD_LATENT_DIM,
        args.lse == nullptr ? nullptr : args.lse + first, scratch[worker]);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
