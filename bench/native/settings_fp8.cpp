#include <algorithm>

#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kBeyondCaches = 128 << 20;

Call gemm(int m, int64_t n, int64_t k, bool pow2) {
  CallBuilder<hd_fp8_gemm_args> builder;
  auto& args = builder.args;
  const int64_t copies = std::max<int64_t>(1, kBeyondCaches / (n * k));
  args.d_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.codes(m * k);
  args.a_scale = builder.scales(m * k / 128, pow2);
  args.a_scale_row_stride = k / 128;
  args.a_scale_block_stride = 1;
  args.b = builder.codes(copies * n * k);
  args.b_scale = builder.scales((n + 127) / 128 * (k / 128), pow2);
  args.b_scale_is_pow2 = pow2 ? 1 : 0;
  args.d = builder.zeros<uint16_t>(m * n);
  args.d_stride = n;
  return builder.finish(static_cast<double>(n * k), 2.0 * m * static_cast<double>(n * k), &hd_fp8_gemm_args::b, copies,
                        n * k);
}

// Experts with the same number of rows each.
Call contiguous(int experts, int rows, int64_t n, int64_t k, bool pow2) {
  using Args = hd_fp8_gemm_contiguous_args;
  CallBuilder<Args> builder;
  auto& args = builder.args;
  const int64_t m = static_cast<int64_t>(experts) * rows;
  args.d_dtype = HD_DTYPE_BF16;
  args.groups = experts;
  args.m = static_cast<int32_t>(m);
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.codes(m * k);
  args.a_scale = builder.scales(m * k / 128, pow2);
  args.a_scale_row_stride = k / 128;
  args.a_scale_block_stride = 1;
  const int64_t sets = std::max<int64_t>(1, kBeyondCaches / (experts * n * k));
  const uint8_t* weights = builder.codes(sets * experts * n * k);
  const float* scales = builder.scales((n + 127) / 128 * (k / 128), pow2);
  args.b = builder.filled<const uint8_t*>(sets * experts, [&](int64_t i) { return weights + i * n * k; });
  args.b_scale = builder.filled<const float*>(experts, [&](int64_t) { return scales; });
  args.b_scale_is_pow2 = pow2 ? 1 : 0;
  args.grouped_layout = builder.filled<int32_t>(m, [&](int64_t i) { return i / rows; });
  args.d = builder.zeros<uint16_t>(m * n);
  const auto weight_bytes = static_cast<double>(experts * n * k);
  return builder.finish(weight_bytes, 2.0 * rows * weight_bytes, &Args::b, sets,
                        experts * static_cast<int64_t>(sizeof(void*)));
}

Call masked(int experts, int rows, int64_t n, int64_t k, bool pow2) {
  using Args = hd_fp8_gemm_masked_args;
  CallBuilder<Args> builder;
  auto& args = builder.args;
  const int64_t m = static_cast<int64_t>(experts) * rows;
  args.d_dtype = HD_DTYPE_BF16;
  args.groups = experts;
  args.m_max = rows;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.codes(m * k);
  args.a_scale = builder.scales(m * k / 128, pow2);
  args.a_scale_group_stride = rows * k / 128;
  args.a_scale_row_stride = k / 128;
  args.a_scale_block_stride = 1;
  const int64_t sets = std::max<int64_t>(1, kBeyondCaches / (experts * n * k));
  const uint8_t* weights = builder.codes(sets * experts * n * k);
  const float* scales = builder.scales((n + 127) / 128 * (k / 128), pow2);
  args.b = builder.filled<const uint8_t*>(sets * experts, [&](int64_t i) { return weights + i * n * k; });
  args.b_scale = builder.filled<const float*>(experts, [&](int64_t) { return scales; });
  args.b_scale_is_pow2 = pow2 ? 1 : 0;
  args.masked_m = builder.filled<int32_t>(experts, [&](int64_t) { return rows; });
  args.d = builder.zeros<uint16_t>(m * n);
  const auto weight_bytes = static_cast<double>(experts * n * k);
  return builder.finish(weight_bytes, 2.0 * rows * weight_bytes, &Args::b, sets,
                        experts * static_cast<int64_t>(sizeof(void*)));
}

Call quantize(int m, int64_t k) {
  CallBuilder<hd_fp8_quantize_args> builder;
  auto& args = builder.args;
  args.x_dtype = HD_DTYPE_BF16;
  args.scale_format = HD_SCALE_UE8M0;
  args.m = m;
  args.k = static_cast<int32_t>(k);
  args.x = builder.bf16s(m * k);
  args.x_stride = k;
  args.q = builder.zeros<uint8_t>(m * k);
  args.scale = builder.zeros<float>(m * k / 128);
  args.scale_row_stride = k / 128;
  args.scale_block_stride = 1;
  return builder.finish(3.0 * m * static_cast<double>(k), 0);
}

Call dequantize(int64_t n, int64_t k) {
  CallBuilder<hd_fp8_dequantize_args> builder;
  auto& args = builder.args;
  args.y_dtype = HD_DTYPE_BF16;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.q = builder.codes(n * k);
  args.scale_inv = builder.scales((n + 127) / 128 * ((k + 127) / 128), true);
  args.y = builder.zeros<uint16_t>(n * k);
  return builder.finish(3.0 * static_cast<double>(n * k), 0);
}

}  // namespace

std::vector<Setting> fp8_settings() {
  std::vector<Setting> settings;
  const std::pair<int, int> shapes[] = {{7168, 2048}, {2048, 7168}, {1536, 7168}, {24576, 1536}, {7168, 16384}};
  for (const auto& [n, k] : shapes) {
    for (const bool pow2 : {true, false}) {
      for (const int m : {1, 4, 16, 64, 256}) {
        settings.push_back(
            {HD_OP_FP8_GEMM,
             std::to_string(n) + "x" + std::to_string(k) + (pow2 ? "/pow2" : "/any") + "/m" + std::to_string(m),
             [=, n = n, k = k] { return gemm(m, n, k, pow2); }});
      }
    }
  }
  for (const int rows : {1, 16, 64}) {
    const std::string name = "8x2048x7168/pow2/m" + std::to_string(rows);
    settings.push_back({HD_OP_FP8_GEMM_CONTIGUOUS, name, [=] { return contiguous(8, rows, 2048, 7168, true); }});
    settings.push_back({HD_OP_FP8_GEMM_MASKED, name, [=] { return masked(8, rows, 2048, 7168, true); }});
  }
  for (const int m : {1, 256}) {
    settings.push_back({HD_OP_FP8_QUANTIZE, "7168/m" + std::to_string(m), [=] { return quantize(m, 7168); }});
  }
  settings.push_back({HD_OP_FP8_DEQUANTIZE, "32768x512", [] { return dequantize(32768, 512); }});
  return settings;
}

}  // namespace hadal::bench
