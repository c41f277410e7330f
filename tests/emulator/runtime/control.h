#pragma once

// What the stand-in exports beyond the CUDA runtime, for tests. Loaded by name where a real runtime may be in its
// place.

#include <cstdint>

extern "C" {

// The last report, in the manner of compute-sanitizer; empty when there was none.
const char* hadalEmulatorReport();
// Another seed is another legal order of warps, late completions and unordered streams.
void hadalEmulatorSetSeed(uint64_t seed);
// Reads of never-written memory become errors.
void hadalEmulatorSetStrict(int strict);
// Sums since the device was made.
void hadalEmulatorCounters(uint64_t* launches, uint64_t* lane_instructions, uint64_t* tensor_flops,
                           uint64_t* uninitialized_reads);

}  // extern "C"
