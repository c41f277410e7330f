#include "alignment.h"
#include "attention/decode_flashmla.cuh"
#include "sparse_mla/sparse_mla.h"

namespace hadal::cuda {
namespace {

struct Scratch {
  upstream::DecodeWorkspace decode;
  float* lse;

  Scratch(Carve& carve, const hd_sparse_mla_args& args, const Card& card) {
    const int64_t rows = decode_rows(args.m);
    decode = decode_workspace(carve, upstream::SparseDecodeParts(card.sm_count, 1, args.heads), rows, args.heads);
    lse = carve.take<float>(rows * args.heads);
  }
};

}  // namespace

bool SparseMlaFlashMla::serves(const Args& args) {
  return args.q_dtype == HD_DTYPE_BF16 && args.format == HD_MLA_FP8 && args.pages > 0 && args.topk > 0 &&
         is_aligned(args.q) && is_aligned(args.indices) && is_aligned(args.out) &&
         !SparseMlaFlashMlaPrefill::serves(args);
}

uint64_t SparseMlaFlashMla::workspace(const Args& args, const Card& card) {
  return carved_bytes<Scratch>(args, card);
}

int32_t SparseMlaFlashMla::run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace) {
  constexpr const char* kName = "sparse_mla/flashmla";
  Carve carve(workspace);
  const Scratch scratch(carve, args, card);
  for (int64_t first = 0; first < args.m; first += kDecodeRows) {
    const int64_t count = decode_rows(args.m - first);
    const int64_t head = first * args.heads;
    upstream::SparseDecode decode{};
    decode.b = static_cast<int>(count);
    decode.s_q = 1;
    decode.h_q = args.heads;
    decode.topk = args.topk;
    decode.page_count = args.pages;
    decode.scale = args.softmax_scale;
    decode.q = static_cast<const uint16_t*>(args.q) + head * HD_MLA_DIM;
    decode.pages = static_cast<const uint8_t*>(args.cache);
    decode.indices = args.indices + first * args.topk;
    decode.seqlens = scratch.decode.splits;
    decode.out = static_cast<uint16_t*>(args.out) + head * HD_LATENT_DIM;
    decode.lse = args.lse == nullptr ? scratch.lse : args.lse + head;
    if (const int32_t status = status_of(upstream::RunSparseDecode(decode, scratch.decode, stream), kName)) {
      return status;
    }
  }
  if (args.lse == nullptr) return HD_STATUS_OK;
  return convert_empty_rows(args.lse, static_cast<int64_t>(args.m) * args.heads, stream, kName);
}

}  // namespace hadal::cuda
