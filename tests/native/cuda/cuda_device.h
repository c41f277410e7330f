// The CUDA device that tests run on: a card, or the emulated one.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "support/run.h"

namespace hadal::tests {

struct CudaDevice {
  hd_device* device = nullptr;
  hd_stream* stream = nullptr;
  std::string why;  // The library's reason, where there is no device.

  CudaDevice();
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;
};

// The one that all tests of a process share.
const CudaDevice& cuda();

}  // namespace hadal::tests
