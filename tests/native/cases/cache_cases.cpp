#include <algorithm>

#include "support/caches.h"

namespace hadal::tests {
namespace {

std::string format_name(int32_t format) {
  constexpr const char* kNames[] = {"fp8", "fp8f32", "bf16", "f32"};
  return kNames[format];
}

// The slot of a row: scattered, none twice; every seventh row has none.
int32_t slot_of(int row, int pages) {
  return row % 7 == 5 ? -1 : row * 29 % (pages * HD_PAGE_TOKENS);
}

}  // namespace

std::vector<CaseMaker> mla_cache_append_cases() {
  struct Shape {
    int m;
    int32_t format, scale_format;
    int gap = 0;
    bool wide = false;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, HD_MLA_FP8, HD_SCALE_UE8M0},
                             {17, HD_MLA_FP8, HD_SCALE_UE8M0, 64, true},
                             {16, HD_MLA_FP8, HD_SCALE_PLAIN, 3, true},
                             {9, HD_MLA_FP8_F32, HD_SCALE_UE8M0, 1, true},
                             {3, HD_MLA_FP8_F32, HD_SCALE_PLAIN},
                             {5, HD_MLA_BF16, HD_SCALE_UE8M0, 7},
                             {6, HD_MLA_F32, HD_SCALE_PLAIN, 1}}) {
    const std::string name = std::to_string(shape.m) + "_" + format_name(shape.format) +
                             (shape.scale_format == HD_SCALE_UE8M0 ? "_ue8m0" : "_plain") +
                             (shape.gap ? "_strided" : "") + (shape.wide ? "_wide" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_mla_cache_append_args;
                       constexpr int kPages = 3;
                       Builder<Args> builder(name, HD_OP_MLA_CACHE_APPEND);
                       auto& args = builder.args;
                       args.x_dtype = is_f32(shape.format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
                       args.format = shape.format;
                       args.scale_format = shape.scale_format;
                       args.m = count_of(rows);
                       args.pages = kPages;
                       args.latent_stride = HD_LATENT_DIM + shape.gap;
                       args.rope_stride = HD_ROPE_DIM + shape.gap;
                       std::vector<float> latent = normal_rows(51, "latent", rows, HD_LATENT_DIM, args.latent_stride);
                       for (size_t row = 0; shape.wide && row < rows.size(); ++row) {
                         Random random(51, "size", rows[row]);
                         for (size_t block = 0; block < HD_LATENT_DIM / HD_SCALE_BLOCK; ++block) {
                           const float size = random.one_in(6) ? 0.0f : random.power_of_two(-20, 8);
                           for (size_t i = 0; i < HD_SCALE_BLOCK; ++i) {
                             latent[row * static_cast<size_t>(args.latent_stride) + block * HD_SCALE_BLOCK + i] *= size;
                           }
                         }
                       }
                       std::vector<int32_t> slots;
                       for (const int row : rows) slots.push_back(slot_of(row, kPages));
                       builder.input("latent", &Args::latent, latent, args.x_dtype);
                       builder.input("rope", &Args::rope, normal_rows(51, "rope", rows, HD_ROPE_DIM, args.rope_stride),
                                     args.x_dtype);
                       builder.input("slots", &Args::slots, slots);
                       const auto bytes = static_cast<size_t>(mla_token_bytes(shape.format));
                       Tensor& cache = builder.output("cache", &Args::cache, Type::u8,
                                                      static_cast<int64_t>(kPages * HD_PAGE_TOKENS * bytes), kExact);
                       cache.offset = 16;
                       for (const int32_t slot : slots) {
                         auto& slices = cache.rows.emplace_back();
                         if (slot >= 0) slices.push_back({static_cast<size_t>(slot) * bytes, bytes});
                       }
                       return builder.finish();
                     }});
  }
  return cases;
}

std::vector<CaseMaker> mla_cache_gather_cases() {
  struct Shape {
    int m;
    int32_t format;
    bool pow2;
    int gap = 0;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, HD_MLA_FP8, true},
                             {17, HD_MLA_FP8, false, 3},
                             {9, HD_MLA_FP8_F32, false, 1},
                             {5, HD_MLA_BF16, true},
                             {6, HD_MLA_F32, true, 7}}) {
    const std::string name = std::to_string(shape.m) + "_" + format_name(shape.format) +
                             (shape.pow2 ? "_ue8m0" : "_plain") + (shape.gap ? "_strided" : "");
    cases.push_back(
        {name, shape.m, true, [shape, name](std::span<const int> rows) {
           using Args = hd_mla_cache_gather_args;
           constexpr int kPages = 3;
           Builder<Args> builder(name, HD_OP_MLA_CACHE_GATHER);
           auto& args = builder.args;
           args.format = shape.format;
           args.y_dtype = is_f32(shape.format) ? HD_DTYPE_F32 : HD_DTYPE_BF16;
           args.m = count_of(rows);
           args.pages = kPages;
           args.y_stride = HD_MLA_DIM + shape.gap;
           std::vector<int32_t> slots;
           for (const int row : rows) slots.push_back(slot_of(row, kPages));
           builder.input("slots", &Args::slots, slots);
           builder
               .input("cache", &Args::cache, mla_cache(52, shape.format, kPages, shape.pow2, [](int) { return true; }))
               .offset = 16;
           strided_rows(
               builder.output("y", &Args::y, type_of(args.y_dtype), (args.m - 1) * args.y_stride + HD_MLA_DIM, kExact),
               rows.size(), args.y_stride, HD_MLA_DIM);
           return builder.finish();
         }});
  }
  return cases;
}

std::vector<CaseMaker> index_cache_append_cases() {
  struct Shape {
    int m;
    int32_t dtype, scale_format;
    int gap = 0;
  };
  std::vector<CaseMaker> cases;
  for (const Shape& shape : {Shape{1, HD_DTYPE_BF16, HD_SCALE_UE8M0},
                             {17, HD_DTYPE_BF16, HD_SCALE_UE8M0, 64},
                             {16, HD_DTYPE_F32, HD_SCALE_PLAIN, 1},
                             {9, HD_DTYPE_BF16, HD_SCALE_PLAIN},
                             {3, HD_DTYPE_F32, HD_SCALE_UE8M0}}) {
    const std::string name = std::to_string(shape.m) + (shape.dtype == HD_DTYPE_F32 ? "_f32" : "_bf16") +
                             (shape.scale_format == HD_SCALE_UE8M0 ? "_ue8m0" : "_plain") +
                             (shape.gap ? "_strided" : "");
    cases.push_back({name, shape.m, true, [shape, name](std::span<const int> rows) {
                       using Args = hd_index_cache_append_args;
                       constexpr int kPages = 4;
                       constexpr size_t kPage = static_cast<size_t>(HD_PAGE_TOKENS) * HD_INDEX_TOKEN_BYTES;
                       Builder<Args> builder(name, HD_OP_INDEX_CACHE_APPEND);
                       auto& args = builder.args;
                       args.x_dtype = shape.dtype;
                       args.scale_format = shape.scale_format;
                       args.m = count_of(rows);
                       args.pages = kPages;
                       args.k_stride = HD_INDEX_DIM + shape.gap;
                       std::vector<float> k = normal_rows(53, "k", rows, HD_INDEX_DIM, args.k_stride);
                       for (size_t row = 0; row < rows.size(); ++row) {
                         const float size = Random(53, "size", rows[row]).power_of_two(-24, 10);
                         for (size_t i = 0; i < HD_INDEX_DIM; ++i)
                           k[row * static_cast<size_t>(args.k_stride) + i] *= size;
                       }
                       std::vector<int32_t> slots;
                       for (const int row : rows) slots.push_back(slot_of(row, kPages));
                       builder.input("k", &Args::k, k, shape.dtype);
                       builder.input("slots", &Args::slots, slots);
                       Tensor& cache = builder.output("cache", &Args::cache, Type::u8, kPages * kPage, kExact);
                       cache.offset = 16;
                       for (const int32_t slot : slots) {
                         auto& slices = cache.rows.emplace_back();
                         if (slot < 0) continue;
                         const size_t page = static_cast<size_t>(slot / HD_PAGE_TOKENS) * kPage;
                         const auto token = static_cast<size_t>(slot % HD_PAGE_TOKENS);
                         slices.push_back({page + token * HD_INDEX_DIM, HD_INDEX_DIM});
                         slices.push_back({page + HD_PAGE_TOKENS * HD_INDEX_DIM + token * 4, 4});
                       }
                       return builder.finish();
                     }});
  }
  return cases;
}

}  // namespace hadal::tests
