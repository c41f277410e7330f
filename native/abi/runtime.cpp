// The runtime calls: information, devices, streams, buffers and copies.
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>

#include "abi/objects.h"
#include "abi/stamp.h"
#include "abi/structs.h"
#include "cpu/cpu_backend.h"

namespace hadal {
namespace {

struct LayoutRow {
  const char* struct_name;
  const char* field_name;
  uint32_t offset;
  uint32_t size;
};

constexpr LayoutRow kLayout[] = {
#define HD_STRUCT(type, first_size) {#type, "", 0, sizeof(type)},
#define HD_FIELD(type, field) {#type, #field, offsetof(type, field), sizeof(type::field)},
#include "abi/layout.inc"
#undef HD_STRUCT
#undef HD_FIELD
};

// Null pointers are the one thing that every runtime call checks alike.
#define HD_NOT_NULL(argument) \
  if ((argument) == nullptr) return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "%s: " #argument " is null", __func__)

int32_t copy(const char* function, hd_stream* stream, void* destination, const void* source, uint64_t size,
             int32_t kind) {
  if (stream == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: stream is null", function);
  if (size == 0) return HD_STATUS_OK;
  if (destination == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: destination is null", function);
  if (source == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: source is null", function);
  const auto to = reinterpret_cast<uintptr_t>(destination);
  const auto from = reinterpret_cast<uintptr_t>(source);
  if (size > UINTPTR_MAX - to || size > UINTPTR_MAX - from) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: size is %llu; it must end within the address space", function,
                static_cast<unsigned long long>(size));
  }
  if (to < from + size && from < to + size) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: destination overlaps source", function);
  }
  return guarded(function,
                 [&] { return stream->device->backend->copy(stream->object, destination, source, size, kind); });
}

}  // namespace

void retain(hd_device* device) {
  device->references.fetch_add(1, std::memory_order_relaxed);
}

void release(hd_device* device) {
  if (device->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  device->backend->device_destroy(device->object);
  delete device;
}

}  // namespace hadal

using namespace hadal;

extern "C" {

int32_t hd_last_error(char* buffer, uint64_t capacity, uint64_t* length) {
  const char* text = error_text();
  if (length != nullptr) *length = std::strlen(text);
  if (capacity == 0) return HD_STATUS_OK;
  if (buffer == nullptr) return HD_STATUS_INVALID_ARGUMENT;
  std::snprintf(buffer, capacity, "%s", text);
  return HD_STATUS_OK;
}

int32_t hd_get_build_info(hd_build_info* info) {
  HD_NOT_NULL(info);
  hd_build_info whole{};
  whole.abi_version = HD_ABI_VERSION;
  std::snprintf(whole.version, sizeof whole.version, "%s", kVersion);
  std::snprintf(whole.commit, sizeof whole.commit, "%s", kCommit);
#if defined(__clang__)
  std::snprintf(whole.compiler, sizeof whole.compiler, "clang %s", __clang_version__);
#elif defined(__GNUC__)
  std::snprintf(whole.compiler, sizeof whole.compiler, "g++ %s", __VERSION__);
#endif
  std::snprintf(whole.isas, sizeof whole.isas, "%s", cpu::isas());
  std::snprintf(whole.header_sha256, sizeof whole.header_sha256, "%s", kHeaderSha256);
  return write_struct(__func__, whole, *info);
}

int32_t hd_layout_count(uint32_t* count) {
  HD_NOT_NULL(count);
  *count = static_cast<uint32_t>(std::size(kLayout));
  return HD_STATUS_OK;
}

int32_t hd_layout_get(uint32_t index, hd_layout_entry* entry) {
  HD_NOT_NULL(entry);
  if (index >= std::size(kLayout)) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "hd_layout_get: index is %u; it must be 0 to %u", index,
                static_cast<uint32_t>(std::size(kLayout) - 1));
  }
  const LayoutRow& row = kLayout[index];
  hd_layout_entry whole{};
  whole.offset = row.offset;
  whole.size = row.size;
  std::snprintf(whole.struct_name, sizeof whole.struct_name, "%s", row.struct_name);
  std::snprintf(whole.field_name, sizeof whole.field_name, "%s", row.field_name);
  return write_struct(__func__, whole, *entry);
}

int32_t hd_set_log(hd_log_fn log, void* context) {
  set_log(log, context);
  return HD_STATUS_OK;
}

int32_t hd_backend_load(int32_t kind) {
  const char* function = __func__;
  return guarded(function, [&] {
    int32_t status;
    find_backend(function, kind, status);
    return status;
  });
}

int32_t hd_device_count(int32_t kind, int32_t* count) {
  HD_NOT_NULL(count);
  const char* function = __func__;
  return guarded(function, [&] {
    int32_t status;
    const hd_backend* backend = find_backend(function, kind, status);
    return backend == nullptr ? status : backend->device_count(count);
  });
}

int32_t hd_device_create(const hd_device_options* options, hd_device** device) {
  HD_NOT_NULL(options);
  HD_NOT_NULL(device);
  const char* function = __func__;
  hd_device_options whole;
  if (const int32_t status = read_struct(function, *options, whole)) return status;
  return guarded(function, [&] {
    int32_t status;
    const hd_backend* backend = find_backend(function, whole.kind, status);
    if (backend == nullptr) return status;
    auto created = std::make_unique<hd_device>();
    created->backend = backend;
    status = backend->device_create(&whole, &created->object);
    if (status != HD_STATUS_OK) return status;
    std::unique_ptr<void, void (*)(void*)> object(created->object, backend->device_destroy);
    created->info.struct_size = sizeof created->info;
    status = backend->device_info(created->object, &created->info);
    if (status != HD_STATUS_OK) return status;
    created->info.graphs = backend->graph_begin != nullptr;
    // A backend older than the field leaves it 0: the strictest kernels' serves all.
    if (created->info.group_alignment == 0) created->info.group_alignment = 128;
    static_cast<void>(object.release());
    *device = created.release();
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_device_release(hd_device* device) {
  if (device != nullptr) release(device);
  return HD_STATUS_OK;
}

int32_t hd_device_get_info(hd_device* device, hd_device_info* info) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(info);
  return write_struct(__func__, device->info, *info);
}

int32_t hd_device_free_memory(hd_device* device, uint64_t* free_bytes) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(free_bytes);
  return guarded(__func__, [&] { return device->backend->free_memory(device->object, free_bytes); });
}

int32_t hd_kernel_name(hd_device* device, int32_t op, char* buffer, uint64_t capacity) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(buffer);
  if (op < 0 || op >= HD_OP_COUNT) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "hd_kernel_name: op is %d; it must be 0 to %d", op, HD_OP_COUNT - 1);
  }
  return guarded(__func__, [&] { return device->backend->kernel_name(device->object, op, buffer, capacity); });
}

int32_t hd_stream_create(hd_device* device, hd_stream** stream) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(stream);
  return guarded(__func__, [&] {
    auto created = std::make_unique<hd_stream>();
    if (const int32_t status = device->backend->stream_create(device->object, &created->object)) return status;
    created->device = device;
    retain(device);
    *stream = created.release();
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_stream_release(hd_stream* stream) {
  if (stream == nullptr) return HD_STATUS_OK;
  return guarded(__func__, [&] {
    hd_device* device = stream->device;
    const int32_t status = device->backend->stream_synchronize(stream->object);
    device->backend->stream_destroy(stream->object);
    delete stream;
    release(device);
    return status;
  });
}

int32_t hd_stream_synchronize(hd_stream* stream) {
  HD_NOT_NULL(stream);
  return guarded(__func__, [&] { return stream->device->backend->stream_synchronize(stream->object); });
}

int32_t hd_buffer_create(hd_device* device, uint64_t size, hd_buffer** buffer) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(buffer);
  if (size == 0) return fail(HD_STATUS_INVALID_ARGUMENT, "hd_buffer_create: size is 0; it must be at least 1");
  return guarded(__func__, [&] {
    auto created = std::make_unique<hd_buffer>();
    if (const int32_t status = device->backend->allocate(device->object, size, &created->data)) return status;
    created->device = device;
    created->size = size;
    retain(device);
    *buffer = created.release();
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_buffer_import(hd_device* device, void* data, uint64_t size, hd_buffer** buffer) {
  HD_NOT_NULL(device);
  HD_NOT_NULL(data);
  HD_NOT_NULL(buffer);
  if (size == 0) return fail(HD_STATUS_INVALID_ARGUMENT, "hd_buffer_import: size is 0; it must be at least 1");
  if (device->info.host_memory == 0) {
    return fail(HD_STATUS_UNSUPPORTED,
                "hd_buffer_import: the device does not read the host's memory; make a buffer and copy into it with "
                "hd_copy_to_device");
  }
  return guarded(__func__, [&] {
    auto created = std::make_unique<hd_buffer>();
    *created = {device, data, size, true};
    retain(device);
    *buffer = created.release();
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_buffer_release(hd_buffer* buffer) {
  if (buffer == nullptr) return HD_STATUS_OK;
  return guarded(__func__, [&] {
    hd_device* device = buffer->device;
    if (!buffer->imported) device->backend->release(device->object, buffer->data);
    delete buffer;
    release(device);
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_buffer_get_data(hd_buffer* buffer, void** data, uint64_t* size) {
  HD_NOT_NULL(buffer);
  HD_NOT_NULL(data);
  *data = buffer->data;
  if (size != nullptr) *size = buffer->size;
  return HD_STATUS_OK;
}

int32_t hd_copy_to_device(hd_stream* stream, void* destination, const void* source, uint64_t size) {
  return copy(__func__, stream, destination, source, size, HD_COPY_TO_DEVICE);
}

int32_t hd_copy_to_host(hd_stream* stream, void* destination, const void* source, uint64_t size) {
  return copy(__func__, stream, destination, source, size, HD_COPY_TO_HOST);
}

int32_t hd_copy(hd_stream* stream, void* destination, const void* source, uint64_t size) {
  return copy(__func__, stream, destination, source, size, HD_COPY_ON_DEVICE);
}

}  // extern "C"
