// Streams, events, and graphs.

#include <algorithm>

#include "runtime.h"

using namespace emulator::runtime;

namespace {

// Ends a stream's part in a capture.
void Leave(CUstream_st* stream) {
  stream->capture.reset();
  stream->capture_last.clear();
}

cudaError_t Synchronize(Runtime& runtime, CUstream_st* stream) {
  if (stream->capture) {
    stream->capture->invalid = true;
    return runtime.Fail(cudaErrorStreamCaptureUnsupported, "a capturing stream can't be waited for");
  }
  if (cudaError_t error = runtime.RefuseWhileCapturing(); error != cudaSuccess) return error;
  for (const auto& event : stream->pending) runtime.Wait(event);
  if (stream->last) runtime.Wait(stream->last);
  return runtime.sticky();
}

cudaError_t Record(Runtime& runtime, cudaEvent_t event, CUstream_st* stream) {
  if (stream != runtime.default_stream() && event->device != stream->device) {
    return runtime.Fail(cudaErrorInvalidResourceHandle, "an event and a stream of different devices");
  }
  if (stream->capture) {
    event->capture = stream->capture;
    event->capture_nodes = stream->capture_last;
    event->operation.reset();
    return cudaSuccess;
  }
  event->capture.reset();
  event->capture_nodes.clear();
  return runtime.Issue(
      stream, NodeKind::kEmpty, [&runtime, time = event->milliseconds] { *time = runtime.NextTime(); }, nullptr,
      &event->operation);
}

}  // namespace

extern "C" {

// --- streams

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  HADAL_RUNTIME_ENTER();
  if (!stream || (flags & ~cudaStreamNonBlocking)) return runtime.Fail(cudaErrorInvalidValue);
  *stream = runtime.MakeStream(flags, priority);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithPriority(stream, cudaStreamDefault, 0);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream || stream == runtime.default_stream()) return runtime.Fail(cudaErrorInvalidResourceHandle);
  runtime.DestroyStream(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  *flags = stream->flags;
  return cudaSuccess;
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  *priority = stream->priority;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  return stream ? Synchronize(runtime, stream) : runtime.Fail(cudaErrorInvalidResourceHandle);
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (!stream->last || stream->last->done) return cudaSuccess;
  runtime.RunOne();
  if (runtime.sticky() != cudaSuccess) return runtime.sticky();
  return cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream || !event) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (event->capture) {
    if (stream->capture && stream->capture != event->capture) return runtime.Fail(cudaErrorStreamCaptureMerge);
    if (!runtime.captures().contains(event->capture)) return runtime.Fail(cudaErrorInvalidValue);
    stream->capture = event->capture;
    event->capture->streams.insert(stream);
    for (const size_t node : event->capture_nodes) {
      if (std::ranges::find(stream->capture_last, node) == stream->capture_last.end())
        stream->capture_last.push_back(node);
    }
    return cudaSuccess;
  }
  if (stream->capture) {
    stream->capture->invalid = true;
    return runtime.Fail(cudaErrorStreamCaptureIsolation,
                        "a capturing stream waits for an event of outside the capture");
  }
  if (event->operation && !event->operation->done) stream->pending.push_back(event->operation);
  return cudaSuccess;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  return runtime.Issue(stream, NodeKind::kHost, [function, data] { function(data); });
}

cudaError_t cudaStreamAddCallback(cudaStream_t handle, cudaStreamCallback_t callback, void* data, unsigned) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.Fail(cudaErrorStreamCaptureUnsupported);
  return runtime.Issue(stream, NodeKind::kHost, [handle, callback, data] { callback(handle, cudaSuccess, data); });
}

cudaError_t cudaDeviceSynchronize() {
  HADAL_RUNTIME_ENTER();
  if (cudaError_t error = runtime.RefuseWhileCapturing(); error != cudaSuccess) return error;
  runtime.WaitAll();
  return runtime.sticky();
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  HADAL_RUNTIME_ENTER();
  if (least) *least = 0;
  if (greatest) *greatest = -5;
  return cudaSuccess;
}

// --- events

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  HADAL_RUNTIME_ENTER();
  if (!event || (flags & ~(cudaEventBlockingSync | cudaEventDisableTiming))) return runtime.Fail(cudaErrorInvalidValue);
  *event = new CUevent_st;
  (*event)->device = Runtime::current();
  (*event)->flags = flags;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  HADAL_RUNTIME_ENTER();
  if (!event) return runtime.Fail(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t handle, unsigned flags) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream || !event) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (flags != cudaEventRecordDefault)
    return runtime.Fail(cudaErrorNotSupported, "external event records are not implemented");
  return Record(runtime, event, stream);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return cudaEventRecordWithFlags(event, stream, 0);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  HADAL_RUNTIME_ENTER();
  if (!event) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (event->capture) return runtime.Fail(cudaErrorCapturedEvent);
  if (event->operation) runtime.Wait(event->operation);
  return runtime.sticky();
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  HADAL_RUNTIME_ENTER();
  if (!event) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (event->capture) return runtime.Fail(cudaErrorCapturedEvent);
  if (!event->operation || event->operation->done) return cudaSuccess;
  runtime.RunOne();
  return runtime.sticky() != cudaSuccess ? runtime.sticky() : cudaErrorNotReady;
}

// Time on the emulated device has an order, and no meaning.
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  HADAL_RUNTIME_ENTER();
  if (!begin || !end || !begin->operation || !end->operation ||
      ((begin->flags | end->flags) & cudaEventDisableTiming)) {
    return runtime.Fail(cudaErrorInvalidResourceHandle);
  }
  if (!begin->operation->done || !end->operation->done) return runtime.Fail(cudaErrorNotReady);
  *milliseconds = static_cast<float>(*end->milliseconds - *begin->milliseconds);
  return cudaSuccess;
}

// --- capture

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (stream == runtime.default_stream()) {
    return runtime.Fail(cudaErrorStreamCaptureUnsupported, "the legacy default stream can't be captured");
  }
  if (stream->capture) return runtime.Fail(cudaErrorIllegalState);
  auto capture = std::make_shared<Capture>();
  capture->origin = stream;
  capture->mode = mode;
  capture->id = runtime.NextId();
  capture->streams.insert(stream);
  runtime.captures().insert(capture);
  stream->capture = capture;
  stream->capture_last.clear();
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream || !graph) return runtime.Fail(cudaErrorInvalidValue);
  *graph = nullptr;
  const auto capture = stream->capture;
  if (!capture) return runtime.Fail(cudaErrorIllegalState);
  if (capture->origin != stream) return runtime.Fail(cudaErrorStreamCaptureUnmatched);
  // Every other stream's work must have been joined into the origin.
  std::set<size_t> reached(stream->capture_last.begin(), stream->capture_last.end());
  for (size_t i = capture->nodes.size(); i-- > 0;) {
    if (reached.contains(i)) reached.insert(capture->nodes[i].after.begin(), capture->nodes[i].after.end());
  }
  bool joined = true;
  for (CUstream_st* other : capture->streams) {
    if (!runtime.streams().contains(other)) continue;
    for (const size_t node : other->capture_last) joined &= reached.contains(node);
    Leave(other);
  }
  runtime.captures().erase(capture);
  if (capture->invalid) return runtime.Fail(cudaErrorStreamCaptureInvalidated);
  if (!joined) return runtime.Fail(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st{std::move(capture->nodes)};
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream) return runtime.Fail(cudaErrorInvalidResourceHandle);
  *status = !stream->capture           ? cudaStreamCaptureStatusNone
            : stream->capture->invalid ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

// --- graphs

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  HADAL_RUNTIME_ENTER();
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  HADAL_RUNTIME_ENTER();
  if (!graph || !count) return runtime.Fail(cudaErrorInvalidValue);
  if (nodes)
    return runtime.Fail(cudaErrorNotSupported, "cudaGraphGetNodes with an array is not implemented: only the count");
  *count = graph->nodes.size();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  HADAL_RUNTIME_ENTER();
  if (!executable || !graph) return runtime.Fail(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{graph->nodes};
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long flags) {
  return cudaGraphInstantiateWithFlags(executable, graph, flags);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t) {
  HADAL_RUNTIME_ENTER();
  return executable ? cudaSuccess : runtime.Fail(cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  HADAL_RUNTIME_ENTER();
  CUstream_st* stream = runtime.FindStream(handle);
  if (!stream || !executable) return runtime.Fail(cudaErrorInvalidResourceHandle);
  if (stream->capture) return runtime.Fail(cudaErrorNotSupported, "cudaGraphLaunch in a capture is not implemented");
  runtime.IssueGraph(stream, executable->nodes);
  return cudaSuccess;
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t executable, cudaGraph_t graph, cudaGraphExecUpdateResultInfo* info) {
  HADAL_RUNTIME_ENTER();
  if (!executable || !graph || !info) return runtime.Fail(cudaErrorInvalidValue);
  *info = {};
  const auto refuse = [&](cudaGraphExecUpdateResult result) {
    info->result = result;
    return runtime.Fail(cudaErrorGraphExecUpdateFailure);
  };
  if (executable->nodes.size() != graph->nodes.size()) return refuse(cudaGraphExecUpdateErrorTopologyChanged);
  for (size_t i = 0; i < graph->nodes.size(); ++i) {
    const Node &before = executable->nodes[i], &after = graph->nodes[i];
    if (before.after != after.after) return refuse(cudaGraphExecUpdateErrorTopologyChanged);
    if (before.kind != after.kind) return refuse(cudaGraphExecUpdateErrorNodeTypeChanged);
    if (before.identity != after.identity) return refuse(cudaGraphExecUpdateErrorFunctionChanged);
  }
  executable->nodes = graph->nodes;
  info->result = cudaGraphExecUpdateSuccess;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  HADAL_RUNTIME_ENTER();
  delete executable;
  return cudaSuccess;
}

}  // extern "C"
