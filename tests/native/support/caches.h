// Cache pages as hadal.h lays them out, for cases to read.
#pragma once

#include <cstring>
#include <functional>
#include <numeric>

#include "support/builder.h"

namespace hadal::tests {

constexpr bool is_fp8(int32_t format) {
  return format == HD_MLA_FP8 || format == HD_MLA_FP8_F32;
}

constexpr bool is_f32(int32_t format) {
  return format == HD_MLA_FP8_F32 || format == HD_MLA_F32;
}

constexpr int64_t mla_token_bytes(int32_t format) {
  constexpr int64_t kBytes[] = {656, 784, 1152, 2304};
  return kBytes[format];
}

// An MLA cache of random tokens. Tokens that `used` refuses are NaN throughout, so that whoever reads them shows it.
inline std::vector<uint8_t> mla_cache(uint64_t seed, int32_t format, int pages, bool powers_of_two,
                                      const std::function<bool(int slot)>& used) {
  const auto bytes = static_cast<size_t>(mla_token_bytes(format));
  std::vector<uint8_t> cache(static_cast<size_t>(pages) * HD_PAGE_TOKENS * bytes);
  const Type type = is_f32(format) ? Type::f32 : Type::bf16;
  for (int slot = 0; slot < pages * HD_PAGE_TOKENS; ++slot) {
    uint8_t* token = &cache[static_cast<size_t>(slot) * bytes];
    if (!used(slot)) {
      std::memset(token, 0xff, bytes);
      continue;
    }
    Random random(seed, "token", slot);
    const auto put = [&](size_t at, const std::vector<float>& values, Type as) {
      const std::vector<std::byte> raw = to_bytes(values, as);
      std::memcpy(token + at, raw.data(), raw.size());
    };
    const auto normals_of = [&](int count) {
      std::vector<float> values;
      for (int i = 0; i < count; ++i) values.push_back(random.normal());
      return values;
    };
    size_t rope_at = HD_LATENT_DIM * size_of(type);
    if (is_fp8(format)) {
      for (int i = 0; i < HD_LATENT_DIM; ++i) token[i] = random_code(random, Codes::normal);
      std::vector<float> scales;
      for (int i = 0; i < HD_LATENT_DIM / HD_SCALE_BLOCK; ++i) {
        scales.push_back(powers_of_two ? random.power_of_two(-7, -5)
                                       : static_cast<float>(0.008 + 0.016 * random.uniform()));
      }
      put(HD_LATENT_DIM, scales, Type::f32);
      rope_at = HD_LATENT_DIM + 16;
    } else {
      put(0, normals_of(HD_LATENT_DIM), type);
    }
    put(rope_at, normals_of(HD_ROPE_DIM), type);
  }
  return cache;
}

// An index cache of random keys.
inline std::vector<uint8_t> index_cache(uint64_t seed, int pages, Codes codes) {
  constexpr size_t kPage = static_cast<size_t>(HD_PAGE_TOKENS) * HD_INDEX_TOKEN_BYTES;
  std::vector<uint8_t> cache(static_cast<size_t>(pages) * kPage);
  for (int slot = 0; slot < pages * HD_PAGE_TOKENS; ++slot) {
    uint8_t* page = &cache[static_cast<size_t>(slot / HD_PAGE_TOKENS) * kPage];
    const auto token = static_cast<size_t>(slot % HD_PAGE_TOKENS);
    Random random(seed, "key", slot);
    for (size_t i = 0; i < HD_INDEX_DIM; ++i) page[token * HD_INDEX_DIM + i] = random_code(random, codes);
    const float scale =
        codes == Codes::whole ? random.power_of_two(-1, 1) : static_cast<float>(0.01 + 0.02 * random.uniform());
    std::memcpy(page + HD_PAGE_TOKENS * HD_INDEX_DIM + token * 4, &scale, 4);
  }
  return cache;
}

// Block tables of sequences over pages 1, 2, ... in a scattered order; page 0 belongs to none.
inline std::vector<int32_t> block_table(int sequences, int max_pages) {
  std::vector<int32_t> table;
  const int pages = sequences * max_pages;
  int step = 7;
  while (std::gcd(step, pages) != 1) ++step;
  for (int i = 0; i < pages; ++i) table.push_back(1 + i * step % pages);
  return table;
}

}  // namespace hadal::tests
