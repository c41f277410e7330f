// How the SIMD variants share out a selection: rows where there are many, else parts of a row whose selections are
// merged. The choice is exact, so that its parts don't show.
#pragma once

#include "cpu/indexer_logits/drive.h"
#include "cpu/topk/check.h"
#include "cpu/topk/select.h"
#include "cpu/topk/topk.h"

namespace hadal::cpu {
namespace {

// The candidates that one worker found in a row, in ascending order of position.
template <class Lanes>
struct alignas(64) Stream {
  Selection<Lanes> selection;
  int64_t appended;  // Of its candidates, to those of the row.

  static constexpr uint64_t bytes(int64_t topk) { return sizeof(Stream) + selection_bytes(topk); }
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
    const int32_t* table = table_of(args, row);
    for (int64_t i = 0; i < count; ++i) y[i] = slot_of(table, static_cast<uint32_t>(position_of(i)));
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

// Offers the candidates of all streams in ascending order of position: one stream's as far as no other has a lower one.
template <class Lanes>
void append_streams(Stream<Lanes>* streams, int64_t count, Selection<Lanes>& all) {
  const auto head = [](const Stream<Lanes>& stream) {
    return stream.appended < stream.selection.count() ? stream.selection.positions()[stream.appended] : INT32_MAX;
  };
  for (;;) {
    Stream<Lanes>* first = streams;
    int32_t lowest = head(*first);
    int32_t limit = INT32_MAX;
    for (int64_t i = 1; i < count; ++i) {
      const int32_t position = head(streams[i]);
      limit = std::min(limit, std::max(position, lowest));
      if (position > lowest) continue;
      lowest = position;
      first = streams + i;
    }
    if (lowest == INT32_MAX) return;
    const Selection<Lanes>& selection = first->selection;
    const int32_t* begin = selection.positions() + first->appended;
    const int32_t* end = selection.positions() + selection.count();
    const int64_t n = (end[-1] < limit ? end : std::lower_bound(begin, end, limit)) - begin;
    all.append(selection.scores() + first->appended, begin, n);
    first->appended += n;
  }
}

// Parts that each row is cut into, so that every worker has some; `longest` candidates at most are in a row.
[[maybe_unused]] inline int64_t parts_of_row(int64_t m, int64_t longest, int64_t shortest_part, int threads) {
  const int64_t items = 2 * static_cast<int64_t>(threads);
  if (threads == 1 || m >= items) return 1;
  return std::clamp<int64_t>(longest / shortest_part, 1, (items + m - 1) / m);
}

// ---- from memory ----

constexpr int64_t kShortestPart = 16384;

template <class Lanes>
uint64_t topk_workspace(const hd_topk_args& args, int threads) {
  const int64_t parts = parts_of_row(args.m, args.scores_stride, kShortestPart, threads);
  const uint64_t row_bytes = Stream<Lanes>::bytes(args.topk) * static_cast<uint64_t>(parts) + sizeof(float);
  return (selection_bytes(args.topk) + sort_bytes(args.topk)) * static_cast<uint64_t>(threads) +
         (parts > 1 ? row_bytes * static_cast<uint64_t>(args.m) : 0);
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
  auto* streams = reinterpret_cast<Stream<Lanes>*>(workspace + bytes * static_cast<uint64_t>(pool.threads()));
  auto* memory = reinterpret_cast<std::byte*>(streams + args.m * parts);
  auto* bounds = reinterpret_cast<float*>(memory + selection_bytes(args.topk) * static_cast<uint64_t>(args.m * parts));
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    bounds[row] =
        guess_bound<Lanes>(args.scores + row * args.scores_stride, args.visible[row], args.topk, sort_of(worker));
  });
  pool.parallel_for(args.m * parts, [&](int64_t item, int worker) {
    const int64_t row = item / parts;
    const int64_t first = args.visible[row] * (item % parts) / parts / kBatch * kBatch;
    const int64_t last = item % parts + 1 == parts ? args.visible[row]
                                                   : args.visible[row] * (item % parts + 1) / parts / kBatch * kBatch;
    Selection<Lanes> selection(memory + selection_bytes(args.topk) * static_cast<uint64_t>(item), sort_of(worker),
                               args.topk, bounds[row]);
    selection.offer(args.scores + row * args.scores_stride + first, last - first, static_cast<int32_t>(first));
    if (!selection.finish()) nan.report(row, selection.nan_position());
    new (streams + item) Stream<Lanes>{selection, 0};
  });
  if (const int32_t status = nan.refuse("hd_topk")) return status;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    if (takes_all(args, row)) return;
    Stream<Lanes>* streams_of_row = streams + row * parts;
    int64_t found = 0;
    for (int64_t i = 0; i < parts; ++i) found += streams_of_row[i].selection.count();
    if (found < args.topk) {
      choose(row, worker, kNone);
      return;
    }
    auto all = selection_of(worker, kNone);
    append_streams(streams_of_row, parts, all);
    write_selection(args, row, all, nan);
  });
  return nan.refuse("hd_topk");
}

// ---- fused with the indexer's logits ----

// Few rows are streamed by several workers each: a stream takes the next pages of its row that none has taken, so that
// all end together, and keeps a selection of its own.
struct FusedShape {
  int64_t queries;  // In a block that shares expanded keys.
  int64_t streams;  // Of a row; more than one only where a block is one row.
};

[[maybe_unused]] inline FusedShape fused_shape(const hd_indexer_topk_args& args, int threads) {
  constexpr int64_t kShortestStream = 16;  // Pages.
  const int64_t streams = std::min<int64_t>(parts_of_row(args.m, args.max_pages, kShortestStream, threads), threads);
  return {streams > 1 ? 1 : std::clamp<int64_t>(args.m / (4 * static_cast<int64_t>(threads)), 1, kQueryBlock), streams};
}

// The pages of a row that no stream has taken yet.
struct alignas(64) RowPages {
  std::atomic<int64_t> first;

  // [next, stop) for one of `streams`, fewer each time: few runs, and an end at the same time.
  void take(int64_t pages, int64_t streams, int64_t& next, int64_t& stop) {
    next = first.load(std::memory_order_relaxed);
    do {
      stop = std::min(next + std::max<int64_t>((pages - next) / (2 * streams), 2), pages);
    } while (next < stop && !first.compare_exchange_weak(next, stop, std::memory_order_relaxed));
  }
};

template <class Score>
uint64_t fused_worker_bytes(const hd_indexer_topk_args& args, int64_t queries) {
  return IndexScratch<Score>::bytes(args.heads, static_cast<int>(queries)) + sort_bytes(args.topk) +
         selection_bytes(args.topk) * static_cast<uint64_t>(queries);
}

template <class Score, class Lanes>
uint64_t indexer_topk_workspace(const hd_indexer_topk_args& args, int threads) {
  const FusedShape shape = fused_shape(args, threads);
  const uint64_t streams = shape.streams > 1 ? static_cast<uint64_t>(shape.streams * args.m) : 0;
  return fused_worker_bytes<Score>(args, shape.queries) * static_cast<uint64_t>(threads) +
         Stream<Lanes>::bytes(args.topk) * streams +
         (streams > 0 ? sizeof(RowPages) * static_cast<uint64_t>(args.m) : 0);
}

template <class Score, class Lanes>
int32_t run_streams(const hd_indexer_topk_args& args, ThreadPool& pool, std::byte* workspace, int64_t count) {
  const uint64_t bytes = fused_worker_bytes<Score>(args, 1);
  const uint64_t scratch_bytes = IndexScratch<Score>::bytes(args.heads, 1);
  const auto sort_of = [&](int worker) { return workspace + bytes * static_cast<uint64_t>(worker) + scratch_bytes; };
  const uint64_t streams_of_all = static_cast<uint64_t>(args.m * count);
  auto* rows = reinterpret_cast<RowPages*>(workspace + bytes * static_cast<uint64_t>(pool.threads()));
  auto* streams = reinterpret_cast<Stream<Lanes>*>(rows + args.m);
  auto* memory = reinterpret_cast<std::byte*>(streams + streams_of_all);
  for (int32_t row = 0; row < args.m; ++row) new (rows + row) RowPages{0};
  const auto pages_of = [&](int64_t row) { return (args.visible[row] + HD_PAGE_TOKENS - 1) / HD_PAGE_TOKENS; };
  FirstNan nan;
  pool.parallel_for(args.m * count, [&](int64_t item, int worker) {
    const int64_t row = item / count;
    if (args.visible[row] <= args.topk) return;
    auto& scratch = *reinterpret_cast<IndexScratch<Score>*>(workspace + bytes * static_cast<uint64_t>(worker));
    Selection<Lanes> selection(memory + selection_bytes(args.topk) * static_cast<uint64_t>(item), sort_of(worker),
                               args.topk);
    const int32_t* table = table_of(args, row);
    const int64_t pages = pages_of(row);
    int64_t next = 0;
    int64_t stop = 0;
    const auto take = [&]() -> int64_t {
      if (next == stop) rows[row].take(pages, count, next, stop);
      return next < stop ? next++ : -1;
    };
    Score::expand_query(args.q + row * args.heads * HD_INDEX_DIM, args.heads, scratch.query(0, args.heads));
    for_pages<Score>(args.cache, table, true, scratch, take,
                     [&](int64_t p, const float* scales, const auto& keys, const auto& ahead) {
                       Score::score(scratch.query(0, args.heads), args.weights + row * args.heads, args.heads, keys,
                                    scales, scratch.scores, ahead);
                       const int64_t first = p * HD_PAGE_TOKENS;
                       selection.offer(scratch.scores, std::min<int64_t>(args.visible[row] - first, HD_PAGE_TOKENS),
                                       static_cast<int32_t>(first));
                     });
    if (!selection.finish(selection_capacity(args.topk) / count)) nan.report(row, selection.nan_position());
    new (streams + item) Stream<Lanes>{selection, 0};
  });
  if (const int32_t status = nan.refuse("hd_indexer_topk")) return status;
  pool.parallel_for(args.m, [&](int64_t row, int worker) {
    if (takes_all(args, row)) return;
    Selection<Lanes> all(sort_of(worker) + sort_bytes(args.topk), sort_of(worker), args.topk);
    append_streams(streams + row * count, count, all);
    write_selection(args, row, all, nan);
  });
  return nan.refuse("hd_indexer_topk");
}

template <class Score, class Lanes>
int32_t run_indexer_topk(const hd_indexer_topk_args& args, ThreadPool& pool, std::byte* workspace) {
  if (const int32_t status = check_rows(args)) return status;
  const FusedShape shape = fused_shape(args, pool.threads());
  if (shape.streams > 1) return run_streams<Score, Lanes>(args, pool, workspace, shape.streams);
  const uint64_t bytes = fused_worker_bytes<Score>(args, shape.queries);
  const uint64_t scratch_bytes = IndexScratch<Score>::bytes(args.heads, static_cast<int>(shape.queries));
  const auto selection_of = [&](int worker, int64_t query) {
    std::byte* sort = workspace + bytes * static_cast<uint64_t>(worker) + scratch_bytes;
    return Selection<Lanes>(sort + sort_bytes(args.topk) + selection_bytes(args.topk) * static_cast<uint64_t>(query),
                            sort, args.topk);
  };
  FirstNan nan;
  const int64_t blocks = (args.m + shape.queries - 1) / shape.queries;
  pool.parallel_for(blocks, [&](int64_t block, int worker) {
    auto& scratch = *reinterpret_cast<IndexScratch<Score>*>(workspace + bytes * static_cast<uint64_t>(worker));
    const int64_t first = block * shape.queries;
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
      const int32_t* table = table_of(args, begin);
      const auto body = [&](int64_t p, const float* scales, const auto& keys, auto next) {
        for (int64_t row = begin; row < end; ++row) {
          const int64_t left = args.visible[row] - p * HD_PAGE_TOKENS;
          if (args.visible[row] <= args.topk || left <= 0) continue;
          Score::score(scratch.query(static_cast<int>(row - begin), args.heads), args.weights + row * args.heads,
                       args.heads, keys, scales, scratch.scores, std::exchange(next, {}));
          selections[row - begin].offer(scratch.scores, std::min<int64_t>(left, HD_PAGE_TOKENS),
                                        static_cast<int32_t>(p * HD_PAGE_TOKENS));
        }
      };
      int64_t p = 0;
      for_pages<Score>(
          args.cache, table, end - begin == 1, scratch, [&]() -> int64_t { return p < pages ? p++ : -1; }, body);
      for (int64_t row = begin; row < end; ++row) {
        if (!takes_all(args, row)) write_selection(args, row, selections[row - begin], nan);
      }
    }
  });
  return nan.refuse("hd_indexer_topk");
}

}  // namespace
}  // namespace hadal::cpu
