#include "cpu/attention/simd_avx2.h"
#include "cpu/dense_mla/dense_mla.h"
#include "cpu/dense_mla/dense_mla_simd.h"

namespace hadal::cpu {

uint64_t DenseMlaAvx2::workspace(const Args& args, int threads) {
  return dense_mla_workspace<Simd>(args, threads);
}

int32_t DenseMlaAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return dense_mla<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
