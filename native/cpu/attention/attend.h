// Attention with rows in lanes (the heads of one query, or the queries of one head) over blocks of 64 tokens, the
// softmax taken online: what a row gets depends on its own query and tokens alone. Simd is the instruction set's part.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "cpu/number.h"

namespace hadal::cpu {
namespace {

constexpr int kBlockTokens = 64;

// A block of tokens. A unit is 32 bits: Simd::kDepth neighbouring dims of a token. Scores take rows in lanes and a
// key's units one by one; sums take dims in lanes, kDepth tokens at a time, whose units Simd::values turns.
template <class Simd>
struct TokenBlock {
  static constexpr int kKeyStride = HD_MLA_DIM / Simd::kDepth;
  static constexpr int kLanes = 2 * Simd::kWidth;

  int key_units;      // Key width / kDepth, at most kKeyStride.
  int value_dim;      // A multiple of 32.
  int value_stride;   // Units from a token's value to the next.
  uint32_t* keys;     // [64, kKeyStride]
  uint32_t* values;   // [64, value_stride]: the first value_dim of the keys, or what lies behind everything else.
  float* scores;      // [64, lanes], lanes one or two vectors.
  uint32_t* weights;  // [64 / kDepth, lanes]: the softmax's, as bf16.
  float* shrink;      // [lanes]
  // [64, kKeyStride]: what rounding took from the first Simd::kRoundedUnits of each key, if has_rest.
  uint32_t* rest;
  bool has_rest = false;

  // own_values: the width of values that are no part of the keys, or 0.
  static uint64_t bytes(int own_values) {
    const int units = kBeforeValues + kBlockTokens * own_values / Simd::kDepth;
    return static_cast<uint64_t>(units) * 4;
  }

  TokenBlock(std::byte* memory, int key_width, int value_width, bool own_values)
      : key_units(key_width / Simd::kDepth),
        value_dim(value_width),
        value_stride(own_values ? value_width / Simd::kDepth : kKeyStride),
        keys(reinterpret_cast<uint32_t*>(memory)),
        values(own_values ? keys + kBeforeValues : keys),
        scores(reinterpret_cast<float*>(keys + kKeys)),
        weights(reinterpret_cast<uint32_t*>(scores + kBlockTokens * kLanes)),
        shrink(reinterpret_cast<float*>(weights + kBlockTokens / Simd::kDepth * kLanes)),
        rest(reinterpret_cast<uint32_t*>(shrink + kLanes)) {}

 private:
  static constexpr int kKeys = kBlockTokens * kKeyStride;
  static constexpr int kBeforeValues = kKeys + kBlockTokens * kLanes + kBlockTokens / Simd::kDepth * kLanes + kLanes +
                                       (Simd::kRoundedUnits > 0 ? kKeys : 0);
};

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
      score_quads(query_of(slab), block, count, softmax_scale, source);
    } else {
      score<Vectors>(query_of(slab), block, count, softmax_scale, source);
    }
    weigh<Vectors>(block, count, state, allowed);
    float* sums = state + 2 * Vectors * Simd::kWidth;
    if (careful && allowed != nullptr) {
      add_values<Vectors, true>(block, count, sums, allowed, source);
    } else {
      add_values<Vectors, false>(block, count, sums, nullptr, source);
    }
  }

  // sum[t] += q . keys[t] over the first units, keys: [kTile, kKeyStride]
  template <int Vectors, int kTile>
  [[gnu::always_inline]] static void add_dots(const uint32_t* q, const uint32_t* keys, int units,
                                              Floats (&sum)[kTile][Vectors]) {
    for (int unit = 0; unit < units; ++unit) {
      typename Simd::Units rows[Vectors];
      for (int v = 0; v < Vectors; ++v) rows[v] = Simd::load(q + (unit * Vectors + v) * Simd::kWidth);
#pragma GCC unroll 16
      for (int t = 0; t < kTile; ++t) {
        const typename Simd::Units key = Simd::all(keys + t * TokenBlock<Simd>::kKeyStride + unit);
        for (int v = 0; v < Vectors; ++v) sum[t][v] = Simd::dot(sum[t][v], rows[v], key);
      }
    }
  }

  // block.scores = softmax_scale * q . k; rows of scores from count on are spoilt.
  template <int Vectors, class Source>
  static void score(const uint32_t* q, const TokenBlock<Simd>& block, int count, float softmax_scale,
                    const Source& source) {
    constexpr int kWidth = Simd::kWidth;
    constexpr int kTile = Simd::kSums / Vectors;
    constexpr int kStepUnits = 32;
    for (int token = 0; token < count; token += kTile) {
      source.expand(std::min(token + kTile, count));
      Floats sum[kTile][Vectors] = {};
      const int first = token * TokenBlock<Simd>::kKeyStride;
      for (int unit = 0; unit < block.key_units; unit += kStepUnits) {
        source.fetch();
        add_dots<Vectors>(q + unit * Vectors * kWidth, block.keys + first + unit,
                          std::min(kStepUnits, block.key_units - unit), sum);
      }
      if (block.has_rest) add_dots<Vectors>(q, block.rest + first, Simd::kRoundedUnits, sum);
#pragma GCC unroll 16
      for (int t = 0; t < kTile; ++t) {
        for (int v = 0; v < Vectors; ++v) {
          Simd::store(block.scores + ((token + t) * Vectors + v) * kWidth,
                      Simd::mul(sum[t][v], Simd::all(softmax_scale)));
        }
      }
    }
  }

  // score<1> of MLA's keys with four units of a row side by side, as Simd::quads has them: half the loads.
  template <class Source>
  static void score_quads(const uint32_t* q, const TokenBlock<Simd>& block, int count, float softmax_scale,
                          const Source& source) {
    constexpr int kWidth = Simd::kWidth;
    constexpr int kTile = 4;
    constexpr int kStepUnits = 16;
    constexpr int kSteps = HD_MLA_DIM / Simd::kDepth / kStepUnits;
    for (int token = 0; token < count; token += kTile) {
      source.expand(std::min(token + kTile, count));
      Floats sum[kTile][4] = {};
      const uint32_t* keys = block.keys + token * TokenBlock<Simd>::kKeyStride;
      const auto step = [&](int index) __attribute__((always_inline)) {
        add_quads(q + index * kStepUnits * kWidth, keys + index * kStepUnits, kStepUnits, sum);
      };
      int done = 0;
      if (source.begin_parts(token + kTile, count)) {
        // The next four tokens between these sums: neither waits for the other.
        for (int t = 0; t < kTile; ++t) {
          source.fetch();
          const auto next = source.part(t);
#pragma GCC unroll 4
          for (int quarter = 0; quarter < 4; ++quarter, ++done) {
            source.expand_part(next, quarter);
            step(done);
          }
        }
        source.end_parts();
      }
      for (; done < kSteps; ++done) {
        if (done % 6 == 0) source.fetch();
        step(done);
      }
      if (block.has_rest) add_quads(q, block.rest + token * TokenBlock<Simd>::kKeyStride, Simd::kRoundedUnits, sum);
#pragma GCC unroll 16
      for (int t = 0; t < kTile; ++t) {
        Simd::store(block.scores + (token + t) * kWidth, Simd::mul(Simd::sum_quads(sum[t]), Simd::all(softmax_scale)));
      }
    }
  }

  [[gnu::always_inline]] static void add_quads(const uint32_t* q, const uint32_t* keys, int units,
                                               Floats (&sum)[4][4]) {
#pragma GCC unroll 4
    for (int unit = 0; unit < units; unit += 4) {
      typename Simd::Units rows[4];
      for (int i = 0; i < 4; ++i) rows[i] = Simd::load(q + (unit + i) * Simd::kWidth);
#pragma GCC unroll 16
      for (int t = 0; t < 4; ++t) {
        const typename Simd::Units key = Simd::all_quads(keys + t * TokenBlock<Simd>::kKeyStride + unit);
        for (int i = 0; i < 4; ++i) sum[t][i] = Simd::dot(sum[t][i], rows[i], key);
      }
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

  // sums = sums * shrink + weights . values; where Careful, a value that a row may not see is taken as zero.
  template <int Vectors, bool Careful, class Source>
  static void add_values(const TokenBlock<Simd>& block, int count, float* sums, const uint32_t* allowed,
                         const Source& source) {
    constexpr int kWidth = Simd::kWidth;
    constexpr int kLanesHere = Vectors * kWidth;
    constexpr int kTile = Simd::kSums / 2;
    const int units = (count + Simd::kDepth - 1) / Simd::kDepth;
    for (int dim = 0; dim < block.value_dim; dim += kDims) {
      const uint32_t* values = block.values + dim / Simd::kDepth;
      for (int row = 0; row < kLanesHere; row += kTile) {
        source.fetch();
        float* to = sums + static_cast<int64_t>(dim) * kLanesHere + row * kDims;
        Floats sum[kTile][2];
#pragma GCC unroll 16
        for (int i = 0; i < kTile; ++i) {
          const Floats shrink = Simd::all(block.shrink[row + i]);
          for (int v = 0; v < 2; ++v) sum[i][v] = Simd::mul(Simd::load(to + i * kDims + v * kWidth), shrink);
        }
        for (int unit = 0; unit < units; ++unit) {
          typename Simd::Units value[2];
          Simd::values(values + unit * Simd::kDepth * block.value_stride, block.value_stride, value);
          const uint32_t* weights = block.weights + unit * kLanesHere + row;
#pragma GCC unroll 16
          for (int i = 0; i < kTile; ++i) {
            const typename Simd::Units weight = Simd::all(weights + i);
            for (int v = 0; v < 2; ++v) {
              if constexpr (Careful) {
                const auto seen = Simd::seen(allowed + unit * Simd::kDepth, row + i);
                sum[i][v] = Simd::dot(sum[i][v], weight, Simd::both(value[v], seen));
              } else {
                sum[i][v] = Simd::dot(sum[i][v], weight, value[v]);
              }
            }
          }
        }
#pragma GCC unroll 16
        for (int i = 0; i < kTile; ++i) {
          for (int v = 0; v < 2; ++v) Simd::store(to + i * kDims + v * kWidth, sum[i][v]);
        }
      }
    }
  }

  uint32_t* query_ = nullptr;
  float* state_ = nullptr;
  int rows_ = 0;
  int key_units_ = 0;
};

}  // namespace
}  // namespace hadal::cpu
