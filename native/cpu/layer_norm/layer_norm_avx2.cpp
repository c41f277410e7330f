#include "cpu/layer_norm/layer_norm.h"
#include "cpu/layer_norm/layer_norm_simd.h"

namespace hadal::cpu {

int32_t LayerNormAvx2::run(const Args& args, ThreadPool& pool, std::byte*) {
  return layer_norm(args, pool);
}

}  // namespace hadal::cpu
