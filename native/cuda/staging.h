// Page-locked memory through which small host data goes to the device, so that a copy neither waits for the stream nor
// needs the caller's memory afterwards.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace hadal::cuda {

// A ring of slots; a slot is used again once its copy has left it. Of one stream, used by one thread at a time.
class Staging {
 public:
  static constexpr uint64_t kSlotBytes = 64 << 10;

  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  cudaError_t create();
  // Queues a copy of at most kSlotBytes. The source may be reused when this returns.
  cudaError_t copy(void* destination, const void* source, uint64_t size, cudaStream_t stream);

 private:
  static constexpr int kSlots = 16;

  std::byte* memory_ = nullptr;
  cudaEvent_t left_[kSlots] = {};
  int next_ = 0;
};

}  // namespace hadal::cuda
