#include "cpu/rms_norm/rms_norm.h"
#include "cpu/rms_norm/rms_norm_simd.h"

namespace hadal::cpu {

int32_t RmsNormAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return rms_norm(args, pool);
}

}  // namespace hadal::cpu
