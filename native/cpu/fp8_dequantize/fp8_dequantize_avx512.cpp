#include "cpu/fp8_dequantize/fp8_dequantize.h"
#include "cpu/fp8_dequantize/fp8_dequantize_simd.h"

namespace hadal::cpu {

int32_t Fp8DequantizeAvx512::run(const Args& args, ThreadPool& pool, std::byte*) {
  return dequantize(args, pool);
}

}  // namespace hadal::cpu
