// The kernel calls: each checks its arguments and hands them to the stream's backend.
#include <cstring>

#include "abi/objects.h"
#include "abi/validate.h"

namespace hadal {
namespace {

// Copies the caller's struct into one of this build: fields that the caller does not know are zero, fields that this
// build does not know must be.
template <class Args>
int32_t read_args(const char* function, const Args* args, Args& whole) {
  if (args == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: args is null", function);
  const uint32_t size = args->struct_size;
  if (size < sizeof(Args)) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: struct_size is %u; it must be sizeof(%s_args) = %zu", function, size,
                function, sizeof(Args));
  }
  if (size > 4096) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "%s: struct_size is %u; it must be sizeof(%s_args) = %zu", function, size,
                function, sizeof(Args));
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(args);
  for (uint32_t i = sizeof(Args); i < size; ++i) {
    if (bytes[i] != 0) {
      return fail(HD_STATUS_UNSUPPORTED,
                  "%s: byte %u of args is set, beyond the %zu that this version knows; use a newer library", function,
                  i, sizeof(Args));
    }
  }
  std::memcpy(&whole, args, sizeof(Args));
  return HD_STATUS_OK;
}

template <class Args>
int32_t run(const char* function, int32_t op, hd_stream* stream, const Args* args, void* workspace,
            uint64_t workspace_size) {
  if (stream == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: stream is null", function);
  Args whole;
  if (const int32_t status = read_args(function, args, whole)) return status;
  Check check(function, false);
  const bool any = validate(check, whole);
  check.aliasing();
  if (check.failed()) return check.status();
  if (!any) return HD_STATUS_OK;
  if (workspace_size != 0 && (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % HD_ALIGNMENT != 0)) {
    return fail(HD_STATUS_INVALID_ARGUMENT,
                "%s: workspace is %p; it must point to workspace_size = %llu bytes, aligned to %d", function, workspace,
                static_cast<unsigned long long>(workspace_size), HD_ALIGNMENT);
  }
  return guarded(function,
                 [&] { return stream->device->backend->run(stream->object, op, &whole, workspace, workspace_size); });
}

template <class Args>
int32_t query(const char* function, hd_device* device, int32_t op, const void* args, uint64_t* size) {
  Args whole;
  if (const int32_t status = read_args(function, static_cast<const Args*>(args), whole)) return status;
  Check check(function, true);
  const bool any = validate(check, whole);
  if (check.failed()) return check.status();
  *size = 0;
  if (!any) return HD_STATUS_OK;
  return guarded(function, [&] { return device->backend->workspace_size(device->object, op, &whole, size); });
}

}  // namespace
}  // namespace hadal

extern "C" {

#define HD_OPERATION(function, type, op)                                                            \
  int32_t function(hd_stream* stream, const type* args, void* workspace, uint64_t workspace_size) { \
    return hadal::run(#function, op, stream, args, workspace, workspace_size);                      \
  }
#include "abi/operations.inc"
#undef HD_OPERATION

int32_t hd_workspace_size(hd_device* device, int32_t op, const void* args, uint64_t* size) {
  if (device == nullptr) return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: device is null");
  if (size == nullptr) return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: size is null");
  switch (op) {
#define HD_OPERATION(function, type, op_value) \
  case op_value:                               \
    return hadal::query<type>(#function, device, op, args, size);
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: op is %d; it must be 0 to %d", op,
                         HD_OP_COUNT - 1);
  }
}

}  // extern "C"
