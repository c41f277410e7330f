// Attention with rows in lanes (the heads of one query, or the queries of one head) over blocks of 64 tokens, the
// softmax taken online: what a row gets depends on its own query and tokens alone. Simd is the instruction set's part.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cpu/attention/scores.h"
#include "cpu/attention/values.h"
#include "cpu/number.h"

namespace hadal::cpu {
namespace {

// Rows and what they have gathered so far, in slabs of two vectors of rows (the last may be one). kFixed: a row has the
// same place among the same number of rows in every call, so that a slab of one vector may sum its scores in another
// order than a slab of two.
template <class Simd, bool kFixed>
class AttentionRows {
 public:
  static constexpr int kLanes = TokenBlock<Simd>::kLanes;
  static constexpr int kDims = 2 * Simd::kWidth;  // Of a value, side by side in sums.
  using Floats = typename Simd::Floats;

  static uint64_t query_bytes(int rows, int key_units) {
    return static_cast<uint64_t>(slabs(rows)) * kLanes * static_cast<uint64_t>(key_units) * 4;
  }
  // Of every slab the largest score [lanes], the sum of weights [lanes] and the weighted values [value_dim / kDims,
  // lanes, kDims], in the order of Simd::values.
  static uint64_t state_bytes(int rows, int value_dim) {
    return static_cast<uint64_t>(slabs(rows)) * slab_floats(value_dim) * sizeof(float);
  }

  AttentionRows() = default;
  AttentionRows(std::byte* query, float* state) : query_(reinterpret_cast<uint32_t*>(query)), state_(state) {}

  // q: [rows, width] bf16 with q_stride.
  void read(const bf16* q, int64_t q_stride, int rows, int width) {
    constexpr int kWidth = Simd::kWidth;
    rows_ = rows;
    key_units_ = width / Simd::kDepth;
    for (int slab = 0; slab < slabs(rows); ++slab) {
      const int lanes = lanes_of(slab);
      if constexpr (kFixed && Simd::kHasQuads) {
        if (lanes == kWidth) {
          const int row = slab * kLanes;
          Simd::quads(q + row * q_stride, q_stride, rows - row, key_units_, query_of(slab));
          continue;
        }
      }
      for (int first = 0; first < lanes; first += kWidth) {
        const int row = slab * kLanes + first;
        for (int unit = 0; unit < key_units_; unit += kWidth) {
          typename Simd::Units square[kWidth];
          for (int i = 0; i < kWidth; ++i) {
            square[i] = row + i < rows ? Simd::from_bf16(q + (row + i) * q_stride + unit * Simd::kDepth)
                                       : typename Simd::Units{};
          }
          Simd::transpose(square);
          for (int i = 0; i < kWidth; ++i) Simd::store(query_of(slab) + (unit + i) * lanes + first, square[i]);
        }
      }
    }
  }

  void use_state(float* state) { state_ = state; }

  // For merging and writing alone, without a query.
  void use_rows(int rows) { rows_ = rows; }

  void clear(int value_dim) {
    for (int slab = 0; slab < slabs(rows_); ++slab) {
      const int lanes = lanes_of(slab);
      float* state = state_of(slab, value_dim);
      std::fill_n(state, lanes, -std::numeric_limits<float>::infinity());
      std::fill_n(state + lanes, lanes * (1 + value_dim), 0.0f);
    }
  }

  // Tokens [0, count) of the block. allowed, where not null, is [64] words a slab whose bit r lets row r of the slab
  // see the token; `careful` is then needed where a value is not finite, for 0 times it is NaN. The source makes the
  // block's tokens: expand(n) is called before the first n keys are read; where begin_parts(first, count) says so, the
  // four tokens from `first` on come by expand_part(part(0 to 3), 0 to 3) and end_parts(). fetch() is called some 70
  // times or more for a whole block, at even distances: a place to fetch a little of what comes next.
  template <class Source>
  void attend(const TokenBlock<Simd>& block, int count, float softmax_scale, const uint32_t* allowed, bool careful,
              const Source& source) {
    for (int slab = 0; slab < slabs(rows_); ++slab) {
      const uint32_t* mask = allowed == nullptr ? nullptr : allowed + slab * kBlockTokens;
      // What none may see changes nothing.
      if (mask != nullptr && std::all_of(mask, mask + count, [](uint32_t word) { return word == 0; })) continue;
      if (lanes_of(slab) == kLanes) {
        attend_slab<2>(block, slab, count, softmax_scale, mask, careful, source);
      } else {
        attend_slab<1>(block, slab, count, softmax_scale, mask, careful, source);
      }
    }
  }

  // Takes in what the same rows have gathered from later tokens in another state.
  void merge(const float* later, int value_dim) {
    constexpr int kWidth = Simd::kWidth;
    for (int slab = 0; slab < slabs(rows_); ++slab) {
      const int lanes = lanes_of(slab);
      float* to = state_of(slab, value_dim);
      const float* from = later + slab * slab_floats(value_dim);
      for (int lane = 0; lane < lanes; lane += kWidth) {
        const Floats highest = Simd::max(Simd::load(to + lane), Simd::load(from + lane));
        const Floats base = Simd::finite_base(highest);
        const Floats mine = Simd::exp(Simd::sub(Simd::load(to + lane), base));
        const Floats others = Simd::exp(Simd::sub(Simd::load(from + lane), base));
        Simd::store(to + lane, highest);
        add_scaled(to + lanes + lane, mine, from + lanes + lane, others);
        alignas(64) float mine_of[kWidth], others_of[kWidth];
        Simd::store(mine_of, mine);
        Simd::store(others_of, others);
        for (int dim = 0; dim < value_dim; dim += kDims) {
          for (int i = 0; i < kWidth; ++i) {
            const int64_t at = 2 * lanes + static_cast<int64_t>(dim) * lanes + (lane + i) * kDims;
            for (int half = 0; half < kDims; half += kWidth) {
              add_scaled(to + at + half, Simd::all(mine_of[i]), from + at + half, Simd::all(others_of[i]));
            }
          }
        }
      }
    }
  }

  // out: [rows, value_dim] bf16 with out_stride; lse: [rows] or null. A row without tokens gives zeros and -inf.
  void write(int value_dim, bf16* out, int64_t out_stride, float* lse) const {
    constexpr int kWidth = Simd::kWidth;
    for (int slab = 0; slab < slabs(rows_); ++slab) {
      const int lanes = lanes_of(slab);
      const float* state = state_of(slab, value_dim);
      for (int first = 0; first < lanes; first += kWidth) {
        const int row = slab * kLanes + first;
        const int count = std::min(kWidth, rows_ - row);
        const Floats inverse = Simd::inverse_or_zero(Simd::load(state + lanes + first));
        alignas(64) float inverse_of[kWidth];
        Simd::store(inverse_of, inverse);
        for (int i = 0; i < count; ++i) {
          for (int dim = 0; dim < value_dim; dim += kDims) {
            const float* sum = state + 2 * lanes + static_cast<int64_t>(dim) * lanes + (first + i) * kDims;
            Simd::store_sums(out + (row + i) * out_stride + dim, Simd::mul(Simd::load(sum), Simd::all(inverse_of[i])),
                             Simd::mul(Simd::load(sum + kWidth), Simd::all(inverse_of[i])));
          }
        }
        for (int i = 0; lse != nullptr && i < count; ++i) {
          const float total = state[lanes + first + i];
          lse[row + i] = total == 0.0f ? -std::numeric_limits<float>::infinity() : state[first + i] + std::log(total);
        }
      }
    }
  }

 private:
  static int slabs(int rows) { return (rows + kLanes - 1) / kLanes; }
  static constexpr int64_t slab_floats(int value_dim) { return static_cast<int64_t>(2 + value_dim) * kLanes; }

  int lanes_of(int slab) const { return rows_ - slab * kLanes > Simd::kWidth ? kLanes : Simd::kWidth; }
  uint32_t* query_of(int slab) const { return query_ + static_cast<int64_t>(slab) * kLanes * key_units_; }
  float* state_of(int slab, int value_dim) const { return state_ + slab * slab_floats(value_dim); }

  // to = to * mine + from * others
  static void add_scaled(float* to, Floats mine, const float* from, Floats others) {
    Simd::store(to, Simd::fma(Simd::load(to), mine, Simd::mul(Simd::load(from), others)));
  }

  template <int Vectors, class Source>
  void attend_slab(const TokenBlock<Simd>& block, int slab, int count, float softmax_scale, const uint32_t* allowed,
                   bool careful, const Source& source) {
    float* state = state_of(slab, block.value_dim);
    if constexpr (Vectors == 1 && kFixed && Simd::kHasQuads) {
      score_quads<Simd>(query_of(slab), block, count, softmax_scale, source);
    } else {
      score<Simd, Vectors>(query_of(slab), block, count, softmax_scale, source);
    }
    weigh<Vectors>(block, count, state, allowed);
    float* sums = state + 2 * Vectors * Simd::kWidth;
    if (careful && allowed != nullptr) {
      add_values<Simd, Vectors, true>(block, count, sums, allowed, source);
    } else {
      add_values<Simd, Vectors, false>(block, count, sums, nullptr, source);
    }
  }

  // Turns scores into weights, and moves the largest score and the sum of weights on.
  template <int Vectors>
  static void weigh(const TokenBlock<Simd>& block, int count, float* state, const uint32_t* allowed) {
    constexpr int kWidth = Simd::kWidth;
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    for (int v = 0; v < Vectors; ++v) {
      float* scores = block.scores + v * kWidth;
      float* maximum = state + v * kWidth;
      float* total = state + (Vectors + v) * kWidth;
      const auto seen = [&](int t) { return allowed[t] >> (v * kWidth); };
      Floats highest = Simd::load(maximum);
      for (int t = 0; t < count; ++t) {
        Floats x = Simd::load(scores + t * Vectors * kWidth);
        if (allowed != nullptr) x = Simd::only(seen(t), x, kNone);
        highest = Simd::max(x, highest);  // A NaN does not count.
      }
      const Floats base = Simd::finite_base(highest);
      const Floats shrink = Simd::exp(Simd::sub(Simd::load(maximum), base));
      Floats sum = Simd::mul(Simd::load(total), shrink);
      for (int t = 0; t < count; t += Simd::kDepth) {
        Floats weight[Simd::kDepth];
        for (int i = 0; i < Simd::kDepth; ++i) {
          if (t + i == count) {
            weight[i] = Simd::all(0.0f);
            continue;
          }
          weight[i] = Simd::exp(Simd::sub(Simd::load(scores + (t + i) * Vectors * kWidth), base));
          if (allowed != nullptr) weight[i] = Simd::only(seen(t + i), weight[i], 0.0f);
          sum = Simd::add(sum, weight[i]);
        }
        Simd::store(block.weights + (t / Simd::kDepth * Vectors + v) * kWidth, Simd::to_units(weight));
      }
      Simd::store(maximum, highest);
      Simd::store(total, sum);
      Simd::store(block.shrink + v * kWidth, shrink);
    }
  }

  uint32_t* query_ = nullptr;
  float* state_ = nullptr;
  int rows_ = 0;
  int key_units_ = 0;
};

}  // namespace
}  // namespace hadal::cpu
