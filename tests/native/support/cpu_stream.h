// A CPU device and a stream on it, for as long as a test takes.
#pragma once

#include <gtest/gtest.h>

#include "support/run.h"

namespace hadal::tests {

class CpuStream {
 public:
  explicit CpuStream(int threads = 2) {
    const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CPU, 0, threads};
    if (hd_device_create(&options, &device_) != HD_STATUS_OK || hd_stream_create(device_, &stream_) != HD_STATUS_OK) {
      ADD_FAILURE() << last_error();
    }
  }
  ~CpuStream() {
    hd_stream_release(stream_);
    hd_device_release(device_);
  }
  CpuStream(const CpuStream&) = delete;
  CpuStream& operator=(const CpuStream&) = delete;

  hd_device* device() const { return device_; }
  hd_stream* stream() const { return stream_; }

  // Runs a call with the workspace that it wants.
  template <class Args>
  int32_t run(int32_t op, Args args) const {
    args.struct_size = sizeof(Args);
    uint64_t wanted = 0;
    if (const int32_t status = hd_workspace_size(device_, op, &args, &wanted)) return status;
    hd_buffer* buffer = nullptr;
    void* workspace = nullptr;
    if (wanted != 0) {
      if (const int32_t status = hd_buffer_create(device_, wanted, &buffer)) return status;
      hd_buffer_get_data(buffer, &workspace, nullptr);
    }
    const int32_t status = call(op, stream_, &args, workspace, wanted);
    hd_buffer_release(buffer);
    return status;
  }

 private:
  hd_device* device_ = nullptr;
  hd_stream* stream_ = nullptr;
};

}  // namespace hadal::tests
