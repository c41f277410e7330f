#include "alignment.h"

#include <initializer_list>

#include "kernel.h"

namespace hadal::cuda {
namespace {

struct Named {
  const char* name;
  const void* address;
  uint64_t alignment = kAlignment;
};

int32_t check(const char* function, std::initializer_list<Named> pointers) {
  for (const Named& pointer : pointers) {
    if (reinterpret_cast<uintptr_t>(pointer.address) % pointer.alignment != 0) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %p; on CUDA it must be %d-byte aligned", function,
                  pointer.name, pointer.address, static_cast<int>(pointer.alignment));
    }
  }
  return HD_STATUS_OK;
}

uint64_t bytes_of(int32_t dtype) {
  return dtype == HD_DTYPE_F32 ? 4 : 2;
}

template <class Args>
const Args& as(const void* args) {
  return *static_cast<const Args*>(args);
}

}  // namespace

int32_t check_alignment(int32_t op, const void* args) {
  switch (op) {
    case HD_OP_FP8_QUANTIZE:
      return check("hd_fp8_quantize", {{"q", as<hd_fp8_quantize_args>(args).q}});
    case HD_OP_FP8_GEMM: {
      const auto& a = as<hd_fp8_gemm_args>(args);
      return check("hd_fp8_gemm", {{"a", a.a}, {"b", a.b}, {"up", a.up}});
    }
    case HD_OP_FP8_GEMM_MULTI: {
      const auto& a = as<hd_fp8_gemm_multi_args>(args);
      constexpr const char* kNames[] = {"b[0]", "b[1]", "b[2]", "b[3]"};
      if (const int32_t status = check("hd_fp8_gemm_multi", {{"a", a.a}})) return status;
      for (int32_t i = 0; i < a.count; ++i) {
        if (a.n[i] == 0) continue;
        if (const int32_t status = check("hd_fp8_gemm_multi", {{kNames[i], a.b[i]}})) return status;
      }
      return HD_STATUS_OK;
    }
    case HD_OP_FP8_GEMM_CONTIGUOUS:
      return check("hd_fp8_gemm_contiguous", {{"a", as<hd_fp8_gemm_contiguous_args>(args).a}});
    case HD_OP_FP8_GEMM_MASKED:
      return check("hd_fp8_gemm_masked", {{"a", as<hd_fp8_gemm_masked_args>(args).a}});
    case HD_OP_GEMM: {
      const auto& a = as<hd_gemm_args>(args);
      return check("hd_gemm", {{"b", a.b, a.b_dtype == HD_DTYPE_F8_E4M3 ? kAlignment : bytes_of(a.b_dtype)}});
    }
    case HD_OP_RMS_NORM: {
      const auto& a = as<hd_rms_norm_args>(args);
      return check("hd_rms_norm", {{"weight", a.weight, bytes_of(a.weight_dtype)}, {"q", a.q}});
    }
    case HD_OP_LAYER_NORM: {
      const auto& a = as<hd_layer_norm_args>(args);
      return check("hd_layer_norm",
                   {{"weight", a.weight, bytes_of(a.weight_dtype)}, {"bias", a.bias, bytes_of(a.weight_dtype)}});
    }
    case HD_OP_EMBEDDING: {
      const auto& a = as<hd_embedding_args>(args);
      return check("hd_embedding", {{"table", a.table, bytes_of(a.table_dtype)}});
    }
    case HD_OP_MOE_PERMUTE: {
      const auto& a = as<hd_moe_permute_args>(args);
      return check("hd_moe_permute", {{"x", a.x}, {"y", a.y}});
    }
    case HD_OP_INDEXER_LOGITS: {
      const auto& a = as<hd_indexer_logits_args>(args);
      return check("hd_indexer_logits", {{"q", a.q}, {"k", a.k}});
    }
    case HD_OP_INDEXER_LOGITS_PAGED:
      return check("hd_indexer_logits_paged", {{"q", as<hd_indexer_logits_paged_args>(args).q}});
    case HD_OP_INDEXER_TOPK:
      return check("hd_indexer_topk", {{"q", as<hd_indexer_topk_args>(args).q}});
    default:
      return HD_STATUS_OK;
  }
}

}  // namespace hadal::cuda
