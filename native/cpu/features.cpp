#include "cpu/features.h"

#include <cstdio>
#include <cstring>

#if defined(__x86_64__)
#  include <cpuid.h>
#endif

namespace hadal::cpu {

bool supports(Isa isa) {
  if (isa == Isa::scalar) return true;
#if defined(__x86_64__)
  // These ask the operating system (XGETBV) too.
  if (isa == Isa::avx2) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  }
  const bool is_avx512 = supports(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
                         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                         __builtin_cpu_supports("avx512vl");
  if (isa == Isa::avx512f) return is_avx512;
  return is_avx512 && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx512f:
      return "avx512f";  // With BW, DQ and VL.
    case Isa::avx2:
      return "avx2";
    default:
      return "scalar";
  }
}

void processor_name(char* buffer, uint64_t capacity) {
#if defined(__x86_64__)
  unsigned words[12] = {};
  for (unsigned i = 0; i < 3; ++i) {
    __get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3]);
  }
  char name[49] = {};
  std::memcpy(name, words, 48);
  std::snprintf(buffer, capacity, "%s", name[0] != '\0' ? name : "x86-64 processor");
#else
  std::snprintf(buffer, capacity, "arm64 processor");
#endif
}

}  // namespace hadal::cpu
