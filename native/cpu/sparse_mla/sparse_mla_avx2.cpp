#include "cpu/attention/simd_avx2.h"
#include "cpu/sparse_mla/sparse_mla.h"
#include "cpu/sparse_mla/sparse_mla_simd.h"

namespace hadal::cpu {

uint64_t SparseMlaAvx2::workspace(const Args& args, int threads) {
  return sparse_mla_workspace<Simd>(args, threads);
}

int32_t SparseMlaAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return sparse_mla<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
