// hd_index_cache_append on vectors of floats: the same bytes as the scalar.
#pragma once

#include <cstring>

#include "cpu/index_cache/slots.h"
#include "cpu/simd/floats.h"
#include "cpu/simd/rows.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

inline int32_t index_cache_append(const hd_index_cache_append_args& args, ThreadPool& pool) {
  if (const int32_t status = check_slots(args)) return status;
  for_rows(pool, args.m, HD_INDEX_DIM, [&](int64_t i) {
    if (args.slots[i] < 0) return;
    uint8_t* page =
        args.cache + static_cast<int64_t>(args.slots[i] / HD_PAGE_TOKENS) * HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;
    const int64_t token = args.slots[i] % HD_PAGE_TOKENS;
    Floats x[HD_INDEX_DIM / kFloats];
    for (int64_t j = 0; j < HD_INDEX_DIM / kFloats; ++j) {
      x[j] = load_floats(args.k, args.x_dtype, i * args.k_stride + j * kFloats);
    }
    const float scale = quantize_floats(x, page + token * HD_INDEX_DIM, args.scale_format);
    std::memcpy(page + HD_PAGE_TOKENS * HD_INDEX_DIM + token * 4, &scale, 4);
  });
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
