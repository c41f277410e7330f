// A page of the index cache: 64 keys, then their scales.
#pragma once

#include <cstdint>

#include "hadal.h"

namespace hadal::cpu {
namespace {

constexpr int64_t kIndexPageBytes = HD_PAGE_TOKENS * HD_INDEX_TOKEN_BYTES;

[[maybe_unused]] inline const uint8_t* index_page(const uint8_t* cache, int64_t page) {
  return cache + page * kIndexPageBytes;
}

[[maybe_unused]] inline const float* page_scales(const uint8_t* page) {
  return reinterpret_cast<const float*>(page + HD_PAGE_TOKENS * HD_INDEX_DIM);
}

// Asks for the part [first, last) of `whole` of a page, so that a page arrives while another is scored, and not
// all at once; null is no page.
[[maybe_unused]] inline void prefetch_share(const uint8_t* page, int first, int last, int whole) {
  if (page == nullptr) return;
  const int64_t end = kIndexPageBytes * last / whole;
  for (int64_t i = kIndexPageBytes * first / whole / 64 * 64; i < end; i += 64) __builtin_prefetch(page + i, 0, 3);
}

// What is to be done for the pages to come while one is scored: null for nothing.
template <class Keys>
struct NextPage {
  const uint8_t* codes;  // To be expanded
  Keys* keys;            // to here.
  const uint8_t* ahead;  // To be prefetched.
};

}  // namespace
}  // namespace hadal::cpu
