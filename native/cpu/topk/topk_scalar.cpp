#include <algorithm>
#include <cmath>

#include "cpu/indexer_logits/score_scalar.h"
#include "cpu/topk/check.h"
#include "cpu/topk/topk.h"

namespace hadal::cpu {
namespace {

struct Candidate {
  float score;
  int32_t position;
};

bool before(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.position < b.position);
}

// Keeps the best topk of all candidates offered, in 2 * topk places.
class Selection {
 public:
  Selection(Candidate* places, int64_t topk) : places_(places), topk_(topk) {}

  void offer(float score, int32_t position) {
    places_[count_++] = {score, position};
    if (count_ == 2 * topk_) shrink();
  }

  // The chosen positions, ascending, then -1.
  void finish(int32_t* positions) {
    if (count_ > topk_) shrink();
    std::sort(places_, places_ + count_,
              [](const Candidate& a, const Candidate& b) { return a.position < b.position; });
    for (int64_t i = 0; i < topk_; ++i) positions[i] = i < count_ ? places_[i].position : -1;
  }

 private:
  void shrink() {
    std::nth_element(places_, places_ + topk_, places_ + count_, before);
    count_ = topk_;
  }

  Candidate* places_;
  int64_t topk_;
  int64_t count_ = 0;
};

uint64_t bytes_of_worker(int64_t topk) {
  return static_cast<uint64_t>(topk) * (2 * sizeof(Candidate) + sizeof(int32_t));
}

// Scores a row's candidates, chooses, and writes positions and slots. Returns false at a NaN.
template <class Args, class Score>
bool choose(const Args& args, int64_t row, std::byte* scratch, const Score& score, FirstNan& nan) {
  auto* places = reinterpret_cast<Candidate*>(scratch);
  auto* chosen = reinterpret_cast<int32_t*>(places + 2 * args.topk);
  const int32_t visible = args.visible[row];
  if (visible <= args.topk) {
    for (int32_t i = 0; i < args.topk; ++i) chosen[i] = i < visible ? i : -1;
  } else {
    Selection selection(places, args.topk);
    for (int32_t position = 0; position < visible; ++position) {
      const float value = score(position);
      if (std::isnan(value)) {
        nan.report(row, position);
        return false;
      }
      selection.offer(value, position);
    }
    selection.finish(chosen);
  }
  for (int64_t i = 0; i < args.topk; ++i) {
    const int32_t position = chosen[i];
    if (args.positions != nullptr) args.positions[row * args.topk + i] = position;
    if (args.indices != nullptr)
      args.indices[row * args.topk + i] =
          position < 0 ? -1 : slot_of(table_of(args, row), static_cast<uint32_t>(position));
  }
  return true;
}

}  // namespace

uint64_t TopkScalar::workspace(const Args& args, int threads) {
  return bytes_of_worker(args.topk) * static_cast<uint64_t>(threads);
}

int32_t TopkScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  FirstNan nan;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    const float* scores = args.scores + row * args.scores_stride;
    choose(
        args, row, workspace + bytes_of_worker(args.topk) * static_cast<uint64_t>(worker),
        [&](int32_t position) { return scores[position]; }, nan);
  });
  return nan.refuse("hd_topk");
}

uint64_t IndexerTopkScalar::workspace(const Args& args, int threads) {
  return bytes_of_worker(args.topk) * static_cast<uint64_t>(threads);
}

int32_t IndexerTopkScalar::run(const Args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  FirstNan nan;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    IndexQuery query;
    query.read(args.q + row * args.heads * HD_INDEX_DIM, args.weights + row * args.heads, args.heads);
    const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[row]) * args.max_pages;
    choose(
        args, row, workspace + bytes_of_worker(args.topk) * static_cast<uint64_t>(worker),
        [&](int32_t position) {
          const IndexKey key = IndexKey::at(args.cache, table[position / HD_PAGE_TOKENS], position % HD_PAGE_TOKENS);
          return query.score(key.codes, key.scale);
        },
        nan);
  });
  return nan.refuse("hd_indexer_topk");
}

}  // namespace hadal::cpu
