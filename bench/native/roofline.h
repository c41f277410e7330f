// The limits of the machine, measured in the run that reports against them.
#pragma once

#include <cstdint>

#include "core/thread_pool.h"
#include "cpu/kernel.h"

namespace hadal::bench {

struct Roofline {
  double read_bytes;  // Bytes a second read from memory, by all threads.
  double bf16_flops;  // vdpbf16ps, operations a second; 0 where the processor lacks it.
  double f32_flops;   // Fused multiply-add in vectors of the widest kind.
  double avx2_flops;  // The same in 256 bits.

  // What bounds a variant's arithmetic: avx512 alone has bf16.
  double flops(cpu::Isa isa) const {
    return isa == cpu::Isa::avx512 ? bf16_flops : isa == cpu::Isa::avx2 ? avx2_flops : f32_flops;
  }
};

// The clock of everything measured: the wall's, or the calling thread's processor time, by which one thread can be
// judged on a machine that is busy with other things.
void measure_by_thread_time();
double seconds_now();

Roofline measure_roofline(ThreadPool& pool);

// A share of a run's samples is slowed by whatever else the machine does: the tenth percentile is what both limits and
// kernels are judged by.
double quiet(double* samples, int64_t count);

// Independent chains of one instruction; the number of operations that a call does.
double spin_bf16_avx512(float* out);
double spin_f32_avx512(float* out);
double spin_f32_avx2(float* out);
// Reads memory, 64-byte aligned, a multiple of 512 bytes.
uint64_t read_avx512(const void* data, uint64_t bytes);
uint64_t read_avx2(const void* data, uint64_t bytes);

}  // namespace hadal::bench
