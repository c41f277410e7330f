#include "alignment.h"
#include "attention/decode_flashmla.cuh"
#include "dense_mla/dense_mla.h"

namespace hadal::cuda {
namespace {

struct Scratch {
  upstream::DecodeWorkspace decode;
  float* lse;
  int32_t* table;

  Scratch(Carve& carve, const hd_dense_mla_args& args, const Card& card) {
    const int64_t rows = decode_rows(args.m);
    decode = decode_workspace(carve, upstream::DenseDecodeParts(card.sm_count, 1, args.heads), rows, args.heads);
    lse = carve.take<float>(rows * args.heads);
    table = carve.take<int32_t>(rows * args.max_pages);
  }
};

// table[row] = the pages of the row's sequence.
__global__ void gather_tables(const int32_t* block_table, const int32_t* row_sequence, int max_pages, int32_t* table) {
  const int64_t row = blockIdx.x;
  const int32_t* from = block_table + row_sequence[row] * static_cast<int64_t>(max_pages);
  for (int i = static_cast<int>(threadIdx.x); i < max_pages; i += static_cast<int>(blockDim.x)) {
    table[row * max_pages + i] = from[i];
  }
}

}  // namespace

bool DenseMlaFlashMla::serves(const Args& args) {
  return args.q_dtype == HD_DTYPE_BF16 && args.format == HD_MLA_BF16 && args.pages > 0 && args.max_pages > 0 &&
         is_aligned(args.q) && is_aligned(args.out);
}

uint64_t DenseMlaFlashMla::workspace(const Args& args, const Card& card) {
  return carved_bytes<Scratch>(args, card);
}

int32_t DenseMlaFlashMla::run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace) {
  constexpr const char* kName = "dense_mla/flashmla";
  Carve carve(workspace);
  const Scratch scratch(carve, args, card);
  for (int64_t first = 0; first < args.m; first += kDecodeRows) {
    const int64_t count = decode_rows(args.m - first);
    const int64_t head = first * args.heads;
    gather_tables<<<static_cast<unsigned>(count), 128, 0, stream>>>(args.block_table, args.row_sequence + first,
                                                                    args.max_pages, scratch.table);
    if (const int32_t status = launched(kName)) return status;
    upstream::DenseDecode decode{};
    decode.b = static_cast<int>(count);
    decode.s_q = 1;
    decode.h_q = args.heads;
    decode.page_count = args.pages;
    decode.table_stride = args.max_pages;
    decode.scale = args.softmax_scale;
    decode.q = static_cast<const uint16_t*>(args.q) + head * HD_MLA_DIM;
    decode.pages = static_cast<const uint16_t*>(args.cache);
    decode.block_table = scratch.table;
    decode.seqlens = args.visible + first;
    decode.out = static_cast<uint16_t*>(args.out) + head * HD_LATENT_DIM;
    decode.lse = args.lse == nullptr ? scratch.lse : args.lse + head;
    if (const int32_t status = status_of(upstream::RunDenseDecode(decode, scratch.decode, stream), kName)) {
      return status;
    }
  }
  if (args.lse == nullptr) return HD_STATUS_OK;
  return convert_empty_rows(args.lse, static_cast<int64_t>(args.m) * args.heads, stream, kName);
}

}  // namespace hadal::cuda
