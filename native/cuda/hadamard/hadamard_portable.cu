#include "device/number.cuh"
#include "hadamard/hadamard.h"

namespace hadal::cuda {
namespace {

// One block a row, one thread a pair; n is at most 1024.
__global__ void hadamard(hd_hadamard_args args) {
  __shared__ float x[1024];
  const int64_t row = blockIdx.x;
  const int pairs = args.n / 2;
  const int pair = static_cast<int>(threadIdx.x);
  if (pair < pairs) {
    x[pair] = load(args.x, args.x_dtype, row * args.n + pair);
    x[pair + pairs] = load(args.x, args.x_dtype, row * args.n + pair + pairs);
  }
  for (int width = 1; width < args.n; width *= 2) {
    __syncthreads();
    if (pair < pairs) {
      const int i = pair / width * 2 * width + pair % width;
      const float a = x[i];
      const float b = x[i + width];
      x[i] = a + b;
      x[i + width] = a - b;
    }
  }
  __syncthreads();
  const float scale = __fdiv_rn(1.0f, __fsqrt_rn(static_cast<float>(args.n)));
  if (pair < pairs) {
    store(args.y, args.x_dtype, row * args.n + pair, x[pair] * scale);
    store(args.y, args.x_dtype, row * args.n + pair + pairs, x[pair + pairs] * scale);
  }
}

}  // namespace

int32_t HadamardPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const auto threads = static_cast<unsigned>(ceil_div(args.n / 2, 32) * 32);
  hadamard<<<static_cast<unsigned>(args.m), threads, 0, stream>>>(args);
  return launched("hadamard");
}

}  // namespace hadal::cuda
