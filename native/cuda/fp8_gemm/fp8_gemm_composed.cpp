#include <initializer_list>

#include "carve.h"
#include "fp8_gemm/fp8_gemm.h"
#include "fp8_gemm/groups.h"
#include "silu_mul/silu_mul.h"

namespace hadal::cuda {
namespace {

// What the forms of the product differ in.
struct Form {
  int32_t op;
  const char* function;
  int64_t rows;  // Of d.
  int64_t d_stride;
  const int32_t* grouped_layout = nullptr;
  const int32_t* masked_m = nullptr;
  int64_t m_max = 0;
};

Form form_of(const hd_fp8_gemm_args& args) {
  return {HD_OP_FP8_GEMM, "hd_fp8_gemm", args.m, args.d_stride};
}

Form form_of(const hd_fp8_gemm_contiguous_args& args) {
  return {HD_OP_FP8_GEMM_CONTIGUOUS, "hd_fp8_gemm_contiguous", args.m, args.n, args.grouped_layout};
}

Form form_of(const hd_fp8_gemm_masked_args& args) {
  const int64_t rows = static_cast<int64_t>(args.groups) * args.m_max;
  return {HD_OP_FP8_GEMM_MASKED, "hd_fp8_gemm_masked", rows, args.n, nullptr, args.masked_m, args.m_max};
}

// The kernel of a product of one weight; the portable ones take every such.
template <class Args>
const Variant& variant_of(const Args& product, const Card& card) {
  return *variant_for(card, form_of(product).op, &product);
}

// The two products of a SwiGLU: that of b into d, that of up into the workspace.
template <class Args>
struct Products {
  Args gate;
  Args up;
  std::byte* workspace;  // For one after the other.

  Products(Carve& carve, const Args& args, const Card& card) : gate(args) {
    gate.has_up = 0;
    gate.up = nullptr;
    gate.up_scale = nullptr;
    up = gate;
    up.b = args.up;
    up.b_scale = args.up_scale;
    if constexpr (requires { args.d_stride; }) up.d_stride = args.n;
    const int64_t element = args.d_dtype == HD_DTYPE_F32 ? 4 : 2;
    up.d = carve.take<std::byte>(form_of(args).rows * args.n * element);
    const uint64_t for_gate = variant_of(gate, card).workspace(&gate, card);
    const uint64_t for_up = variant_of(up, card).workspace(&up, card);
    workspace = carve.take<std::byte>(static_cast<int64_t>(for_gate > for_up ? for_gate : for_up));
  }
};

}  // namespace

template <class Args>
uint64_t Fp8SwiGluComposed<Args>::workspace(const Args& args, const Card& card) {
  return carved_bytes<Products<Args>>(args, card);
}

template <class Args>
int32_t Fp8SwiGluComposed<Args>::run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace) {
  const Form form = form_of(args);
  if constexpr (requires { args.groups; }) {
    // The kernels would call it b.
    GroupedWeights weights;
    if (const int32_t status =
            read_groups(form.function, "up", "up_scale", args.groups, args.up, args.up_scale, weights)) {
      return status;
    }
  }
  Carve carve(workspace);
  const Products<Args> products(carve, args, card);
  for (const Args* product : {&products.gate, &products.up}) {
    if (const int32_t status = variant_of(*product, card).run(product, card, stream, products.workspace)) return status;
  }
  return silu_mul_rows({args.d_dtype, form.rows, args.n, args.d, form.d_stride, products.up.d, args.n, args.d,
                        form.d_stride, form.grouped_layout, form.masked_m, form.m_max},
                       stream);
}

template struct Fp8SwiGluComposed<hd_fp8_gemm_args>;
template struct Fp8SwiGluComposed<hd_fp8_gemm_contiguous_args>;
template struct Fp8SwiGluComposed<hd_fp8_gemm_masked_args>;

int32_t Fp8GemmMultiComposed::run(const Args& args, const Card& card, cudaStream_t stream, std::byte*) {
  hd_fp8_gemm_args product{};
  product.struct_size = sizeof product;
  product.d_dtype = args.d_dtype;
  product.m = args.m;
  product.k = args.k;
  product.a = args.a;
  product.a_scale = args.a_scale;
  product.a_scale_row_stride = args.a_scale_row_stride;
  product.a_scale_block_stride = args.a_scale_block_stride;
  for (int32_t i = 0; i < args.count; ++i) {
    if (args.n[i] == 0) continue;
    product.n = args.n[i];
    product.b = args.b[i];
    product.b_scale = args.b_scale[i];
    product.b_scale_is_pow2 = args.b_scale_is_pow2[i];
    product.d = args.d[i];
    product.d_stride = args.d_stride[i];
    // No kernel of the plain product wants a workspace.
    if (const int32_t status = variant_of(product, card).run(&product, card, stream, nullptr)) return status;
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
