// The least that a backend can be: one device in host memory, which serves hd_indexer_weights and refuses the rest by
// name.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

#include "hadal_backend.h"

namespace {

const hd_backend_host* host = nullptr;

constexpr const char* kOperations[] = {"fp8_quantize",
                                       "fp8_dequantize",
                                       "fp8_gemm",
                                       "fp8_gemm_contiguous",
                                       "fp8_gemm_masked",
                                       "gemm",
                                       "rms_norm",
                                       "layer_norm",
                                       "rope_table",
                                       "rope",
                                       "hadamard",
                                       "embedding",
                                       "silu_mul",
                                       "moe_route",
                                       "moe_permute",
                                       "moe_combine",
                                       "mla_cache_append",
                                       "mla_cache_gather",
                                       "index_cache_append",
                                       "indexer_weights",
                                       "indexer_logits",
                                       "indexer_logits_paged",
                                       "topk",
                                       "indexer_topk",
                                       "sparse_mla",
                                       "dense_mla",
                                       "masked_mha",
                                       "fp8_gemm_multi",
                                       "gemm_contiguous"};
static_assert(std::size(kOperations) == HD_OP_COUNT);

int32_t refuse(int32_t status, const char* format, const char* name, int32_t number = 0) {
  char text[256];
  std::snprintf(text, sizeof text, format, name, number);
  host->set_error(text);
  return status;
}

int32_t check_op(int32_t op) {
  if (op == HD_OP_INDEXER_WEIGHTS) return HD_STATUS_OK;
  return refuse(HD_STATUS_UNSUPPORTED, "the minimal backend has no hd_%s; it has hd_indexer_weights", kOperations[op]);
}

int32_t device_count(int32_t* count) {
  *count = 1;
  return HD_STATUS_OK;
}

int32_t device_create(const hd_device_options* options, void** device) {
  if (options->ordinal != 0) {
    return refuse(HD_STATUS_INVALID_ARGUMENT, "%s: ordinal is %d; there is only 0", "minimal", options->ordinal);
  }
  host->log("minimal: a device was made");
  *device = new (std::nothrow) int(0);
  return *device != nullptr ? HD_STATUS_OK : HD_STATUS_OUT_OF_MEMORY;
}

void device_destroy(void* device) {
  host->log("minimal: the device was destroyed");
  delete static_cast<int*>(device);
}

int32_t device_info(void*, hd_device_info* info) {
  info->kind = HD_DEVICE_EXTERNAL;
  info->memory_bytes = 1 << 20;
  std::snprintf(info->name, sizeof info->name, "Minimal accelerator");
  std::snprintf(info->isa, sizeof info->isa, "none");
#if !defined(MINIMAL_BACKEND_OLDER)
  info->host_memory = 1;
  info->f32_activations = 0;
  info->per_head_fp8 = 0;
  info->group_alignment = 1;
  info->synchronous = 1;
#endif
  return HD_STATUS_OK;
}

int32_t free_memory(void*, uint64_t* free_bytes) {
  *free_bytes = 1 << 19;
  return HD_STATUS_OK;
}

int32_t kernel_name(void*, int32_t op, char* buffer, uint64_t capacity) {
  if (const int32_t status = check_op(op)) return status;
  std::snprintf(buffer, capacity, "%s/minimal", kOperations[op]);
  return HD_STATUS_OK;
}

int32_t stream_create(void* device, void** stream) {
  *stream = device;
  return HD_STATUS_OK;
}

void stream_destroy(void*) {}

int32_t stream_synchronize(void*) {
  return HD_STATUS_OK;
}

constexpr std::align_val_t kAlignment{HD_ALIGNMENT};

int32_t allocate(void*, uint64_t size, void** data) {
  const uint64_t rounded = (size + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
  *data = size > 1 << 20 ? nullptr : ::operator new(rounded, kAlignment, std::nothrow);
  if (*data == nullptr) return refuse(HD_STATUS_OUT_OF_MEMORY, "%s: only 1 MiB can be had", "minimal");
  std::memset(*data, 0, rounded);
  return HD_STATUS_OK;
}

void release(void*, void* data) {
  ::operator delete(data, kAlignment);
}

int32_t copy(void*, void* destination, const void* source, uint64_t size, int32_t) {
  std::memcpy(destination, source, size);
  return HD_STATUS_OK;
}

int32_t workspace_size(void*, int32_t op, const void*, uint64_t* size) {
  *size = 0;
  return check_op(op);
}

int32_t run(void*, int32_t op, const void* arguments, void*, uint64_t) {
  if (const int32_t status = check_op(op)) return status;
  const auto& args = *static_cast<const hd_indexer_weights_args*>(arguments);
  for (int64_t i = 0; i < int64_t{args.m} * args.heads; ++i) {
    const float x = args.x[i] * args.head_scale;
    args.y[i] = x * args.q_scale[i] * args.softmax_scale;
  }
  return HD_STATUS_OK;
}

#if defined(MINIMAL_BACKEND_SKEWED)
constexpr uint32_t kVersion = HD_BACKEND_VERSION + 1;
#else
constexpr uint32_t kVersion = HD_BACKEND_VERSION;
#endif

[[maybe_unused]] constexpr hd_backend kBackend{sizeof(hd_backend),
                                               kVersion,
                                               "minimal",
                                               device_count,
                                               device_create,
                                               device_destroy,
                                               device_info,
                                               free_memory,
                                               kernel_name,
                                               stream_create,
                                               stream_destroy,
                                               stream_synchronize,
                                               allocate,
                                               release,
                                               copy,
                                               workspace_size,
                                               run,
                                               nullptr,
                                               nullptr,
                                               nullptr,
                                               nullptr};

}  // namespace

#if !defined(MINIMAL_BACKEND_EMPTY)
extern "C" HD_API int32_t hd_backend_query(const hd_backend_host* lent, [[maybe_unused]] const hd_backend** backend) {
  host = lent;
#  if defined(MINIMAL_BACKEND_UNWILLING)
  return refuse(HD_STATUS_UNSUPPORTED, "the %s backend found no driver", "unwilling");
#  else
  *backend = &kBackend;
  return HD_STATUS_OK;
#  endif
}
#endif
