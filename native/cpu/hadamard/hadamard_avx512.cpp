#include "cpu/hadamard/hadamard.h"
#include "cpu/hadamard/hadamard_simd.h"

namespace hadal::cpu {

int32_t HadamardAvx512::run(const Args& args, ThreadPool& pool, std::byte*) {
  return hadamard(args, pool);
}

}  // namespace hadal::cpu
