#include "alignment.h"
#include "fp8_gemm/fp8_gemm.h"
#include "fp8_gemm/groups.h"
#include "upstream/deepgemm.h"

namespace hadal::cuda {
namespace {

template <class Args>
bool suits(const Args& args, int64_t m) {
  return args.has_up == 0 && args.d_dtype == HD_DTYPE_BF16 && args.n % 8 == 0 && args.k <= upstream::kMostFp8K &&
         args.a_scale_row_stride == 1 && args.a_scale_block_stride == ceil_div(m, 4) * 4 && is_aligned(args.a) &&
         is_aligned(args.a_scale) && is_aligned(args.d);
}

// Without pointers, in a query of the workspace, nothing speaks against it.
template <class Args>
bool side_by_side(const Args& args) {
  if (args.b == nullptr || args.b_scale == nullptr) return true;
  const int64_t step = static_cast<int64_t>(args.n) * args.k;
  const int64_t scale_step = ceil_div(args.n, HD_SCALE_BLOCK) * ceil_div(args.k, HD_SCALE_BLOCK);
  for (int32_t g = 0; g < args.groups; ++g) {
    if (args.b[g] - args.b[0] != g * step || args.b_scale[g] - args.b_scale[0] != g * scale_step) return false;
  }
  return args.groups == 0 || is_aligned(args.b[0]);
}

}  // namespace

bool Fp8GemmDeepGemm::serves(const Args& args) {
  return suits(args, args.m) && args.d_stride % 8 == 0 && is_aligned(args.b);
}

int32_t Fp8GemmDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  return status_of(upstream::Fp8Gemm(args.a, args.a_scale, args.b, args.b_scale, static_cast<uint16_t*>(args.d), args.m,
                                     args.n, args.k, stream, args.d_stride),
                   "fp8_gemm/deepgemm");
}

bool Fp8GemmContiguousDeepGemm::serves(const Args& args) {
  return args.m % 128 == 0 && args.groups > 0 && suits(args, args.m) && side_by_side(args);
}

int32_t Fp8GemmContiguousDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  return status_of(
      upstream::Fp8GemmContiguous(args.a, args.a_scale, args.b[0], args.b_scale[0], static_cast<uint16_t*>(args.d),
                                  args.grouped_layout, args.groups, args.m, args.n, args.k, stream),
      "fp8_gemm_contiguous/deepgemm");
}

bool Fp8GemmMaskedDeepGemm::serves(const Args& args) {
  return args.m_max % 128 == 0 && args.groups <= upstream::kMaskedGroups && suits(args, args.m_max) &&
         (args.groups == 1 || args.a_scale_group_stride == args.k / HD_SCALE_BLOCK * args.a_scale_block_stride) &&
         side_by_side(args);
}

uint64_t Fp8GemmMaskedDeepGemm::workspace(const Args&, const Card&) {
  return upstream::kMaskedGroups * sizeof(int32_t);
}

int32_t Fp8GemmMaskedDeepGemm::run(const Args& args, const Card&, cudaStream_t stream, std::byte* workspace) {
  constexpr const char* kName = "fp8_gemm_masked/deepgemm";
  const size_t bytes = static_cast<size_t>(args.groups) * sizeof(int32_t);
  auto* rows = reinterpret_cast<int32_t*>(workspace);
  if (const int32_t status =
          status_of(cudaMemsetAsync(rows, 0, upstream::kMaskedGroups * sizeof(int32_t), stream), kName)) {
    return status;
  }
  if (const int32_t status =
          status_of(cudaMemcpyAsync(rows, args.masked_m, bytes, cudaMemcpyDeviceToDevice, stream), kName)) {
    return status;
  }
  return status_of(
      upstream::Fp8GemmMasked(args.a, args.a_scale, args.b[0], args.b_scale[0], static_cast<uint16_t*>(args.d), rows,
                              args.groups, args.m_max, args.n, args.k, stream),
      kName);
}

}  // namespace hadal::cuda
