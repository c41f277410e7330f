#include "roofline.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

#include "cpu/features.h"
#include "memory.h"

namespace hadal::bench {
namespace {

bool by_thread_time = false;

template <class Call>
double seconds(int repeats, const Call& call) {
  std::vector<double> samples;
  for (int i = 0; i < repeats; ++i) {
    const double start = seconds_now();
    call();
    samples.push_back(seconds_now() - start);
  }
  return quiet(samples.data(), repeats);
}

// All threads at once, each by its own clock: one that has to wait for a processor does not count against the others.
double peak(ThreadPool& pool, double (*spin)(float*)) {
  constexpr int64_t kRepeats = 100;
  const int64_t threads = pool.threads();
  std::vector<float> out(static_cast<size_t>(threads) * 64);
  std::vector<double> times(static_cast<size_t>(threads * kRepeats));
  double operations = 0;
  for (int64_t repeat = 0; repeat < kRepeats; ++repeat) {
    pool.parallel_for(threads, [&](int64_t i, int) {
      const double start = seconds_now();
      const double done = spin(&out[static_cast<size_t>(i) * 64]);
      times[static_cast<size_t>(i * kRepeats + repeat)] = seconds_now() - start;
      if (i == 0) operations = done;
    });
  }
  double rate = 0;
  for (int64_t i = 0; i < threads; ++i) rate += operations / quiet(&times[static_cast<size_t>(i * kRepeats)], kRepeats);
  return rate;
}

double bandwidth(ThreadPool& pool, uint64_t (*read)(const void*, uint64_t)) {
  constexpr uint64_t kBytes = 256u << 20;  // Beyond any cache, read in short samples one after the other.
  constexpr uint64_t kSample = 32u << 20;
  constexpr int64_t kParts = 16;
  static const Block block = allocate(kBytes);
  std::vector<uint64_t> sums(kParts);
  uint64_t offset = 0;
  const double time = seconds(64, [&] {
    pool.parallel_for(kParts, [&](int64_t i, int) {
      sums[static_cast<size_t>(i)] =
          read(block.get() + offset + static_cast<uint64_t>(i) * (kSample / kParts), kSample / kParts);
    });
    offset = (offset + kSample) % kBytes;
  });
  return static_cast<double>(kSample) / time;
}

uint64_t read_words(const void* data, uint64_t bytes) {
  const auto* words = static_cast<const uint64_t*>(data);
  uint64_t all = 0;
  for (uint64_t i = 0; i < bytes / 8; ++i) all |= words[i];
  return all;
}

double read_bytes(ThreadPool& pool) {
#if defined(__x86_64__)
  if (cpu::supports(cpu::Isa::avx512f)) return bandwidth(pool, read_avx512);
  if (cpu::supports(cpu::Isa::avx2)) return bandwidth(pool, read_avx2);
#endif
  return bandwidth(pool, read_words);
}

}  // namespace

void measure_by_thread_time() {
  by_thread_time = true;
}

double seconds_now() {
#if defined(__linux__)
  if (by_thread_time) {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }
#endif
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quiet(double* samples, int64_t count) {
  double* chosen = samples + count / 10;
  std::nth_element(samples, chosen, samples + count);
  return *chosen;
}

Roofline measure_roofline(ThreadPool& pool) {
  Roofline roofline{};
  roofline.read_bytes = read_bytes(pool);
#if defined(__x86_64__)
  if (cpu::supports(cpu::Isa::avx2)) roofline.f32_flops = roofline.avx2_flops = peak(pool, spin_f32_avx2);
  if (cpu::supports(cpu::Isa::avx512f)) roofline.f32_flops = peak(pool, spin_f32_avx512);
  if (cpu::supports(cpu::Isa::avx512)) roofline.bf16_flops = peak(pool, spin_bf16_avx512);
#endif
  return roofline;
}

}  // namespace hadal::bench
