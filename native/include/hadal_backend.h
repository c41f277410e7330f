/**
 * hadal_backend.h: what the library of a backend exports, so that the core can drive a kind of device it knows nothing
 * of.
 *
 * A backend is a shared library libhadal-NAME beside libhadal that exports hd_backend_query. The core validates every
 * argument before it calls: structs are whole (of this header's size), shapes, strides and dtypes are as hadal.h says.
 * What a backend cannot do it refuses with HD_STATUS_UNSUPPORTED and a text that names it. No function may throw.
 */
#ifndef HADAL_BACKEND_H
#define HADAL_BACKEND_H

#include "hadal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this table. */
#define HD_BACKEND_VERSION 1

/** Direction of a copy. */
typedef enum hd_copy_kind {
  HD_COPY_TO_DEVICE = 0, /**< Host to device; the source may be reused on return. */
  HD_COPY_TO_HOST = 1,   /**< Device to host; complete on return. */
  HD_COPY_ON_DEVICE = 2, /**< Within the device. */
} hd_copy_kind;

/** What the core lends to a backend. */
typedef struct hd_backend_host {
  uint32_t struct_size;     /**< sizeof(hd_backend_host). */
  uint32_t backend_version; /**< HD_BACKEND_VERSION of the core. */
  void (*set_error)(
      const char* text);         /**< Sets the calling thread's error text; call it before a status that isn't OK. */
  void (*log)(const char* text); /**< Passes a line to the log function, if there is one. */
} hd_backend_host;

/** The functions of a backend; devices and streams are the backend's own objects. */
typedef struct hd_backend {
  uint32_t struct_size;     /**< sizeof(hd_backend). */
  uint32_t backend_version; /**< HD_BACKEND_VERSION that it was built for. */
  const char* name;         /**< "cpu", "cuda", ... */
  int32_t (*device_count)(int32_t* count);
  int32_t (*device_create)(const hd_device_options* options, void** device);
  void (*device_destroy)(void* device);
  int32_t (*device_info)(void* device, hd_device_info* info); /**< Zeroed but for struct_size; the core sets graphs. */
  int32_t (*free_memory)(void* device, uint64_t* free_bytes);
  int32_t (*kernel_name)(void* device, int32_t op, char* buffer, uint64_t capacity);
  int32_t (*stream_create)(void* device, void** stream);
  void (*stream_destroy)(void* stream);
  int32_t (*stream_synchronize)(void* stream);
  int32_t (*allocate)(void* device, uint64_t size, void** data); /**< Zeroed, aligned to HD_ALIGNMENT. */
  void (*release)(void* device, void* data);
  int32_t (*copy)(void* stream, void* destination, const void* source, uint64_t size, int32_t kind);
  int32_t (*workspace_size)(void* device, int32_t op, const void* args, uint64_t* size);
  int32_t (*run)(void* stream, int32_t op, const void* args, void* workspace, uint64_t workspace_size);
  int32_t (*graph_begin)(void* stream); /**< This and the next three may be null together: no graphs. */
  int32_t (*graph_end)(void* stream, void** graph);
  int32_t (*graph_launch)(void* stream, void* graph);
  void (*graph_destroy)(void* device, void* graph);
} hd_backend;

/**
 * Exported by a backend's library under the name hd_backend_query.
 * @param host what the core lends; valid for the life of the process.
 * @param backend receives the table; valid for the life of the process.
 */
typedef int32_t (*hd_backend_query_fn)(const hd_backend_host* host, const hd_backend** backend);

#ifdef __cplusplus
}
#endif

#endif
