#include <cstring>

#include "cpu/index_cache/index_cache.h"
#include "cpu/index_cache/slots.h"
#include "cpu/number.h"

namespace hadal::cpu {

int32_t IndexCacheAppendScalar::run(const Args& args, ThreadPool& pool, std::byte*) {
  if (const int32_t status = check_slots(args)) return status;
  pool.parallel_for(args.m, [&](int64_t i, int) {
    if (args.slots[i] < 0) return;
    uint8_t* page =
        args.cache + static_cast<int64_t>(args.slots[i] / HD_PAGE_TOKENS) * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
    const int64_t token = args.slots[i] % HD_PAGE_TOKENS;
    float x[HD_INDEX_DIM];
    for (int j = 0; j < HD_INDEX_DIM; ++j) x[j] = load(args.k, args.x_dtype, i * args.k_stride + j);
    const float scale = quantize_block(x, page + token * HD_INDEX_DIM, args.scale_format);
    std::memcpy(page + HD_PAGE_TOKENS * HD_INDEX_DIM + token * 4, &scale, 4);
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
