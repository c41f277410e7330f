#include "alignment.h"
#include "carve.h"
#include "device/mla_page.cuh"
#include "sparse_mla/sparse_mla.h"
#include "upstream/flashmla.h"

namespace hadal::cuda {
namespace {

constexpr int kThreads = 192;
constexpr int64_t kRows = 512;              // Queries of a launch.
constexpr int64_t kMostExpanded = 900'000;  // Tokens of a cache that may be expanded, about 1 GB.

// rows[slot] = the token of a slot as bf16 [576].
__global__ void __launch_bounds__(kThreads) expand(const std::byte* cache, bf16* rows) {
  const int64_t slot = blockIdx.x;
  const std::byte* token = cache + slot * token_bytes(HD_MLA_FP8);
  for (int i = static_cast<int>(threadIdx.x); i < HD_MLA_DIM; i += kThreads) {
    rows[slot * HD_MLA_DIM + i] = to_bf16(read_element(token, HD_MLA_FP8, i));
  }
}

// [rows, count] to [rows, padded], the rest `filler`.
template <class T>
__global__ void __launch_bounds__(kThreads) pad(const T* from, int64_t count, T* to, int64_t padded, T filler) {
  const int64_t row = blockIdx.x;
  for (int64_t i = threadIdx.x; i < padded; i += kThreads) {
    to[row * padded + i] = i < count ? from[row * count + i] : filler;
  }
}

// out and lse of the first `heads` of `padded` heads; the lse from base 2 to natural.
__global__ void __launch_bounds__(kThreads)
    take_heads(const bf16* out, const float* lse, int heads, int padded, bf16* out_taken, float* lse_taken) {
  const int64_t row = blockIdx.x;
  if (out_taken != nullptr) {
    for (int i = static_cast<int>(threadIdx.x); i < heads * HD_LATENT_DIM; i += kThreads) {
      out_taken[row * heads * HD_LATENT_DIM + i] = out[row * padded * HD_LATENT_DIM + i];
    }
  }
  if (lse_taken != nullptr) {
    for (int i = static_cast<int>(threadIdx.x); i < heads; i += kThreads) {
      lse_taken[row * heads + i] = lse[row * padded + i] * 0.69314718056f;
    }
  }
}

struct Scratch {
  int64_t rows;
  int heads;  // A multiple of 64.
  int topk;   // A multiple of 128.
  bf16* tokens;
  bf16* q;           // Used where heads are padded,
  bf16* out;         // likewise.
  int32_t* indices;  // Used where top-k is padded.
  float* max_logits;
  float* lse;

  Scratch(Carve& carve, const hd_sparse_mla_args& args) {
    rows = args.m < kRows ? args.m : kRows;
    heads = static_cast<int>(ceil_div(args.heads, 64) * 64);
    topk = static_cast<int>(ceil_div(args.topk, 128) * 128);
    tokens = carve.take<bf16>(static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS * HD_MLA_DIM);
    q = carve.take<bf16>(heads == args.heads ? 0 : rows * heads * HD_MLA_DIM);
    out = carve.take<bf16>(heads == args.heads ? 0 : rows * heads * HD_LATENT_DIM);
    indices = carve.take<int32_t>(topk == args.topk ? 0 : rows * topk);
    max_logits = carve.take<float>(rows * heads);
    lse = carve.take<float>(rows * heads);
  }
};

}  // namespace

bool SparseMlaFlashMlaPrefill::serves(const Args& args) {
  const int64_t slots = static_cast<int64_t>(args.pages) * HD_PAGE_TOKENS;
  return args.q_dtype == HD_DTYPE_BF16 && args.format == HD_MLA_FP8 && args.topk > 0 && args.m >= 16 &&
         slots <= kMostExpanded && static_cast<int64_t>(args.m) * args.topk >= 2 * slots && is_aligned(args.q) &&
         is_aligned(args.indices) && is_aligned(args.out);
}

uint64_t SparseMlaFlashMlaPrefill::workspace(const Args& args, const Card&) {
  return carved_bytes<Scratch>(args);
}

int32_t SparseMlaFlashMlaPrefill::run(const Args& args, const Card&, cudaStream_t stream, std::byte* workspace) {
  constexpr const char* kName = "sparse_mla/flashmla_prefill";
  Carve carve(workspace);
  const Scratch scratch(carve, args);
  const int slots = args.pages * HD_PAGE_TOKENS;
  const bool pads_heads = scratch.heads != args.heads;
  expand<<<static_cast<unsigned>(slots), kThreads, 0, stream>>>(static_cast<const std::byte*>(args.cache),
                                                                scratch.tokens);
  if (const int32_t status = launched(kName)) return status;
  for (int64_t first = 0; first < args.m; first += kRows) {
    const int64_t count = args.m - first < kRows ? args.m - first : kRows;
    const auto blocks = static_cast<unsigned>(count);
    const int64_t head = first * args.heads;
    const bf16* q = static_cast<const bf16*>(args.q) + head * HD_MLA_DIM;
    bf16* out = static_cast<bf16*>(args.out) + head * HD_LATENT_DIM;
    const int32_t* indices = args.indices + first * args.topk;
    if (pads_heads) {
      pad<bf16><<<blocks, kThreads, 0, stream>>>(q, static_cast<int64_t>(args.heads) * HD_MLA_DIM, scratch.q,
                                                 static_cast<int64_t>(scratch.heads) * HD_MLA_DIM, bf16{0});
      if (const int32_t status = launched(kName)) return status;
    }
    if (scratch.topk != args.topk) {
      pad<int32_t><<<blocks, kThreads, 0, stream>>>(indices, args.topk, scratch.indices, scratch.topk, -1);
      if (const int32_t status = launched(kName)) return status;
    }
    upstream::SparsePrefill prefill{};
    prefill.s_q = static_cast<int>(count);
    prefill.s_kv = slots;
    prefill.h_q = scratch.heads;
    prefill.topk = scratch.topk;
    prefill.scale = args.softmax_scale;
    prefill.q = pads_heads ? scratch.q : q;
    prefill.kv = scratch.tokens;
    prefill.indices = scratch.topk != args.topk ? scratch.indices : indices;
    prefill.out = pads_heads ? scratch.out : out;
    prefill.max_logits = scratch.max_logits;
    prefill.lse = scratch.lse;
    if (const int32_t status = status_of(upstream::RunSparsePrefill(prefill, stream), kName)) return status;
    if (!pads_heads && args.lse == nullptr) continue;
    take_heads<<<blocks, kThreads, 0, stream>>>(scratch.out, scratch.lse, args.heads, scratch.heads,
                                                pads_heads ? out : nullptr,
                                                args.lse == nullptr ? nullptr : args.lse + head);
    if (const int32_t status = launched(kName)) return status;
  }
  return HD_STATUS_OK;
}

}  // namespace hadal::cuda
