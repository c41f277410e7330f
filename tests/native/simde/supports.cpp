// Says of an emulated instruction set that the processor has it: the linker sends the calls of hadal::cpu::supports
// here
// (--wrap), in the program whose AVX-512 variants are compiled for AVX2.
#include <algorithm>

#include "cpu/features.h"

extern "C" {
bool __real__ZN5hadal3cpu8supportsENS0_3IsaE(hadal::cpu::Isa isa);
bool __wrap__ZN5hadal3cpu8supportsENS0_3IsaE(hadal::cpu::Isa isa);

bool __wrap__ZN5hadal3cpu8supportsENS0_3IsaE(hadal::cpu::Isa isa) {
  return __real__ZN5hadal3cpu8supportsENS0_3IsaE(std::min(isa, hadal::cpu::Isa::avx2));
}
}
