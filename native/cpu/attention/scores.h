// Scores of a block's tokens, rows in lanes: part of attend.h.
#pragma once

#include <algorithm>

#include "cpu/attention/token_block.h"

namespace hadal::cpu {
namespace {

// sum[t] += q . keys[t] over the first units, keys: [kTile, kKeyStride]
template <class Simd, int Vectors, int kTile>
[[gnu::always_inline]] inline void add_dots(const uint32_t* q, const uint32_t* keys, int units,
                                            typename Simd::Floats (&sum)[kTile][Vectors]) {
#pragma GCC unroll 4
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

// Units [first, end) of kTile tokens from `token` on, added to what the units before gave.
template <class Simd, int Vectors, int kTile, class Source>
[[gnu::always_inline]] inline void score_tile(const uint32_t* q, const TokenBlock<Simd>& block, int token, int first,
                                              int end, float softmax_scale, const Source& source) {
  constexpr int kWidth = Simd::kWidth;
  constexpr int kStepUnits = 32;
  float* scores = block.scores + token * Vectors * kWidth;
  const int keys = token * TokenBlock<Simd>::kKeyStride;
  typename Simd::Floats sum[kTile][Vectors] = {};
  if (first > 0) {
#pragma GCC unroll 16
    for (int t = 0; t < kTile; ++t) {
      for (int v = 0; v < Vectors; ++v) sum[t][v] = Simd::load(scores + (t * Vectors + v) * kWidth);
    }
  }
  for (int unit = first; unit < end; unit += kStepUnits) {
    source.fetch();
    add_dots<Simd, Vectors>(q + unit * Vectors * kWidth, block.keys + keys + unit, std::min(kStepUnits, end - unit),
                            sum);
  }
  const bool last = end == block.key_units;
  if (last && block.has_rest) add_dots<Simd, Vectors>(q, block.rest + keys, Simd::kRoundedUnits, sum);
  const typename Simd::Floats scale = Simd::all(last ? softmax_scale : 1.0f);
#pragma GCC unroll 16
  for (int t = 0; t < kTile; ++t) {
    for (int v = 0; v < Vectors; ++v) Simd::store(scores + (t * Vectors + v) * kWidth, Simd::mul(sum[t][v], scale));
  }
}

// block.scores = softmax_scale * q . k; rows of scores from count on are spoilt. The query is taken in chunks, each of
// which may stay in the first-level cache while all tokens pass.
template <class Simd, int Vectors, class Source>
[[gnu::noinline]] void score(const uint32_t* q, const TokenBlock<Simd>& block, int count, float softmax_scale,
                             const Source& source) {
  constexpr int kTile = Simd::kSums / Vectors;
  constexpr int kRest = kBlockTokens % kTile;
  for (int first = 0; first < block.key_units; first += Simd::kChunkUnits) {
    const int end = std::min(first + Simd::kChunkUnits, block.key_units);
    int token = 0;
    for (; token + kRest < count; token += kTile) {
      source.expand(std::min(token + kTile, count));
      score_tile<Simd, Vectors, kTile>(q, block, token, first, end, softmax_scale, source);
    }
    if constexpr (kRest > 0) {
      if (token < count) {
        source.expand(count);
        score_tile<Simd, Vectors, kRest>(q, block, token, first, end, softmax_scale, source);
      }
    }
  }
}

template <class Simd>
[[gnu::always_inline]] inline void add_quads(const uint32_t* q, const uint32_t* keys, int units,
                                             typename Simd::Floats (&sum)[4][4]) {
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

// score<1> of MLA's keys with four units of a row side by side, as Simd::quads has them: half the loads.
template <class Simd, class Source>
void score_quads(const uint32_t* q, const TokenBlock<Simd>& block, int count, float softmax_scale,
                 const Source& source) {
  constexpr int kWidth = Simd::kWidth;
  constexpr int kTile = 4;
  constexpr int kStepUnits = 16;
  constexpr int kSteps = HD_MLA_DIM / Simd::kDepth / kStepUnits;
  for (int token = 0; token < count; token += kTile) {
    source.expand(std::min(token + kTile, count));
    typename Simd::Floats sum[kTile][4] = {};
    const uint32_t* keys = block.keys + token * TokenBlock<Simd>::kKeyStride;
    const auto step = [&](int index) __attribute__((always_inline)) {
      add_quads<Simd>(q + index * kStepUnits * kWidth, keys + index * kStepUnits, kStepUnits, sum);
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
    if (block.has_rest) add_quads<Simd>(q, block.rest + token * TokenBlock<Simd>::kKeyStride, Simd::kRoundedUnits, sum);
#pragma GCC unroll 16
    for (int t = 0; t < kTile; ++t) {
      Simd::store(block.scores + (token + t) * kWidth, Simd::mul(Simd::sum_quads(sum[t]), Simd::all(softmax_scale)));
    }
  }
}

}  // namespace
}  // namespace hadal::cpu
