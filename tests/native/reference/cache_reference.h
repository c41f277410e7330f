// Reading caches, by the header's words on their layouts.
#pragma once

#include <vector>

#include "reference/reference.h"

namespace hadal::tests {

struct MlaLayout {
  int64_t token_bytes;
  bool fp8;
  int32_t dtype;  // Of the rope part, and of a latent that is not FP8.

  static MlaLayout of(int32_t format) {
    switch (format) {
      case HD_MLA_FP8:
        return {512 + 16 + 128, true, HD_DTYPE_BF16};
      case HD_MLA_FP8_F32:
        return {512 + 16 + 256, true, HD_DTYPE_F32};
      case HD_MLA_BF16:
        return {1024 + 128, false, HD_DTYPE_BF16};
      default:
        return {2048 + 256, false, HD_DTYPE_F32};
    }
  }

  int64_t rope_at() const { return fp8 ? 528 : dtype == HD_DTYPE_F32 ? 2048 : 1024; }
};

// Latent and rope of a token.
inline std::vector<double> mla_token(const void* cache, int32_t format, int64_t slot) {
  const MlaLayout layout = MlaLayout::of(format);
  const auto* token = static_cast<const uint8_t*>(cache) + slot * layout.token_bytes;
  std::vector<double> values;
  for (int i = 0; i < 512; ++i) {
    values.push_back(layout.fp8 ? decode_e4m3(token[i]) * at(token + 512, HD_DTYPE_F32, i / 128)
                                : at(token, layout.dtype, i));
  }
  for (int i = 0; i < 64; ++i) values.push_back(at(token + layout.rope_at(), layout.dtype, i));
  return values;
}

struct IndexToken {
  const uint8_t* codes;
  double scale;

  static IndexToken of(const uint8_t* cache, int64_t slot) {
    const uint8_t* page = cache + slot / 64 * 8448;
    return {page + slot % 64 * 128, at(page + 8192, HD_DTYPE_F32, slot % 64)};
  }
};

// The slot of a sequence's token.
template <class Args>
int64_t slot_at(const Args& args, int64_t row, int64_t position) {
  const int64_t page = args.block_table[int64_t{args.row_sequence[row]} * args.max_pages + position / 64];
  return page * 64 + position % 64;
}

}  // namespace hadal::tests
