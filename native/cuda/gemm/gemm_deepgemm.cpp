#include "gemm/gemm.h"

#include "alignment.h"
#include "upstream/deepgemm.h"

namespace hadal::cuda {
namespace {

bool is_stride(int64_t stride) {
  return stride > 0 && stride % 8 == 0;
}

}  // namespace

bool GemmDeepGemm::serves(const Args& args) {
  if (args.a_dtype != HD_DTYPE_BF16 || args.b_dtype != HD_DTYPE_BF16 || args.d_dtype != HD_DTYPE_BF16) return false;
  if (args.k == 0 || args.n % 8 != 0 || args.batch > upstream::kMaxBatch) return false;
  if (!is_stride(args.a_stride) || !is_stride(args.b_stride) || !is_stride(args.d_stride)) return false;
  if (args.batch > 1 &&
      (!is_stride(args.a_batch_stride) || !is_stride(args.b_batch_stride) || !is_stride(args.d_batch_stride))) {
    return false;
  }
  return is_aligned(args.a) && is_aligned(args.b) && is_aligned(args.d);
}

int32_t GemmDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const upstream::Bf16Product product{static_cast<const uint16_t*>(args.a),
                                      static_cast<const uint16_t*>(args.b),
                                      static_cast<uint16_t*>(args.d),
                                      args.batch,
                                      args.m,
                                      args.n,
                                      args.k,
                                      args.b_is_kn != 0,
                                      args.a_stride,
                                      args.a_batch_stride,
                                      args.b_stride,
                                      args.b_batch_stride,
                                      args.d_stride,
                                      args.d_batch_stride};
  return status_of(upstream::RunBf16Product(product, stream), "gemm/deepgemm");
}

}  // namespace hadal::cuda
