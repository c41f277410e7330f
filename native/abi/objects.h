// What the opaque handles of hadal.h are.
#pragma once

#include <atomic>
#include <exception>
#include <new>

#include "core/error.h"
#include "hadal_backend.h"

struct hd_device {
  std::atomic<int64_t> references{1};
  const hd_backend* backend = nullptr;
  void* object = nullptr;
  hd_device_info info{};
};

struct hd_stream {
  hd_device* device = nullptr;
  void* object = nullptr;
};

struct hd_buffer {
  hd_device* device = nullptr;
  void* data = nullptr;
  uint64_t size = 0;
  bool imported = false;
};

struct hd_graph {
  hd_device* device = nullptr;
  void* object = nullptr;
};

namespace hadal {

// Children keep their device alive.
void retain(hd_device* device);
void release(hd_device* device);

// Runs a body that may throw and turns what it throws into a status.
template <class Body>
int32_t guarded(const char* function, const Body& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(HD_STATUS_OUT_OF_MEMORY, "%s: host memory ran out", function);
  } catch (const std::exception& error) {
    return fail(HD_STATUS_INTERNAL, "%s: %s", function, error.what());
  } catch (...) {
    return fail(HD_STATUS_INTERNAL, "%s: an unknown exception", function);
  }
}

// The backend of a kind of device, its library loaded where need be; null with the error text set, and the status.
const hd_backend* find_backend(const char* function, int32_t kind, int32_t& status);

}  // namespace hadal
