#include "card.h"

#include <algorithm>
#include <random>
#include <string>

#include "cuda_backend.h"

namespace hadal {
namespace bench {
namespace {

thread_local std::string error_text;

constexpr hd_backend_host kHost{sizeof(hd_backend_host), HD_BACKEND_VERSION,
                                [](const char* text) { error_text = text; }, [](const char*) {}};

}  // namespace

void require(cudaError_t error, const char* what) {
  require(cuda::status_of(error, what));
}

void require(int32_t status) {
  if (status != HD_STATUS_OK) throw Failure(error_text, status == HD_STATUS_DEVICE_LOST);
}

Memory::Memory(size_t pattern_bytes) : random_(pattern_bytes / sizeof(uint32_t)) {
  std::mt19937 engine;
  for (uint32_t& word : random_) word = static_cast<uint32_t>(engine());
}

Memory::~Memory() {
  clear();
}

void Memory::clear() {
  for (void* block : blocks_) cudaFree(block);
  blocks_.clear();
}

void* Memory::zeros(int64_t bytes) {
  if (bytes == 0) return nullptr;
  void* data = nullptr;
  require(cudaMalloc(&data, static_cast<size_t>(bytes)), "cudaMalloc");
  blocks_.push_back(data);
  require(cudaMemset(data, 0, static_cast<size_t>(bytes)), "cudaMemset");
  return data;
}

void* Memory::repeated(const void* pattern, size_t pattern_bytes, int64_t bytes) {
  auto* data = static_cast<std::byte*>(zeros(bytes));
  const auto size = static_cast<size_t>(bytes);
  size_t done = std::min(size, pattern_bytes);
  if (size > 0) require(cudaMemcpy(data, pattern, done, cudaMemcpyHostToDevice), "cudaMemcpy");
  while (done < size) {
    const size_t more = std::min(size - done, done);
    require(cudaMemcpy(data + done, data, more, cudaMemcpyDeviceToDevice), "cudaMemcpy");
    done += more;
  }
  return data;
}

void* Memory::random(int64_t bytes, uint32_t keep, uint32_t set) {
  std::vector<uint32_t> pattern(random_);
  for (uint32_t& word : pattern) word = (word & keep) | set;
  return repeated(pattern.data(), pattern.size() * sizeof(uint32_t), bytes);
}

uint8_t* Memory::codes(int64_t count) {
  return static_cast<uint8_t*>(random(count, 0xbfbfbfbfu, 0));
}

uint16_t* Memory::bf16s(int64_t count) {
  return static_cast<uint16_t*>(random(count * 2, 0x80ff80ffu, 0x3f003f00u));
}

float* Memory::floats(int64_t count) {
  return static_cast<float*>(random(count * 4, 0x007fffffu, 0x3f800000u));
}

float* Memory::ones(int64_t count) {
  return static_cast<float*>(random(count * 4, 0, 0x3f800000u));
}

int32_t* Memory::ints(int64_t count, const std::function<int64_t(int64_t)>& value) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = static_cast<int32_t>(value(i));
  return static_cast<int32_t*>(repeated(values.data(), values.size() * sizeof(int32_t), count * 4));
}

Timer::Timer(const cudaDeviceProp& properties, bool once)
    : once_(once),
      flushed_bytes_(std::max(size_t{256} << 20, size_t{4} * static_cast<size_t>(properties.l2CacheSize))) {
  require(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  require(cudaEventCreate(&start_), "cudaEventCreate");
  require(cudaEventCreate(&stop_), "cudaEventCreate");
  if (!once_) require(cudaMalloc(&flushed_, flushed_bytes_), "cudaMalloc");
}

Timer::~Timer() {
  cudaFree(flushed_);
  cudaEventDestroy(start_);
  cudaEventDestroy(stop_);
  cudaStreamDestroy(stream_);
}

double Timer::timed(const std::function<void()>& launch) {
  // Long enough for the host to have queued the launch before the device comes to it.
  if (!once_) require(cudaMemsetAsync(flushed_, 0, flushed_bytes_, stream_), "cudaMemsetAsync");
  require(cudaEventRecord(start_, stream_), "cudaEventRecord");
  launch();
  require(cudaEventRecord(stop_, stream_), "cudaEventRecord");
  require(cudaEventSynchronize(stop_), "the call");
  float milliseconds = 0;
  require(cudaEventElapsedTime(&milliseconds, start_, stop_), "cudaEventElapsedTime");
  return std::max(milliseconds * 1e-3, 1e-9);
}

double Timer::seconds(const std::function<void()>& launch) {
  // The operands were made on the legacy stream, which this one doesn't wait for.
  require(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  if (once_) return timed(launch);
  constexpr double kEnough = 0.05;
  constexpr double kTooMuch = 0.5;
  constexpr size_t kFewest = 5;
  constexpr size_t kMost = 51;
  for (int i = 0; i < 2; ++i) timed(launch);
  std::vector<double> times;
  double sum = 0;
  while (sum < kTooMuch && (times.size() < kFewest || (sum < kEnough && times.size() < kMost))) {
    times.push_back(timed(launch));
    sum += times.back();
  }
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace bench

// What the core lends to the backend, here without a core.
const hd_backend_host& cuda::host() {
  return bench::kHost;
}

}  // namespace hadal
