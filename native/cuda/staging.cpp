#include "staging.h"

#include <cstring>

namespace hadal::cuda {

Staging::~Staging() {
  for (cudaEvent_t event : left_) {
    if (event != nullptr) cudaEventDestroy(event);
  }
  if (memory_ != nullptr) cudaFreeHost(memory_);
}

cudaError_t Staging::create() {
  void* memory = nullptr;
  if (const cudaError_t error = cudaMallocHost(&memory, kSlotBytes * kSlots)) return error;
  memory_ = static_cast<std::byte*>(memory);
  for (cudaEvent_t& event : left_) {
    if (const cudaError_t error = cudaEventCreateWithFlags(&event, cudaEventDisableTiming)) return error;
  }
  return cudaSuccess;
}

cudaError_t Staging::copy(void* destination, const void* source, uint64_t size, cudaStream_t stream) {
  const int slot = next_;
  next_ = (next_ + 1) % kSlots;
  // An event that was never recorded counts as passed.
  if (const cudaError_t error = cudaEventSynchronize(left_[slot])) return error;
  std::byte* memory = memory_ + static_cast<uint64_t>(slot) * kSlotBytes;
  std::memcpy(memory, source, size);
  if (const cudaError_t error = cudaMemcpyAsync(destination, memory, size, cudaMemcpyHostToDevice, stream))
    return error;
  return cudaEventRecord(left_[slot], stream);
}

}  // namespace hadal::cuda
