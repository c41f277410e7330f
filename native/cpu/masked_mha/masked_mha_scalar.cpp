#include <algorithm>
#include <limits>

#include "cpu/masked_mha/check.h"
#include "cpu/masked_mha/masked_mha.h"
#include "cpu/number.h"

namespace hadal::cpu {

// A worker keeps one score a key.
uint64_t MaskedMhaScalar::workspace(const Args& args, int threads) {
  return sizeof(float) * static_cast<uint64_t>(args.keys) * static_cast<uint64_t>(threads);
}

int32_t MaskedMhaScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_visible(args)) return status;
  if (const int32_t status = check_positions(args)) return status;
  const int64_t kv_head = args.nope_dim + args.v_dim;
  const int64_t q_head = args.nope_dim + HD_ROPE_DIM;
  pool.parallel_for(static_cast<int64_t>(args.m) * args.heads, [&](int64_t item, int worker) {
    const int64_t row = item / args.heads;
    const int64_t head = item % args.heads;
    float* score = reinterpret_cast<float*>(workspace) + static_cast<int64_t>(worker) * args.keys;
    const int64_t count = args.positions == nullptr ? args.visible[row] : args.topk;
    const auto key_of = [&](int64_t i) -> int64_t {
      return args.positions == nullptr ? i : args.positions[row * args.topk + i];
    };
    float highest = -std::numeric_limits<float>::infinity();
    int64_t seen = 0;
    for (int64_t i = 0; i < count && key_of(i) >= 0; ++i, ++seen) {
      const int64_t key = key_of(i);
      float dot = 0.0f;
      for (int64_t j = 0; j < args.nope_dim; ++j) {
        dot += load(args.q, args.q_dtype, item * q_head + j) *
               load(args.kv, args.q_dtype, (key * args.heads + head) * kv_head + j);
      }
      for (int64_t j = 0; j < HD_ROPE_DIM; ++j) {
        dot += load(args.q, args.q_dtype, item * q_head + args.nope_dim + j) *
               load(args.k_rope, args.q_dtype, key * args.k_rope_stride + j);
      }
      score[i] = dot * args.softmax_scale;
      highest = std::max(highest, score[i]);
    }
    float total = 0.0f;
    for (int64_t i = 0; i < seen; ++i) {
      score[i] = std::exp(score[i] - highest);
      total += score[i];
      if (args.q_dtype == HD_DTYPE_BF16) score[i] = from_bf16(to_bf16(score[i]));
    }
    for (int64_t j = 0; j < args.v_dim; ++j) {
      float sum = 0.0f;
      for (int64_t i = 0; i < seen; ++i) {
        sum += score[i] * load(args.kv, args.q_dtype, (key_of(i) * args.heads + head) * kv_head + args.nope_dim + j);
      }
      store(args.out, args.q_dtype, item * args.v_dim + j, seen == 0 ? 0.0f : sum / total);
    }
  });
  return HD_STATUS_OK;
}

}  // namespace hadal::cpu
