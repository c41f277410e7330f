#include "cpu/attention/simd_avx512f.h"
#include "cpu/sparse_mla/sparse_mla.h"
#include "cpu/sparse_mla/sparse_mla_simd.h"

namespace hadal::cpu {

uint64_t SparseMlaAvx512f::workspace(const Args& args, int threads) {
  return sparse_mla_workspace<Simd>(args, threads);
}

int32_t SparseMlaAvx512f::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return sparse_mla<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
