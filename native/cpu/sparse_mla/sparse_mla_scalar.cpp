#include "cpu/attention/attend_scalar.h"
#include "cpu/sparse_mla/check.h"
#include "cpu/sparse_mla/sparse_mla.h"

namespace hadal::cpu {

uint64_t SparseMlaScalar::workspace(const Args&, int threads) {
  return sizeof(AttendScratch) * static_cast<uint64_t>(threads);
}

int32_t SparseMlaScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_indices(args)) return status;
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
