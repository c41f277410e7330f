#include "indexer_weights/indexer_weights.h"

namespace hadal::cuda {
namespace {

__global__ void indexer_weights(hd_indexer_weights_args args) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i >= static_cast<int64_t>(args.m) * args.heads) return;
  args.y[i] = args.x[i] * args.head_scale * args.q_scale[i] * args.softmax_scale;
}

}  // namespace

int32_t IndexerWeightsPortable::run(const Args& args, const Card&, cudaStream_t stream, std::byte*) {
  const int64_t items = static_cast<int64_t>(args.m) * args.heads;
  indexer_weights<<<static_cast<unsigned>(ceil_div(items, 128)), 128, 0, stream>>>(args);
  return launched("indexer_weights");
}

}  // namespace hadal::cuda
