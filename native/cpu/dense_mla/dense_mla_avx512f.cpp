#include "cpu/attention/simd_avx512f.h"
#include "cpu/dense_mla/dense_mla.h"
#include "cpu/dense_mla/dense_mla_simd.h"

namespace hadal::cpu {

uint64_t DenseMlaAvx512f::workspace(const Args& args, int threads) {
  return dense_mla_workspace<Simd>(args, threads);
}

int32_t DenseMlaAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return dense_mla<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
