// The kernel calls: each checks its arguments and hands them to the stream's backend.
#include <algorithm>

#include "abi/objects.h"
#include "abi/structs.h"
#include "abi/validate.h"

namespace hadal {
namespace {

template <class Args>
int32_t run(const char* function, int32_t op, hd_stream* stream, const Args* args, void* workspace,
            uint64_t workspace_size) {
  if (stream == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: stream is null", function);
  if (args == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: args is null", function);
  Args whole;
  if (const int32_t status = read_struct(function, *args, whole)) return status;
  Check check(function, false);
  if (workspace != nullptr) {
    check.output("workspace", workspace, static_cast<int64_t>(std::min<uint64_t>(workspace_size, INT64_MAX)), 1);
  }
  const bool any = validate(check, whole);
  check.aliasing();
  if (check.failed()) return check.status();
  if (!any) return HD_STATUS_OK;
  if (workspace_size != 0 && (workspace == nullptr || reinterpret_cast<uintptr_t>(workspace) % HD_ALIGNMENT != 0)) {
    return fail(HD_STATUS_INVALID_ARGUMENT,
                "%s: workspace is 0x%llx; it must point to workspace_size = %llu bytes, aligned to %d", function,
                number_of_pointer(workspace), static_cast<unsigned long long>(workspace_size), HD_ALIGNMENT);
  }
  return guarded(function,
                 [&] { return stream->device->backend->run(stream->object, op, &whole, workspace, workspace_size); });
}

template <class Args>
int32_t query(const char* function, hd_device* device, int32_t op, const void* args, uint64_t* size) {
  if (args == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: args is null", function);
  Args whole;
  if (const int32_t status = read_struct(function, *static_cast<const Args*>(args), whole)) return status;
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

#define HD_OPERATION(name, op)                                                                                   \
  int32_t hd_##name(hd_stream* stream, const hd_##name##_args* args, void* workspace, uint64_t workspace_size) { \
    return hadal::run("hd_" #name, op, stream, args, workspace, workspace_size);                                 \
  }
#include "abi/operations.inc"
#undef HD_OPERATION

int32_t hd_workspace_size(hd_device* device, int32_t op, const void* args, uint64_t* size) {
  if (device == nullptr) return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: device is null");
  if (size == nullptr) return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: size is null");
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return hadal::query<hd_##name##_args>("hd_" #name, device, op, args, size);
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      return hadal::fail(HD_STATUS_INVALID_ARGUMENT, "hd_workspace_size: op is %d; it must be 0 to %d", op,
                         HD_OP_COUNT - 1);
  }
}

}  // extern "C"
