// What the processor can do.
#pragma once

#include "cpu/kernel.h"

namespace hadal::cpu {

// Whether the processor, and the operating system, serve an instruction set: avx2 is AVX2, FMA and F16C; avx512f is
// these and AVX-512 F, BW, DQ and VL, as Intel has them since Skylake-SP; avx512 is these, VBMI and BF16.
bool supports(Isa isa);

const char* name_of(Isa isa);

// The processor's own name, into a buffer.
void processor_name(char* buffer, uint64_t capacity);

}  // namespace hadal::cpu
