#include "cpu/attention/simd_avx2.h"
#include "cpu/masked_mha/drive.h"
#include "cpu/masked_mha/expand_f32.h"
#include "cpu/masked_mha/masked_mha.h"

namespace hadal::cpu {

uint64_t MaskedMhaAvx2::workspace(const Args& args, int threads) {
  return mha_workspace<Simd>(args, threads);
}

int32_t MaskedMhaAvx2::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_mha<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
