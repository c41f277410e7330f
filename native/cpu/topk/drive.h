// How the SIMD variants share out a selection: rows where there are many, else parts of a row whose selections are
// merged. The choice is exact, so that its parts don't show.
#pragma once

#include "cpu/indexer_logits/drive.h"
#include "cpu/topk/check.h"
#include "cpu/topk/select.h"
#include "cpu/topk/topk.h"

namespace hadal::cpu {
namespace {

// The best of a part of a row.
struct Part {
  float* scores;
  int32_t* positions;
  int64_t* count;

  static constexpr uint64_t bytes(int64_t topk) {
    return (sizeof(float) + sizeof(int32_t)) * static_cast<uint64_t>(topk) + 64;
  }
  static Part at(std::byte* parts, int64_t index, int64_t topk) {
    std::byte* memory = parts + bytes(topk) * static_cast<uint64_t>(index);
    auto* scores = reinterpret_cast<float*>(memory + 64);
    return {scores, reinterpret_cast<int32_t*>(scores + topk), reinterpret_cast<int64_t*>(memory)};
  }

  template <class Lanes>
  void keep(const Selection<Lanes>& selection) const {
    *count = selection.count();
    std::memcpy(scores, selection.scores(), static_cast<size_t>(*count) * sizeof(float));
    std::memcpy(positions, selection.positions(), static_cast<size_t>(*count) * sizeof(int32_t));
  }
};

// Writes a row's choice: position_of(i) for i below count, then -1.
template <class Args, class PositionOf>
void write_row(const Args& args, int64_t row, int64_t count, const PositionOf& position_of) {
  if (args.positions != nullptr) {
    int32_t* y = args.positions + row * args.topk;
    for (int64_t i = 0; i < count; ++i) y[i] = position_of(i);
    for (int64_t i = count; i < args.topk; ++i) y[i] = -1;
  }
  if (args.indices != nullptr) {
    int32_t* y = args.indices + row * args.topk;
    const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[row]) * args.max_pages;
    for (int64_t i = 0; i < count; ++i) {
      const auto position = static_cast<uint32_t>(position_of(i));
      y[i] = table[position / HD_PAGE_TOKENS] * HD_PAGE_TOKENS + static_cast<int32_t>(position % HD_PAGE_TOKENS);
    }
    for (int64_t i = count; i < args.topk; ++i) y[i] = -1;
  }
}

template <class Args>
bool takes_all(const Args& args, int64_t row) {
  if (args.visible[row] > args.topk) return false;
  write_row(args, row, args.visible[row], [](int64_t i) { return static_cast<int32_t>(i); });
  return true;
}

template <class Args, class Lanes>
void write_selection(const Args& args, int64_t row, Selection<Lanes>& selection, FirstNan& nan) {
  if (selection.finish()) {
    write_row(args, row, selection.count(), [&](int64_t i) { return selection.positions()[i]; });
  } else {
    nan.report(row, selection.nan_position());
  }
}

template <class Args, class Lanes>
void merge_parts(const Args& args, int64_t row, std::byte* parts, int64_t parts_of_row, Selection<Lanes>& selection,
                 FirstNan& nan) {
  for (int64_t i = 0; i < parts_of_row; ++i) {
    const Part part = Part::at(parts, row * parts_of_row + i, args.topk);
    selection.append(part.scores, part.positions, *part.count);
  }
  write_selection(args, row, selection, nan);
}

// Parts that each row is cut into, so that every worker has some; `longest` candidates at most are in a row.
[[maybe_unused]] inline int64_t parts_of_row(int64_t m, int64_t longest, int64_t shortest_part, int threads) {
  const int64_t items = 2 * static_cast<int64_t>(threads);
  if (threads == 1 || m >= items) return 1;
  return std::clamp<int64_t>(longest / shortest_part, 1, (items + m - 1) / m);
}

// ---- from memory ----

constexpr int64_t kShortestPart = 16384;

[[maybe_unused]] inline uint64_t topk_workspace(const hd_topk_args& args, int threads) {
  const int64_t parts = parts_of_row(args.m, args.scores_stride, kShortestPart, threads);
  return (selection_bytes(args.topk) + sort_bytes(args.topk)) * static_cast<uint64_t>(threads) +
         (parts > 1
              ? (Part::bytes(args.topk) * static_cast<uint64_t>(parts) + sizeof(float)) * static_cast<uint64_t>(args.m)
              : 0);
}

template <class Lanes>
int32_t run_topk(const hd_topk_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  const uint64_t bytes = selection_bytes(args.topk) + sort_bytes(args.topk);
  const auto sort_of = [&](int worker) { return workspace + bytes * static_cast<uint64_t>(worker); };
  const auto selection_of = [&](int worker, float bound) {
    return Selection<Lanes>(sort_of(worker) + sort_bytes(args.topk), sort_of(worker), args.topk, bound);
  };
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  FirstNan nan;
  const auto choose = [&](int64_t row, int worker, float bound) {
    auto selection = selection_of(worker, bound);
    selection.offer(args.scores + row * args.scores_stride, args.visible[row], 0);
    if (selection.count() < args.topk && selection.nan_position() < 0) {
      selection = selection_of(worker, kNone);  // The guess was too high.
      selection.offer(args.scores + row * args.scores_stride, args.visible[row], 0);
    }
    write_selection(args, row, selection, nan);
  };
  const int64_t parts = parts_of_row(args.m, args.scores_stride, kShortestPart, pool.threads());
  if (parts == 1) {
    pool.parallel_for(args.m, [&](int64_t row, int worker) {
      if (takes_all(args, row)) return;
      choose(row, worker,
             guess_bound<Lanes>(args.scores + row * args.scores_stride, args.visible[row], args.topk, sort_of(worker)));
    });
    return nan.refuse("hd_topk");
  }
  std::byte* places = workspace + bytes * static_cast<uint64_t>(pool.threads());
  auto* bounds = reinterpret_cast<float*>(places + Part::bytes(args.topk) * static_cast<uint64_t>(args.m * parts));
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    bounds[row] =
        guess_bound<Lanes>(args.scores + row * args.scores_stride, args.visible[row], args.topk, sort_of(worker));
  });
  pool.parallel_for(args.m * parts, [&](int64_t item, int worker) {
    const int64_t row = item / parts;
    const int64_t first = args.visible[row] * (item % parts) / parts / kBatch * kBatch;
    const int64_t last = item % parts + 1 == parts ? args.visible[row]
                                                   : args.visible[row] * (item % parts + 1) / parts / kBatch * kBatch;
    auto selection = selection_of(worker, bounds[row]);
    selection.offer(args.scores + row * args.scores_stride + first, last - first, static_cast<int32_t>(first));
    if (!selection.finish()) nan.report(row, selection.nan_position());
    Part::at(places, item, args.topk).keep(selection);
  });
  if (const int32_t status = nan.refuse("hd_topk")) return status;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    if (takes_all(args, row)) return;
    int64_t found = 0;
    for (int64_t i = 0; i < parts; ++i) found += *Part::at(places, row * parts + i, args.topk).count;
    if (found < args.topk) {
      choose(row, worker, kNone);
      return;
    }
    auto selection = selection_of(worker, kNone);
    merge_parts(args, row, places, parts, selection, nan);
  });
  return nan.refuse("hd_topk");
}

// ---- fused with the indexer's logits ----

struct FusedShape {
  int64_t queries;  // In a block that shares expanded keys.
  int64_t parts;    // Of a row's pages; more than one only where a block is one row.
};

[[maybe_unused]] inline FusedShape fused_shape(const hd_indexer_topk_args& args, int threads) {
  const int64_t parts = parts_of_row(args.m, args.max_pages, kSegmentPages, threads);
  return {parts > 1 ? 1 : std::clamp<int64_t>(args.m / (4 * static_cast<int64_t>(threads)), 1, kQueryBlock), parts};
}

template <class Score>
uint64_t fused_worker_bytes(const hd_indexer_topk_args& args, int64_t queries) {
  return IndexScratch<Score>::bytes(args.heads, static_cast<int>(queries)) + sort_bytes(args.topk) +
         selection_bytes(args.topk) * static_cast<uint64_t>(queries);
}

template <class Score>
uint64_t indexer_topk_workspace(const hd_indexer_topk_args& args, int threads) {
  const FusedShape shape = fused_shape(args, threads);
  return fused_worker_bytes<Score>(args, shape.queries) * static_cast<uint64_t>(threads) +
         (shape.parts > 1 ? Part::bytes(args.topk) * static_cast<uint64_t>(shape.parts * args.m) : 0);
}

template <class Score, class Lanes>
int32_t run_indexer_topk(const hd_indexer_topk_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  const FusedShape shape = fused_shape(args, pool.threads());
  const uint64_t bytes = fused_worker_bytes<Score>(args, shape.queries);
  std::byte* places = workspace + bytes * static_cast<uint64_t>(pool.threads());
  const uint64_t scratch_bytes = IndexScratch<Score>::bytes(args.heads, static_cast<int>(shape.queries));
  const auto selection_of = [&](int worker, int64_t query) {
    std::byte* sort = workspace + bytes * static_cast<uint64_t>(worker) + scratch_bytes;
    return Selection<Lanes>(sort + sort_bytes(args.topk) + selection_bytes(args.topk) * static_cast<uint64_t>(query),
                            sort, args.topk);
  };
  FirstNan nan;
  const int64_t blocks = (args.m + shape.queries - 1) / shape.queries;
  pool.parallel_for(blocks * shape.parts, [&](int64_t item, int worker) {
    auto& scratch = *reinterpret_cast<IndexScratch<Score>*>(workspace + bytes * static_cast<uint64_t>(worker));
    const int64_t part = item % shape.parts;
    const int64_t first = item / shape.parts * shape.queries;
    const int64_t last = std::min<int64_t>(first + shape.queries, args.m);
    // Rows of one sequence share their keys.
    for (int64_t begin = first, end = first; begin < last; begin = end) {
      Selection<Lanes> selections[kQueryBlock];
      int64_t pages = 0;
      for (; end < last && args.row_sequence[end] == args.row_sequence[begin]; ++end) {
        if (args.visible[end] <= args.topk) continue;
        pages = std::max<int64_t>(pages, (args.visible[end] + HD_PAGE_TOKENS - 1) / HD_PAGE_TOKENS);
        selections[end - begin] = selection_of(worker, end - begin);
        Score::expand_query(args.q + end * args.heads * HD_INDEX_DIM, args.heads,
                            scratch.query(static_cast<int>(end - begin), args.heads));
      }
      const int32_t* table = args.block_table + static_cast<int64_t>(args.row_sequence[begin]) * args.max_pages;
      const int64_t stop = pages * (part + 1) / shape.parts;
      for (int64_t p = pages * part / shape.parts; p < stop; ++p) {
        const uint8_t* page = index_page(args.cache, table[p]);
        const uint8_t* ahead = p + 1 < stop ? index_page(args.cache, table[p + 1]) : nullptr;
        Score::expand_keys(page, scratch.keys);
        for (int64_t row = begin; row < end; ++row) {
          const int64_t left = args.visible[row] - p * HD_PAGE_TOKENS;
          if (args.visible[row] <= args.topk || left <= 0) continue;
          Score::score(scratch.query(static_cast<int>(row - begin), args.heads), args.weights + row * args.heads,
                       args.heads, scratch.keys, page_scales(page), scratch.scores, std::exchange(ahead, nullptr));
          selections[row - begin].offer(scratch.scores, std::min<int64_t>(left, HD_PAGE_TOKENS),
                                        static_cast<int32_t>(p * HD_PAGE_TOKENS));
        }
      }
      for (int64_t row = begin; row < end; ++row) {
        Selection<Lanes>& selection = selections[row - begin];
        if (shape.parts > 1) {
          if (args.visible[row] <= args.topk) continue;
          if (!selection.finish()) nan.report(row, selection.nan_position());
          Part::at(places, item, args.topk).keep(selection);
        } else if (!takes_all(args, row)) {
          write_selection(args, row, selection, nan);
        }
      }
    }
  });
  if (shape.parts == 1) return nan.refuse("hd_indexer_topk");
  if (const int32_t status = nan.refuse("hd_indexer_topk")) return status;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    if (takes_all(args, row)) return;
    auto selection = selection_of(worker, 0);
    merge_parts(args, row, places, shape.parts, selection, nan);
  });
  return nan.refuse("hd_indexer_topk");
}

}  // namespace
}  // namespace hadal::cpu
