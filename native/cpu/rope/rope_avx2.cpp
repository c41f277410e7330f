#include "cpu/rope/rope.h"
#include "cpu/rope/rope_simd.h"

namespace hadal::cpu {

int32_t RopeAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return rope(args, pool);
}

}  // namespace hadal::cpu
