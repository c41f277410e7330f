#include "cpu/masked_mha/drive.h"
#include "cpu/masked_mha/expand_avx512.h"
#include "cpu/masked_mha/masked_mha.h"

namespace hadal::cpu {

bool MaskedMhaAvx512::serves(const Args& args) {
  return args.q_dtype == HD_DTYPE_BF16 && args.nope_dim % 32 == 0 && args.nope_dim <= HD_LATENT_DIM &&
         args.v_dim % 32 == 0;
}

uint64_t MaskedMhaAvx512::workspace(const Args& args, int threads) {
  return MhaScratch<Simd>::bytes(args) * static_cast<uint64_t>(threads);
}

int32_t MaskedMhaAvx512::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  return run_mha<Simd>(args, pool, workspace);
}

}  // namespace hadal::cpu
