#include <algorithm>

#include "setting.h"

namespace hadal::bench {
namespace {

constexpr int64_t kBeyondCaches = 128 << 20;

// A SwiGLU's second weights lie behind the first, `step` elements on.
template <class Args>
Call with_up(Call call, int64_t step) {
  auto* const data = reinterpret_cast<Args*>(call.args.data());
  data->has_up = 1;
  data->up_scale = data->b_scale;
  call.turn = [turn = std::move(call.turn), data, step](int64_t i) {
    turn(i);
    data->up = data->b + step;
  };
  call.turn(0);
  return call;
}

Call gemm(int m, int64_t n, int64_t k, bool pow2, bool up = false) {
  CallBuilder<hd_fp8_gemm_args> builder;
  auto& args = builder.args;
  const int64_t bytes = (up ? 2 : 1) * n * k;
  const int64_t copies = std::max<int64_t>(1, kBeyondCaches / bytes);
  args.d_dtype = HD_DTYPE_BF16;
  args.m = m;
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = builder.codes(m * k);
  args.a_scale = builder.scales(m * k / 128, pow2);
  args.a_scale_row_stride = k / 128;
  args.a_scale_block_stride = 1;
  args.b = builder.codes(copies * bytes);
  args.b_scale = builder.scales((n + 127) / 128 * (k / 128), pow2);
  args.b_scale_is_pow2 = pow2 ? 1 : 0;
  args.d = builder.zeros<uint16_t>(m * n);
  args.d_stride = n;
  Call call = builder.finish(static_cast<double>(bytes), 2.0 * m * static_cast<double>(bytes), &hd_fp8_gemm_args::b,
                             copies, bytes);
  return up ? with_up<hd_fp8_gemm_args>(std::move(call), n * k) : std::move(call);
}

// Products of one a, n rows of b each.
Call multi(int m, const std::vector<int>& n, int64_t k) {
  using Args = hd_fp8_gemm_multi_args;
  CallBuilder<Args> builder;
  auto& args = builder.args;
  const auto count = static_cast<int64_t>(n.size());
  int64_t bytes = 0;
  for (const int rows : n) bytes += rows * k;
  args.d_dtype = HD_DTYPE_BF16;
  args.count = static_cast<int32_t>(count);
  args.m = m;
  args.k = static_cast<int32_t>(k);
  args.a = builder.codes(m * k);
  args.a_scale = builder.scales(m * k / 128, true);
  args.a_scale_row_stride = k / 128;
  args.a_scale_block_stride = 1;
  const auto of = [&](int64_t i) { return n[static_cast<size_t>(i)]; };
  args.n = builder.filled<int32_t>(count, of);
  args.d_stride = builder.filled<int64_t>(count, of);
  args.b_scale_is_pow2 = builder.filled<int32_t>(count, [](int64_t) { return 1; });
  args.b_scale = builder.filled<const float*>(
      count, [&](int64_t i) { return builder.scales((of(i) + 127) / 128 * (k / 128), true); });
  args.d = builder.filled<void*>(count, [&](int64_t i) { return builder.zeros<uint16_t>(m * of(i)); });
  const int64_t copies = std::max<int64_t>(1, kBeyondCaches / bytes);
  const uint8_t* next = builder.codes(copies * bytes);
  args.b = builder.filled<const uint8_t*>(copies * count, [&](int64_t i) {
    const uint8_t* b = next;
    next += of(i % count) * k;
    return b;
  });
  return builder.finish(static_cast<double>(bytes), 2.0 * m * static_cast<double>(bytes), &Args::b, copies,
                        count * static_cast<int64_t>(sizeof(void*)));
}

// Experts with the same number of rows each.
Call contiguous(int experts, int rows, int64_t n, int64_t k, bool pow2, bool up = false) {
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
  const int64_t weights_of_set = (up ? 2 : 1) * experts;
  const int64_t sets = std::max<int64_t>(1, kBeyondCaches / (weights_of_set * n * k));
  const uint8_t* weights = builder.codes(sets * weights_of_set * n * k);
  const float* scales = builder.scales((n + 127) / 128 * (k / 128), pow2);
  args.b = builder.filled<const uint8_t*>(sets * weights_of_set, [&](int64_t i) { return weights + i * n * k; });
  args.b_scale = builder.filled<const float*>(experts, [&](int64_t) { return scales; });
  args.b_scale_is_pow2 = pow2 ? 1 : 0;
  args.grouped_layout = builder.filled<int32_t>(m, [&](int64_t i) { return i / rows; });
  args.d = builder.zeros<uint16_t>(m * n);
  const auto weight_bytes = static_cast<double>(weights_of_set * n * k);
  Call call = builder.finish(weight_bytes, 2.0 * rows * weight_bytes, &Args::b, sets,
                             weights_of_set * static_cast<int64_t>(sizeof(void*)));
  return up ? with_up<Args>(std::move(call), experts) : std::move(call);
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
      for (const int m : {1, 2, 4, 8, 16, 64, 256}) {
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
    settings.push_back({HD_OP_FP8_GEMM_CONTIGUOUS, "8x2048x7168/pow2/up/m" + std::to_string(rows),
                        [=] { return contiguous(8, rows, 2048, 7168, true, true); }});
    settings.push_back({HD_OP_FP8_GEMM_MASKED, name, [=] { return masked(8, rows, 2048, 7168, true); }});
  }
  for (const int m : {1, 256}) {
    const std::string suffix = "x7168/pow2/m" + std::to_string(m);
    settings.push_back(
        {HD_OP_FP8_GEMM, "2048x7168/pow2/up/m" + std::to_string(m), [=] { return gemm(m, 2048, 7168, true, true); }});
    settings.push_back({HD_OP_FP8_GEMM_MULTI, "1536+576+128" + suffix, [=] {
                          return multi(m, {1536, 576, 128}, 7168);
                        }});
    settings.push_back({HD_OP_FP8_QUANTIZE, "7168/m" + std::to_string(m), [=] { return quantize(m, 7168); }});
  }
  settings.push_back({HD_OP_FP8_DEQUANTIZE, "32768x512", [] { return dequantize(32768, 512); }});
  return settings;
}

}  // namespace hadal::bench
