// A CUDA device for measurements: its memory with random content, and calls timed by events.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <vector>

#include "kernel.h"

namespace hadal::bench {

// What failed, in words. After a loss every further call of this process fails.
struct Failure : std::runtime_error {
  Failure(const std::string& what, bool loses_device) : std::runtime_error(what), is_lost(loses_device) {}
  bool is_lost;
};

void require(cudaError_t error, const char* what);
// Of a status that the backend returned, with its error text.
void require(int32_t status);

// Device memory of one measurement, freed together. A count of zero gives null.
class Memory {
 public:
  // Patterns of this many bytes are repeated: random content, made once.
  explicit Memory(size_t pattern_bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* zeros(int64_t bytes);
  uint8_t* codes(int64_t count);   // e4m3, below 2 in magnitude.
  uint16_t* bf16s(int64_t count);  // Between 0.5 and 2, of both signs.
  float* floats(int64_t count);    // Between 1 and 2.
  float* ones(int64_t count);
  int32_t* ints(int64_t count, const std::function<int64_t(int64_t)>& value);

  // A pattern of the host's over and over.
  void* repeated(const void* pattern, size_t pattern_bytes, int64_t bytes);

  void clear();

 private:
  void* random(int64_t bytes, uint32_t keep, uint32_t set);

  std::vector<void*> blocks_;
  std::vector<uint32_t> random_;
};

class Timer {
 public:
  // `once`: nothing is warmed up or repeated, for a device that is emulated.
  Timer(const cudaDeviceProp& properties, bool once);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Median seconds of what `launch` queues on stream(), with nothing of its operands in L2.
  double seconds(const std::function<void()>& launch);

  cudaStream_t stream() const { return stream_; }

 private:
  double timed(const std::function<void()>& launch);

  bool once_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t start_ = nullptr;
  cudaEvent_t stop_ = nullptr;
  void* flushed_ = nullptr;
  size_t flushed_bytes_;
};

}  // namespace hadal::bench
