#include <vector>

#include "reference/reference.h"

namespace hadal::tests {

float quantized(const double* x, int32_t scale_format, uint8_t* codes) {
  double largest = 0;
  for (int i = 0; i < HD_SCALE_BLOCK; ++i) {
    if (!std::isnan(x[i])) largest = std::max(largest, std::fabs(x[i]));
  }
  // f32 arithmetic is part of the rule: the product with f32(1/448), the power of two, the division.
  constexpr float kReciprocal = 1.0f / 448.0f;
  float scale = std::max(static_cast<float>(largest), 1e-4f) * kReciprocal;
  if (scale_format == HD_SCALE_UE8M0 && std::isfinite(scale)) {
    int exponent;
    const float mantissa = std::frexp(scale, &exponent);  // scale = mantissa * 2^exponent, mantissa in [0.5, 1).
    scale = std::ldexp(1.0f, mantissa == 0.5f ? exponent - 1 : exponent);
  }
  for (int i = 0; i < HD_SCALE_BLOCK; ++i) {
    const float ratio = static_cast<float>(x[i]) / scale;
    codes[i] = std::isnan(ratio) ? 0x7f : encode_e4m3(ratio);
  }
  return scale;
}

Results reference_of(const hd_fp8_quantize_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    for (int64_t block = 0; block < args.k / HD_SCALE_BLOCK; ++block) {
      double x[HD_SCALE_BLOCK];
      uint8_t codes[HD_SCALE_BLOCK];
      for (int i = 0; i < HD_SCALE_BLOCK; ++i) {
        x[i] = at(args.x, args.x_dtype, row * args.x_stride + block * HD_SCALE_BLOCK + i);
      }
      put(results["scale"], row * args.scale_row_stride + block * args.scale_block_stride,
          quantized(x, args.scale_format, codes));
      for (int i = 0; i < HD_SCALE_BLOCK; ++i) put(results["q"], row * args.k + block * HD_SCALE_BLOCK + i, codes[i]);
    }
  }
  return results;
}

Results reference_of(const hd_fp8_dequantize_args& args) {
  Results results;
  const int64_t blocks = (args.k + 127) / 128;
  for (int64_t row = 0; row < args.n; ++row) {
    for (int64_t column = 0; column < args.k; ++column) {
      const int64_t i = row * args.k + column;
      const double scale = static_cast<double>(args.scale_inv[row / 128 * blocks + column / 128]);
      put(results["y"], i, rounded(decode_e4m3(args.q[i]) * scale, args.y_dtype));
    }
  }
  return results;
}

namespace {

// One element of an FP8 product: a row of a with its scales, a row of b with those of its blocks.
double fp8_dot(const uint8_t* a, const float* a_scale, int64_t a_block_stride, const uint8_t* b, const float* b_scale,
               int64_t k) {
  double sum = 0;
  for (int64_t i = 0; i < k; ++i) {
    sum += decode_e4m3(a[i]) * decode_e4m3(b[i]) * static_cast<double>(a_scale[i / 128 * a_block_stride]) *
           static_cast<double>(b_scale[i / 128]);
  }
  return sum;
}

double silu(double x) {
  return x / (1 + std::exp(-x));
}

// One row of a times rows of weights.
struct Fp8Row {
  const uint8_t* a;
  const float* a_scale;
  int64_t a_block_stride;
  int64_t k;
  int32_t d_dtype;

  double times(const uint8_t* b, const float* b_scale, int64_t j) const {
    return fp8_dot(a, a_scale, a_block_stride, b + j * k, b_scale + j / 128 * (k / 128), k);
  }

  // Element j of d.
  template <class Args>
  double product(const Args& args, const uint8_t* b, const float* b_scale, const uint8_t* up, const float* up_scale,
                 int64_t j) const {
    if (args.has_up == 0) return times(b, b_scale, j);
    return silu(rounded(times(b, b_scale, j), d_dtype)) * rounded(times(up, up_scale, j), d_dtype);
  }
};

template <class Args>
double grouped_product(const Args& args, const Fp8Row& row, int64_t group, int64_t j) {
  const bool up = args.has_up != 0;
  return row.product(args, args.b[group], args.b_scale[group], up ? args.up[group] : nullptr,
                     up ? args.up_scale[group] : nullptr, j);
}

}  // namespace

Results reference_of(const hd_fp8_gemm_args& args) {
  Results results;
  for (int64_t i = 0; i < args.m; ++i) {
    const Fp8Row row{args.a + i * args.k, args.a_scale + i * args.a_scale_row_stride, args.a_scale_block_stride, args.k,
                     args.d_dtype};
    for (int64_t j = 0; j < args.n; ++j) {
      put(results["d"], i * args.d_stride + j, row.product(args, args.b, args.b_scale, args.up, args.up_scale, j));
    }
  }
  return results;
}

Results reference_of(const hd_fp8_gemm_multi_args& args) {
  Results results;
  for (int32_t p = 0; p < args.count; ++p) {
    Expected& d = results["d" + std::to_string(p)];
    for (int64_t i = 0; i < args.m; ++i) {
      const Fp8Row row{args.a + i * args.k, args.a_scale + i * args.a_scale_row_stride, args.a_scale_block_stride,
                       args.k, args.d_dtype};
      for (int64_t j = 0; j < args.n[p]; ++j) {
        put(d, i * args.d_stride[p] + j, row.times(args.b[p], args.b_scale[p], j));
      }
    }
  }
  return results;
}

Results reference_of(const hd_fp8_gemm_contiguous_args& args) {
  Results results;
  Expected& d = results["d"];
  d.values.resize(static_cast<size_t>(args.m) * static_cast<size_t>(args.n));
  d.written.resize(d.values.size());
  for (int64_t i = 0; i < args.m; ++i) {
    const Fp8Row row{args.a + i * args.k, args.a_scale + i * args.a_scale_row_stride, args.a_scale_block_stride, args.k,
                     args.d_dtype};
    const int32_t group = args.grouped_layout[i];
    for (int64_t j = 0; group >= 0 && j < args.n; ++j) {
      put(d, i * args.n + j, grouped_product(args, row, group, j));
    }
  }
  return results;
}

Results reference_of(const hd_fp8_gemm_masked_args& args) {
  Results results;
  Expected& d = results["d"];
  d.values.resize(static_cast<size_t>(args.groups) * static_cast<size_t>(args.m_max) * static_cast<size_t>(args.n));
  d.written.resize(d.values.size());
  for (int64_t group = 0; group < args.groups; ++group) {
    for (int64_t i = 0; i < args.masked_m[group]; ++i) {
      const int64_t index = group * args.m_max + i;
      const Fp8Row row{args.a + index * args.k,
                       args.a_scale + group * args.a_scale_group_stride + i * args.a_scale_row_stride,
                       args.a_scale_block_stride, args.k, args.d_dtype};
      for (int64_t j = 0; j < args.n; ++j) put(d, index * args.n + j, grouped_product(args, row, group, j));
    }
  }
  return results;
}

namespace {

double gemm_b(const hd_gemm_args& args, int64_t batch, int64_t row, int64_t column) {
  const int64_t index = batch * args.b_batch_stride + row * args.b_stride + column;
  if (args.b_dtype != HD_DTYPE_F8_E4M3) return at(args.b, args.b_dtype, index);
  const double scale = args.b_scale[batch * args.b_scale_batch_stride + row / HD_SCALE_BLOCK * args.b_scale_stride +
                                    column / HD_SCALE_BLOCK];
  return rounded(decode_e4m3(static_cast<const uint8_t*>(args.b)[index]) * scale, HD_DTYPE_BF16);
}

}  // namespace

Results reference_of(const hd_gemm_args& args) {
  Results results;
  for (int64_t batch = 0; batch < args.batch; ++batch) {
    for (int64_t i = 0; i < args.m; ++i) {
      for (int64_t j = 0; j < args.n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < args.k; ++l) {
          sum += at(args.a, args.a_dtype, batch * args.a_batch_stride + i * args.a_stride + l) *
                 (args.b_is_kn != 0 ? gemm_b(args, batch, l, j) : gemm_b(args, batch, j, l));
        }
        put(results["d"], batch * args.d_batch_stride + i * args.d_stride + j, sum);
      }
    }
  }
  return results;
}

Results reference_of(const hd_gemm_contiguous_args& args) {
  Results results;
  Expected& d = results["d"];
  d.values.resize(static_cast<size_t>(args.m) * static_cast<size_t>(args.n));
  d.written.resize(d.values.size());
  for (int64_t i = 0; i < args.m; ++i) {
    const int32_t group = args.grouped_layout[i];
    for (int64_t j = 0; group >= 0 && j < args.n; ++j) {
      double sum = 0;
      for (int64_t l = 0; l < args.k; ++l) {
        sum += at(args.a, args.a_dtype, i * args.k + l) * at(args.b[group], args.b_format, j * args.k + l);
      }
      put(d, i * args.n + j, sum);
    }
  }
  return results;
}

Results reference_of(const hd_rms_norm_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    std::vector<double> h;
    double squares = 0;
    for (int64_t i = 0; i < args.n; ++i) {
      const auto x = static_cast<float>(at(args.x, args.x_dtype, row * args.x_stride + i));
      const float sum =
          args.residual == nullptr ? x : x + static_cast<float>(at(args.residual, args.x_dtype, row * args.n + i));
      h.push_back(sum);
      squares += h.back() * h.back();
      if (args.residual != nullptr) put(results["residual"], row * args.n + i, rounded(sum, args.x_dtype));
    }
    // Squares that no f32 holds are infinite, and the norm is of an f32.
    const double mean = static_cast<float>(squares) / static_cast<double>(args.n);
    const double scale = 1 / std::sqrt(mean + static_cast<double>(args.epsilon));
    for (int64_t i = 0; i < args.n; ++i) {
      h[static_cast<size_t>(i)] *= scale * at(args.weight, args.weight_dtype, i);
      if (args.y != nullptr) put(results["y"], row * args.y_stride + i, h[static_cast<size_t>(i)]);
    }
    for (int64_t block = 0; args.q != nullptr && block < args.n / HD_SCALE_BLOCK; ++block) {
      double y[HD_SCALE_BLOCK];
      uint8_t codes[HD_SCALE_BLOCK];
      for (int64_t i = 0; i < HD_SCALE_BLOCK; ++i) {
        y[i] = rounded(h[static_cast<size_t>(block * HD_SCALE_BLOCK + i)], args.x_dtype);
      }
      put(results["q_scale"], row * args.q_scale_row_stride + block * args.q_scale_block_stride,
          quantized(y, args.q_scale_format, codes));
      for (int64_t i = 0; i < HD_SCALE_BLOCK; ++i) {
        put(results["q"], row * args.n + block * HD_SCALE_BLOCK + i, codes[i]);
      }
    }
  }
  return results;
}

Results reference_of(const hd_layer_norm_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    const auto x = [&](int64_t i) { return at(args.x, args.x_dtype, row * args.x_stride + i); };
    double mean = 0;
    for (int64_t i = 0; i < args.n; ++i) mean += x(i) / args.n;
    double variance = 0;
    for (int64_t i = 0; i < args.n; ++i) variance += (x(i) - mean) * (x(i) - mean) / args.n;
    for (int64_t i = 0; i < args.n; ++i) {
      put(results["y"], row * args.y_stride + i,
          (x(i) - mean) / std::sqrt(variance + static_cast<double>(args.epsilon)) *
                  at(args.weight, args.weight_dtype, i) +
              at(args.bias, args.weight_dtype, i));
    }
  }
  return results;
}

Results reference_of(const hd_rope_table_args& args) {
  Results results;
  for (int64_t position = 0; position < args.positions; ++position) {
    for (int64_t i = 0; i < args.half; ++i) {
      // The angle is rounded to f32: double angles are off by 2e-5 at position 1000.
      const double angle = static_cast<float>(position) * args.inverse_frequency[i];
      put(results["table"], position * 2 * args.half + i, std::cos(angle));
      put(results["table"], position * 2 * args.half + args.half + i, std::sin(angle));
    }
  }
  return results;
}

Results reference_of(const hd_rope_args& args) {
  Results results;
  const int64_t half = args.dim / 2;
  for (int64_t token = 0; token < args.m; ++token) {
    for (int64_t head = 0; head < args.heads; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        const bool interleaved = args.layout == HD_ROPE_INTERLEAVED;
        const int64_t first = interleaved ? 2 * i : i;
        const int64_t second = interleaved ? 2 * i + 1 : i + half;
        const int64_t x = token * args.x_stride + head * args.x_head_stride;
        const int64_t y = token * args.y_stride + head * args.y_head_stride;
        const double a = at(args.x, args.x_dtype, x + first);
        const double b = at(args.x, args.x_dtype, x + second);
        const int64_t row = static_cast<int64_t>(args.positions[token]) * args.dim;
        const double cosine = static_cast<double>(args.table[row + i]);
        const double sine = static_cast<double>(args.table[row + half + i]);
        put(results["y"], y + first, a * cosine - b * sine);
        put(results["y"], y + second, a * sine + b * cosine);
      }
    }
  }
  return results;
}

Results reference_of(const hd_hadamard_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    for (int64_t i = 0; i < args.n; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < args.n; ++j) {
        // Sylvester's matrix: the sign is the parity of the bits that i and j share.
        const bool odd = __builtin_popcountll(static_cast<uint64_t>(i & j)) % 2 != 0;
        const double x = at(args.x, args.x_dtype, row * args.n + j);
        sum += odd ? -x : x;
      }
      put(results["y"], row * args.n + i, sum / std::sqrt(static_cast<double>(args.n)));
    }
  }
  return results;
}

Results reference_of(const hd_embedding_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    for (int64_t i = 0; i < args.n; ++i) {
      const double value = at(args.table, args.table_dtype, static_cast<int64_t>(args.ids[row]) * args.n + i);
      put(results["y"], row * args.n + i, rounded(value, args.y_dtype));
    }
  }
  return results;
}

Results reference_of(const hd_silu_mul_args& args) {
  Results results;
  for (int64_t row = 0; row < args.m; ++row) {
    for (int64_t i = 0; i < args.n; ++i) {
      const double gate = at(args.gate, args.x_dtype, row * args.gate_stride + i);
      const double up = at(args.up, args.x_dtype, row * args.up_stride + i);
      put(results["y"], row * args.n + i, silu(gate) * up);
    }
  }
  return results;
}

}  // namespace hadal::tests
