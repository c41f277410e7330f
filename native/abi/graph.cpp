// Recorded kernel calls.
#include <memory>

#include "abi/objects.h"

using namespace hadal;

namespace {

int32_t check_stream(const char* function, const hd_stream* stream) {
  if (stream == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "%s: stream is null", function);
  if (stream->device->backend->graph_begin == nullptr) {
    return fail(HD_STATUS_UNSUPPORTED, "%s: the %s backend has no graphs; make the kernel calls instead", function,
                stream->device->backend->name);
  }
  return HD_STATUS_OK;
}

}  // namespace

extern "C" {

int32_t hd_graph_begin(hd_stream* stream) {
  if (const int32_t status = check_stream(__func__, stream)) return status;
  return guarded(__func__, [&] { return stream->device->backend->graph_begin(stream->object); });
}

int32_t hd_graph_end(hd_stream* stream, hd_graph** graph) {
  if (const int32_t status = check_stream(__func__, stream)) return status;
  if (graph == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "hd_graph_end: graph is null");
  return guarded(__func__, [&] {
    auto created = std::make_unique<hd_graph>();
    if (const int32_t status = stream->device->backend->graph_end(stream->object, &created->object)) return status;
    created->device = stream->device;
    retain(created->device);
    *graph = created.release();
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

int32_t hd_graph_launch(hd_graph* graph, hd_stream* stream) {
  if (graph == nullptr) return fail(HD_STATUS_INVALID_ARGUMENT, "hd_graph_launch: graph is null");
  if (const int32_t status = check_stream(__func__, stream)) return status;
  if (graph->device != stream->device) {
    return fail(HD_STATUS_INVALID_ARGUMENT, "hd_graph_launch: stream is of another device than graph");
  }
  return guarded(__func__, [&] { return stream->device->backend->graph_launch(stream->object, graph->object); });
}

int32_t hd_graph_release(hd_graph* graph) {
  if (graph == nullptr) return HD_STATUS_OK;
  return guarded(__func__, [&] {
    hd_device* device = graph->device;
    device->backend->graph_destroy(device->object, graph->object);
    delete graph;
    release(device);
    return static_cast<int32_t>(HD_STATUS_OK);
  });
}

}  // extern "C"
