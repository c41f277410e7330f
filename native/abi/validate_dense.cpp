// FP8, dense products, norms and elementwise operations.
#include <iterator>

#include "abi/validate.h"

namespace hadal {
namespace {

int64_t blocks(int64_t n) {
  return (n + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
}

void scale_strides(Check& check, const char* row_name, int64_t row_stride, const char* block_name,
                   int64_t block_stride) {
  check.range(row_name, row_stride, 1, INT64_MAX / 16);
  check.range(block_name, block_stride, 1, INT64_MAX / 16);
}

void gemm_shape(Check& check, int32_t d_dtype, int32_t n, int32_t k) {
  check.act("d_dtype", d_dtype);
  check.range("n", n, 0);
  check.range("k", k, HD_SCALE_BLOCK);
  check.multiple("k", k, HD_SCALE_BLOCK);
}

// What a product without a second weight must not be given.
template <class Args>
void no_up(Check& check, const Args& args) {
  check.absent("up", args.up, "where has_up is 0");
  check.absent("up_scale", args.up_scale, "where has_up is 0");
}

// A host array of pointers, one for each group.
template <class Pointer>
void group_pointers(Check& check, const char* name, const Pointer* array, int32_t groups, int64_t bytes,
                    int64_t alignment) {
  check.input(name, array, product({groups, 8}), 8);
  for (int32_t g = 0; !check.is_query() && !check.failed() && g < groups; ++g) {
    check.element(name, g, array[g], bytes, alignment);
  }
}

// The FP8 weights of all groups.
template <class Args>
void grouped_weights(Check& check, const Args& args) {
  const int64_t bytes = product({args.n, args.k});
  const int64_t scale_bytes = product({blocks(args.n), args.k / HD_SCALE_BLOCK, 4});
  group_pointers(check, "b", args.b, args.groups, bytes, 1);
  group_pointers(check, "b_scale", args.b_scale, args.groups, scale_bytes, 4);
  if (args.has_up != 0) {
    group_pointers(check, "up", args.up, args.groups, bytes, 1);
    group_pointers(check, "up_scale", args.up_scale, args.groups, scale_bytes, 4);
  } else {
    no_up(check, args);
  }
}

}  // namespace

bool validate(Check& check, const hd_fp8_quantize_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("scale_format", args.scale_format, HD_SCALE_PLAIN, HD_SCALE_UE8M0);
  check.range("m", args.m, 0);
  check.range("k", args.k, 0);
  check.multiple("k", args.k, HD_SCALE_BLOCK);
  if (check.failed() || args.m == 0 || args.k == 0) return false;
  if (args.m > 1) check.at_least("x_stride", args.x_stride, args.k, "k");
  scale_strides(check, "scale_row_stride", args.scale_row_stride, "scale_block_stride", args.scale_block_stride);
  check.apart("scale_row_stride", args.scale_row_stride, args.m, "scale_block_stride", args.scale_block_stride,
              args.k / HD_SCALE_BLOCK, 1);
  const int64_t element = bytes_of(args.x_dtype);
  check.input("x", args.x, extent(args.m, args.x_stride, args.k, element), element);
  check.output("q", args.q, product({args.m, args.k}), 1);
  check.output("scale", args.scale,
               scale_bytes(args.m, args.k / HD_SCALE_BLOCK, args.scale_row_stride, args.scale_block_stride), 4);
  return true;
}

bool validate(Check& check, const hd_fp8_dequantize_args& args) {
  check.act("y_dtype", args.y_dtype);
  check.range("n", args.n, 0);
  check.range("k", args.k, 0);
  if (check.failed() || args.n == 0 || args.k == 0) return false;
  const int64_t element = bytes_of(args.y_dtype);
  check.input("q", args.q, product({args.n, args.k}));
  check.input("scale_inv", args.scale_inv, product({blocks(args.n), blocks(args.k), 4}), 4);
  check.output("y", args.y, product({args.n, args.k, element}), element);
  return true;
}

bool validate(Check& check, const hd_fp8_gemm_args& args) {
  gemm_shape(check, args.d_dtype, args.n, args.k);
  check.range("m", args.m, 0);
  check.range("b_scale_is_pow2", args.b_scale_is_pow2, 0, 1);
  check.range("has_up", args.has_up, 0, 1);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  scale_strides(check, "a_scale_row_stride", args.a_scale_row_stride, "a_scale_block_stride",
                args.a_scale_block_stride);
  if (args.m > 1) check.at_least("d_stride", args.d_stride, args.n, "n");
  const int64_t element = bytes_of(args.d_dtype);
  check.input("a", args.a, product({args.m, args.k}));
  check.input("a_scale", args.a_scale,
              scale_bytes(args.m, args.k / HD_SCALE_BLOCK, args.a_scale_row_stride, args.a_scale_block_stride), 4);
  check.input("b", args.b, product({args.n, args.k}));
  const int64_t b_scale_bytes = product({blocks(args.n), args.k / HD_SCALE_BLOCK, 4});
  check.input("b_scale", args.b_scale, b_scale_bytes, 4);
  if (args.has_up != 0) {
    check.input("up", args.up, product({args.n, args.k}));
    check.input("up_scale", args.up_scale, b_scale_bytes, 4);
  } else {
    no_up(check, args);
  }
  check.output("d", args.d, extent(args.m, args.d_stride, args.n, element), element);
  return true;
}

bool validate(Check& check, const hd_fp8_gemm_multi_args& args) {
  struct Names {
    const char *n, *b, *b_scale, *b_scale_is_pow2, *d, *d_stride;
  };
  static constexpr Names kNames[] = {{"n[0]", "b[0]", "b_scale[0]", "b_scale_is_pow2[0]", "d[0]", "d_stride[0]"},
                                     {"n[1]", "b[1]", "b_scale[1]", "b_scale_is_pow2[1]", "d[1]", "d_stride[1]"},
                                     {"n[2]", "b[2]", "b_scale[2]", "b_scale_is_pow2[2]", "d[2]", "d_stride[2]"},
                                     {"n[3]", "b[3]", "b_scale[3]", "b_scale_is_pow2[3]", "d[3]", "d_stride[3]"}};
  gemm_shape(check, args.d_dtype, 0, args.k);
  check.range("count", args.count, 1, std::size(kNames));
  check.range("m", args.m, 0);
  if (check.failed() || args.m == 0) return false;
  scale_strides(check, "a_scale_row_stride", args.a_scale_row_stride, "a_scale_block_stride",
                args.a_scale_block_stride);
  check.input("a", args.a, product({args.m, args.k}));
  check.input("a_scale", args.a_scale,
              scale_bytes(args.m, args.k / HD_SCALE_BLOCK, args.a_scale_row_stride, args.a_scale_block_stride), 4);
  check.input("n", args.n, product({args.count, 4}), 4);
  check.input("b", args.b, product({args.count, 8}), 8);
  check.input("b_scale", args.b_scale, product({args.count, 8}), 8);
  check.input("b_scale_is_pow2", args.b_scale_is_pow2, product({args.count, 4}), 4);
  check.input("d", args.d, product({args.count, 8}), 8);
  check.input("d_stride", args.d_stride, product({args.count, 8}), 8);
  // The size of the workspace depends on none of the arrays.
  if (check.is_query()) return true;
  const int64_t element = bytes_of(args.d_dtype);
  bool any = false;
  for (int32_t i = 0; i < args.count && !check.failed(); ++i) {
    const Names& names = kNames[i];
    const int64_t n = args.n[i];
    check.range(names.n, n, 0);
    check.range(names.b_scale_is_pow2, args.b_scale_is_pow2[i], 0, 1);
    if (check.failed() || n == 0) continue;
    any = true;
    if (args.m > 1) check.at_least(names.d_stride, args.d_stride[i], n, "n");
    check.input(names.b, args.b[i], product({n, args.k}));
    check.input(names.b_scale, args.b_scale[i], product({blocks(n), args.k / HD_SCALE_BLOCK, 4}), 4);
    check.output(names.d, args.d[i], extent(args.m, args.d_stride[i], n, element), element);
  }
  return any;
}

bool validate(Check& check, const hd_fp8_gemm_contiguous_args& args) {
  gemm_shape(check, args.d_dtype, args.n, args.k);
  check.range("groups", args.groups, 0);
  check.range("m", args.m, 0);
  check.range("b_scale_is_pow2", args.b_scale_is_pow2, 0, 1);
  check.range("has_up", args.has_up, 0, 1);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  scale_strides(check, "a_scale_row_stride", args.a_scale_row_stride, "a_scale_block_stride",
                args.a_scale_block_stride);
  const int64_t element = bytes_of(args.d_dtype);
  check.input("a", args.a, product({args.m, args.k}));
  check.input("a_scale", args.a_scale,
              scale_bytes(args.m, args.k / HD_SCALE_BLOCK, args.a_scale_row_stride, args.a_scale_block_stride), 4);
  check.input("grouped_layout", args.grouped_layout, product({args.m, 4}), 4);
  check.output("d", args.d, product({args.m, args.n, element}), element);
  grouped_weights(check, args);
  return true;
}

bool validate(Check& check, const hd_fp8_gemm_masked_args& args) {
  gemm_shape(check, args.d_dtype, args.n, args.k);
  check.range("groups", args.groups, 0);
  check.range("m_max", args.m_max, 0);
  check.range("b_scale_is_pow2", args.b_scale_is_pow2, 0, 1);
  check.range("has_up", args.has_up, 0, 1);
  if (check.failed() || args.m_max == 0 || args.n == 0 || args.groups == 0) return false;
  scale_strides(check, "a_scale_row_stride", args.a_scale_row_stride, "a_scale_block_stride",
                args.a_scale_block_stride);
  check.range("a_scale_group_stride", args.a_scale_group_stride, 1, INT64_MAX / 16);
  const int64_t element = bytes_of(args.d_dtype);
  const int64_t one =
      scale_bytes(args.m_max, args.k / HD_SCALE_BLOCK, args.a_scale_row_stride, args.a_scale_block_stride);
  check.input("a", args.a, product({args.groups, args.m_max, args.k}));
  check.input("a_scale", args.a_scale, extent(args.groups, args.a_scale_group_stride, one / 4, 4), 4);
  check.input("masked_m", args.masked_m, product({args.groups, 4}), 4);
  check.output("d", args.d, product({args.groups, args.m_max, args.n, element}), element);
  grouped_weights(check, args);
  return true;
}

bool validate(Check& check, const hd_gemm_args& args) {
  check.act("a_dtype", args.a_dtype);
  const bool is_fp8 = args.b_dtype == HD_WEIGHT_FP8;
  check.require(is_fp8 || args.b_dtype == HD_WEIGHT_BF16 || args.b_dtype == HD_WEIGHT_F32, "b_dtype", args.b_dtype,
                "HD_WEIGHT_BF16 (2), HD_WEIGHT_F32 (1) or HD_WEIGHT_FP8 (3)");
  check.act("d_dtype", args.d_dtype);
  check.range("b_is_kn", args.b_is_kn, 0, 1);
  check.range("batch", args.batch, 0);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.range("k", args.k, 0);
  check.range("b_scale_is_pow2", args.b_scale_is_pow2, 0, 1);
  if (check.failed() || args.batch == 0 || args.m == 0 || args.n == 0) return false;
  const int64_t b_rows = args.b_is_kn != 0 ? args.k : args.n;
  const int64_t b_columns = args.b_is_kn != 0 ? args.n : args.k;
  if (args.m > 1) check.at_least("a_stride", args.a_stride, args.k, "k");
  if (b_rows > 1) check.at_least("b_stride", args.b_stride, b_columns, args.b_is_kn != 0 ? "n" : "k");
  if (args.m > 1) check.at_least("d_stride", args.d_stride, args.n, "n");
  check.range("a_batch_stride", args.a_batch_stride, 0, INT64_MAX / 16);
  check.range("b_batch_stride", args.b_batch_stride, 0, INT64_MAX / 16);
  if (args.batch > 1) check.at_least("d_batch_stride", args.d_batch_stride, args.n, "n");
  check.apart("d_stride", args.d_stride, args.m, "d_batch_stride", args.d_batch_stride, args.batch, args.n);
  const auto whole = [&](int64_t rows, int64_t stride, int64_t columns, int64_t batch_stride, int32_t dtype) {
    const int64_t one = extent(rows, stride, columns, 1);
    return extent(args.batch, batch_stride, one, bytes_of(dtype));
  };
  check.input("a", args.a, whole(args.m, args.a_stride, args.k, args.a_batch_stride, args.a_dtype),
              bytes_of(args.a_dtype));
  check.input("b", args.b, whole(b_rows, args.b_stride, b_columns, args.b_batch_stride, args.b_dtype));
  if (is_fp8) {
    if (b_rows > HD_SCALE_BLOCK) {
      check.at_least("b_scale_stride", args.b_scale_stride, blocks(b_columns), "the blocks of a row of b");
    }
    check.range("b_scale_batch_stride", args.b_scale_batch_stride, 0, INT64_MAX / 16);
    check.input("b_scale", args.b_scale,
                extent(args.batch, args.b_scale_batch_stride,
                       extent(blocks(b_rows), args.b_scale_stride, blocks(b_columns), 1), 4),
                4);
  }
  check.output("d", args.d, whole(args.m, args.d_stride, args.n, args.d_batch_stride, args.d_dtype),
               bytes_of(args.d_dtype));
  return true;
}

bool validate(Check& check, const hd_gemm_contiguous_args& args) {
  check.act("a_dtype", args.a_dtype);
  check.require(args.b_format == HD_WEIGHT_BF16 || args.b_format == HD_WEIGHT_F32, "b_format", args.b_format,
                "HD_WEIGHT_BF16 (2) or HD_WEIGHT_F32 (1); hd_fp8_gemm_contiguous takes HD_WEIGHT_FP8");
  check.act("d_dtype", args.d_dtype);
  check.range("groups", args.groups, 0);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.range("k", args.k, 1);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  const int64_t a_element = bytes_of(args.a_dtype);
  const int64_t d_element = bytes_of(args.d_dtype);
  check.input("a", args.a, product({args.m, args.k, a_element}), a_element);
  check.input("grouped_layout", args.grouped_layout, product({args.m, 4}), 4);
  check.output("d", args.d, product({args.m, args.n, d_element}), d_element);
  group_pointers(check, "b", args.b, args.groups, product({args.n, args.k, bytes_of(args.b_format)}), 1);
  return true;
}

bool validate(Check& check, const hd_rms_norm_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.act("weight_dtype", args.weight_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.positive("epsilon", args.epsilon);
  const bool quantizes = args.q != nullptr;
  if (quantizes) {
    check.multiple("n", args.n, HD_SCALE_BLOCK);
    check.range("q_scale_format", args.q_scale_format, HD_SCALE_PLAIN, HD_SCALE_UE8M0);
  }
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  if (args.m > 1) check.at_least("x_stride", args.x_stride, args.n, "n");
  const int64_t element = bytes_of(args.x_dtype);
  check.input("x", args.x, extent(args.m, args.x_stride, args.n, element), element);
  check.input("weight", args.weight, product({args.n, bytes_of(args.weight_dtype)}));
  check.output("residual", args.residual, product({args.m, args.n, element}), element, true);
  if (quantizes) {
    const int64_t scales = args.n / HD_SCALE_BLOCK;
    scale_strides(check, "q_scale_row_stride", args.q_scale_row_stride, "q_scale_block_stride",
                  args.q_scale_block_stride);
    check.apart("q_scale_row_stride", args.q_scale_row_stride, args.m, "q_scale_block_stride",
                args.q_scale_block_stride, scales, 1);
    check.output("q", args.q, product({args.m, args.n}), 1);
    check.output("q_scale", args.q_scale,
                 scale_bytes(args.m, scales, args.q_scale_row_stride, args.q_scale_block_stride), 4);
  }
  if (args.y == nullptr && (quantizes || check.is_query())) return true;
  if (args.m > 1) check.at_least("y_stride", args.y_stride, args.n, "n");
  check.output("y", args.y, extent(args.m, args.y_stride, args.n, element), element);
  check.in_place(args.x, args.x_stride == args.y_stride);
  return true;
}

bool validate(Check& check, const hd_layer_norm_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.act("weight_dtype", args.weight_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.positive("epsilon", args.epsilon);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  if (args.m > 1) check.at_least("x_stride", args.x_stride, args.n, "n");
  if (args.m > 1) check.at_least("y_stride", args.y_stride, args.n, "n");
  const int64_t element = bytes_of(args.x_dtype);
  check.input("x", args.x, extent(args.m, args.x_stride, args.n, element), element);
  check.input("weight", args.weight, product({args.n, bytes_of(args.weight_dtype)}));
  check.input("bias", args.bias, product({args.n, bytes_of(args.weight_dtype)}));
  check.output("y", args.y, extent(args.m, args.y_stride, args.n, element), element);
  check.in_place(args.x, args.x_stride == args.y_stride);
  return true;
}

bool validate(Check& check, const hd_rope_table_args& args) {
  check.range("positions", args.positions, 0, 1 << 24);
  check.range("half", args.half, 0, 1 << 16);
  if (check.failed() || args.positions == 0 || args.half == 0) return false;
  check.input("inverse_frequency", args.inverse_frequency, product({args.half, 4}), 4);
  check.output("table", args.table, product({args.positions, args.half, 8}), 4);
  return true;
}

bool validate(Check& check, const hd_rope_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("layout", args.layout, HD_ROPE_INTERLEAVED, HD_ROPE_HALVES);
  check.range("m", args.m, 0);
  check.range("heads", args.heads, 0);
  check.range("dim", args.dim, 2, 1 << 16);
  check.multiple("dim", args.dim, 2);
  if (check.failed() || args.m == 0 || args.heads == 0) return false;
  check.range("table_positions", args.table_positions, 1);
  if (args.heads > 1) {
    check.at_least("x_head_stride", args.x_head_stride, args.dim, "dim");
    check.at_least("y_head_stride", args.y_head_stride, args.dim, "dim");
  }
  if (args.m > 1) {
    check.at_least("x_stride", args.x_stride, args.dim, "dim");
    check.at_least("y_stride", args.y_stride, args.dim, "dim");
  }
  check.apart("y_stride", args.y_stride, args.m, "y_head_stride", args.y_head_stride, args.heads, args.dim);
  const int64_t element = bytes_of(args.x_dtype);
  const auto whole = [&](int64_t stride, int64_t head_stride) {
    return extent(args.m, stride, extent(args.heads, head_stride, args.dim, 1), element);
  };
  check.input("x", args.x, whole(args.x_stride, args.x_head_stride), element);
  check.input("positions", args.positions, product({args.m, 4}), 4);
  check.input("table", args.table, product({args.table_positions, args.dim, 4}), 4);
  check.output("y", args.y, whole(args.y_stride, args.y_head_stride), element);
  check.in_place(args.x, args.x_stride == args.y_stride && args.x_head_stride == args.y_head_stride);
  return true;
}

bool validate(Check& check, const hd_hadamard_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 2, 1024);
  if (!check.failed()) check.require((args.n & (args.n - 1)) == 0, "n", args.n, "a power of two");
  if (check.failed() || args.m == 0) return false;
  const int64_t element = bytes_of(args.x_dtype);
  check.input("x", args.x, product({args.m, args.n, element}), element);
  check.output("y", args.y, product({args.m, args.n, element}), element);
  check.in_place(args.x, true);
  return true;
}

bool validate(Check& check, const hd_embedding_args& args) {
  check.act("table_dtype", args.table_dtype);
  check.act("y_dtype", args.y_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  check.range("rows", args.rows, 0);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  check.input("ids", args.ids, product({args.m, 4}), 4);
  check.input("table", args.table, product({args.rows, args.n, bytes_of(args.table_dtype)}));
  check.output("y", args.y, product({args.m, args.n, bytes_of(args.y_dtype)}), bytes_of(args.y_dtype));
  return true;
}

bool validate(Check& check, const hd_silu_mul_args& args) {
  check.act("x_dtype", args.x_dtype);
  check.range("m", args.m, 0);
  check.range("n", args.n, 0);
  if (check.failed() || args.m == 0 || args.n == 0) return false;
  if (args.m > 1) check.at_least("gate_stride", args.gate_stride, args.n, "n");
  if (args.m > 1) check.at_least("up_stride", args.up_stride, args.n, "n");
  const int64_t element = bytes_of(args.x_dtype);
  check.input("gate", args.gate, extent(args.m, args.gate_stride, args.n, element), element);
  check.input("up", args.up, extent(args.m, args.up_stride, args.n, element), element);
  check.output("y", args.y, product({args.m, args.n, element}), element);
  if (args.y == args.gate) {
    check.in_place(args.gate, args.m == 1 || args.gate_stride == args.n);
  } else {
    check.in_place(args.up, args.m == 1 || args.up_stride == args.n);
  }
  return true;
}

}  // namespace hadal
