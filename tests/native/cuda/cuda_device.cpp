#include "cuda/cuda_device.h"

#include <cstdio>

namespace hadal::tests {

CudaDevice::CudaDevice() {
  const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CUDA, 0, 0};
  if (hd_device_create(&options, &device) != HD_STATUS_OK || hd_stream_create(device, &stream) != HD_STATUS_OK) {
    why = last_error();
    return;
  }
  hd_device_info info{};
  info.struct_size = sizeof info;
  hd_device_get_info(device, &info);
  std::printf("running on %s, %s\n", info.name, info.isa);
}

CudaDevice::~CudaDevice() {
  hd_stream_release(stream);
  hd_device_release(device);
}

const CudaDevice& cuda() {
  static const CudaDevice only;
  return only;
}

}  // namespace hadal::tests
