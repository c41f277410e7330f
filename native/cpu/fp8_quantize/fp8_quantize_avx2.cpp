#include "cpu/fp8_quantize/fp8_quantize.h"
#include "cpu/fp8_quantize/fp8_quantize_simd.h"

namespace hadal::cpu {

int32_t Fp8QuantizeAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return quantize(args, pool);
}

}  // namespace hadal::cpu
