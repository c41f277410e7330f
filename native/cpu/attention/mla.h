// How the SIMD variants share out attention over the MLA cache.
//
// A row's tokens are cut into at most 8 chunks whose length depends on their number alone; each chunk is attended on
// its own, and the chunks are merged in order. So one query's chunks can be shared out and the bits stay.
#pragma once

#include <bit>
#include <cstring>

#include "cpu/attention/attend.h"
#include "cpu/kernel.h"
#include "cpu/mla_cache/mla_page.h"

namespace hadal::cpu {
namespace {

constexpr int kChunks = 8;
constexpr int kMostRows = 128;  // Rows that a worker attends at a time: their sums stay in its L2.

struct MlaCall {
  const std::byte* cache;
  int32_t format;
  int32_t m;
  int32_t heads;
  float softmax_scale;
  const bf16* q;
  bf16* out;
  float* lse;

  template <class Args>
  explicit MlaCall(const Args& args)
      : cache(static_cast<const std::byte*>(args.cache)),
        format(args.format),
        m(args.m),
        heads(args.heads),
        softmax_scale(args.softmax_scale),
        q(static_cast<const bf16*>(args.q)),
        out(static_cast<bf16*>(args.out)),
        lse(args.lse) {}
};

[[maybe_unused]] inline int64_t blocks_of(int64_t tokens) {
  return (tokens + kBlockTokens - 1) / kBlockTokens;
}

// The heads of one query.
template <class Simd>
using MlaRows = AttentionRows<Simd, true>;

// Blocks in a chunk of a row.
[[maybe_unused]] inline int64_t chunk_blocks(int64_t tokens) {
  return std::max<int64_t>(8, (blocks_of(tokens) + kChunks - 1) / kChunks);
}

[[maybe_unused]] inline int64_t chunks_of(int64_t tokens) {
  const int64_t blocks = chunk_blocks(tokens);
  return (blocks_of(tokens) + blocks - 1) / blocks;
}

// What an item of work is: the chunks of a row apart or together, some of its heads, and, where a row has few, several
// rows that share their tokens.
struct MlaPlan {
  int heads;
  int64_t head_blocks;
  int64_t chunks;  // Items that a row's tokens make, at most.
  int queries;
  bool is_apart;

  // `longest`: tokens that a row has at most. Heads are not split for the workspace's size, which is known before the
  // rows' tokens are: split ones want no more.
  MlaPlan(int64_t m, int all_heads, int64_t longest, int threads, bool shares_tokens, bool splits_heads) {
    const auto blocks_of_heads = [&] { return (all_heads + heads - 1) / heads; };
    heads = std::min(all_heads, kMostRows);
    head_blocks = blocks_of_heads();
    // Few rows, or a remainder that would leave workers idle.
    const bool apart = m * head_blocks < 2 * static_cast<int64_t>(threads) && m * head_blocks % threads != 0;
    chunks = apart ? std::max<int64_t>(1, chunks_of(longest)) : 1;
    const int64_t shared = std::min<int64_t>(kMostRows / heads, m * head_blocks / (4 * static_cast<int64_t>(threads)));
    queries = shares_tokens && !apart ? static_cast<int>(std::max<int64_t>(1, shared)) : 1;
    // Each block of heads expands the tokens for itself, which costs about a twentieth: only where workers would idle.
    while (splits_heads && apart && heads > 32 && m * head_blocks * chunks < 4 * static_cast<int64_t>(threads) &&
           m * head_blocks * chunks % threads != 0) {
      heads = (heads / 2 + 31) / 32 * 32;
      head_blocks = blocks_of_heads();
    }
    is_apart = apart;
  }
};

template <class Simd>
struct MlaScratch {
  typename Simd::Tables tables;
  int64_t slots[2][kBlockTokens];

  static uint64_t block_bytes() { return TokenBlock<Simd>::bytes(0); }
  static uint64_t row_bytes(int heads) {
    return MlaRows<Simd>::query_bytes(heads, HD_MLA_DIM / Simd::kDepth) +
           2 * MlaRows<Simd>::state_bytes(heads, HD_LATENT_DIM);
  }
  static uint64_t bytes(const MlaPlan& plan) {
    return (sizeof(MlaScratch) + 63) / 64 * 64 + block_bytes() +
           row_bytes(plan.heads) * static_cast<uint64_t>(plan.queries);
  }
};

template <class Simd>
uint64_t mla_workspace(int64_t m, int heads, int64_t longest, int threads, bool shares_tokens) {
  const MlaPlan plan(m, heads, longest, threads, shares_tokens, false);
  // Halves of a power of two want together what it wants.
  const auto rows = static_cast<int>(std::bit_ceil(static_cast<unsigned>(plan.heads)));
  const uint64_t part = MlaRows<Simd>::state_bytes(rows, HD_LATENT_DIM);
  // Enough for fewer rows too: as their number falls, they are apart and together in turn.
  const int64_t apart = std::min<int64_t>(m * plan.head_blocks, 2 * static_cast<int64_t>(threads) - 1);
  const uint64_t parts = static_cast<uint64_t>(apart * std::max<int64_t>(1, chunks_of(longest))) * part;
  return MlaScratch<Simd>::bytes(plan) * static_cast<uint64_t>(threads) + parts;
}

// One row of an item: its heads' queries, their sums over a chunk, and over the chunks before.
template <class Simd>
struct MlaRow {
  int32_t row;
  int64_t tokens;
  MlaRows<Simd> rows;
  float* chunk;
  float* whole;
};

// Tokens says which tokens a row attends to: int64_t count(row), the columns; int collect(row, block, slots), the slots
// of up to 64 columns from 64 * block on; bool same(a, b), whether two rows' columns name the same tokens.
template <class Simd, class Tokens>
class MlaItem {
 public:
  using Rows = MlaRows<Simd>;

  MlaItem(const MlaCall& call, const Tokens& tokens, const MlaPlan& plan, int64_t head_block, std::byte* memory)
      : call_(call),
        tokens_(tokens),
        scratch_(*reinterpret_cast<MlaScratch<Simd>*>(memory)),
        block_(memory + (sizeof(MlaScratch<Simd>) + 63) / 64 * 64, HD_MLA_DIM, HD_LATENT_DIM, false),
        row_memory_(memory + (sizeof(MlaScratch<Simd>) + 63) / 64 * 64 + MlaScratch<Simd>::block_bytes()),
        row_bytes_(MlaScratch<Simd>::row_bytes(plan.heads)),
        state_floats_(static_cast<int64_t>(Rows::state_bytes(plan.heads, HD_LATENT_DIM) / sizeof(float))),
        first_head_(static_cast<int>(head_block) * plan.heads),
        heads_(std::min(plan.heads, call.heads - first_head_)) {
    scratch_.tables.clear();
  }

  MlaRow<Simd> open(int32_t row, int place) {
    std::byte* memory = row_memory_ + row_bytes_ * static_cast<uint64_t>(place);
    auto* chunk = reinterpret_cast<float*>(memory);
    MlaRow<Simd> opened{row, tokens_.count(row),
                        Rows(memory + 2 * sizeof(float) * static_cast<uint64_t>(state_floats_), chunk), chunk,
                        chunk + state_floats_};
    opened.rows.read(call_.q + (static_cast<int64_t>(row) * call_.heads + first_head_) * HD_MLA_DIM, HD_MLA_DIM, heads_,
                     HD_MLA_DIM);
    return opened;
  }

  // Rows of the same tokens through all their chunks, and out.
  void attend(MlaRow<Simd>* rows, int count) {
    int64_t blocks = 0;
    MlaRow<Simd>* longest = rows;
    for (int i = 0; i < count; ++i) {
      if (rows[i].tokens > longest->tokens) longest = rows + i;
      rows[i].rows.clear(HD_LATENT_DIM);
    }
    blocks = blocks_of(longest->tokens);
    int next = blocks > 0 ? collect(longest->row, 0, 0) : 0;
    while (fetch_ != fetch_end_) fetch();
    for (int64_t block = 0; block < blocks; ++block) {
      const int found = next;
      next = block + 1 < blocks ? collect(longest->row, block + 1, (block + 1) % 2) : 0;
      begin(block % 2);
      const int64_t end = (block + 1) * kBlockTokens;
      for (int i = 0; i < count; ++i) {
        if (rows[i].tokens >= std::min(end, longest->tokens)) add(rows[i], found);
      }
      for (int i = 0; i < count; ++i) {
        // Its last tokens are not the block's: a row must not touch what it may not see, which could be NaN.
        const int64_t left = rows[i].tokens - block * kBlockTokens;
        if (left > 0 && rows[i].tokens < std::min(end, longest->tokens)) {
          begin(block % 2);
          add(rows[i], static_cast<int>(left));
        }
      }
      for (int i = 0; i < count; ++i) end_block(rows[i], block);
    }
    for (int i = 0; i < count; ++i) write(rows[i]);
  }

  // One chunk of a row into `state`. The chunk `soon` of the same row is likely to be this worker's next.
  void attend_chunk(MlaRow<Simd>& row, int64_t chunk, int64_t soon, float* state) {
    row.rows.use_state(state);
    row.rows.clear(HD_LATENT_DIM);
    const int64_t first = chunk * chunk_blocks(row.tokens);
    const int64_t last = std::min(first + chunk_blocks(row.tokens), blocks_of(row.tokens));
    int next = first < last ? collect(row.row, first, first % 2) : 0;
    while (fetch_ != fetch_end_) fetch();
    for (int64_t block = first; block < last; ++block) {
      const int found = next;
      const int64_t following = block + 1 < last ? block + 1 : soon * chunk_blocks(row.tokens);
      next = following < blocks_of(row.tokens) ? collect(row.row, following, (block + 1) % 2) : 0;
      begin(block % 2);
      add(row, found);
    }
  }

  // The chunks of a row, which lie one after the other from `state` on, and out.
  void merge_chunks(int32_t row, float* state) {
    MlaRow<Simd> merged{row, tokens_.count(row), Rows(nullptr, state), state, nullptr};
    merged.rows.use_rows(heads_);
    for (int64_t chunk = 1; chunk < chunks_of(merged.tokens); ++chunk) {
      merged.rows.merge(state + chunk * state_floats_, HD_LATENT_DIM);
    }
    write(merged);
  }

 private:
  int collect(int32_t row, int64_t block, int64_t place) {
    int64_t* slots = scratch_.slots[place];
    const int count = tokens_.collect(row, block, slots);
    fetch_ = slots;
    fetch_end_ = slots + count;
    return count;
  }

  // Fetches the next of the tokens collected last. One at a time: of many at once the processor would drop most.
  void fetch() {
    if (fetch_ == fetch_end_) return;
    const int64_t bytes = token_bytes(call_.format);
    const std::byte* token = call_.cache + *fetch_++ * bytes;
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(token + at);
    __builtin_prefetch(token + bytes - 1);
  }

  // The tokens in `place` become the block's, which are expanded as they are wanted.
  void begin(int64_t place) {
    slots_ = scratch_.slots[place];
    expanded_ = 0;
    block_.has_rest = false;
  }

  const std::byte* token_at(int token) const { return call_.cache + slots_[token] * token_bytes(call_.format); }

  // What Rows::attend asks for.
  struct Source {
    MlaItem& item;

    // The first `count` tokens of the block.
    void expand(int count) const {
      if (item.expanded_ >= count) return;
      Simd::expand(item.call_.cache, item.call_.format, item.slots_, item.expanded_, count, item.block_,
                   item.scratch_.tables);
      item.expanded_ = count;
    }
    void fetch() const { item.fetch(); }

    // Whether tokens [first, first + 4) are the next to expand, and exact in bf16.
    bool begin_parts(int first, int count) const {
      if (item.expanded_ != first || first + 4 > count || item.block_.has_rest || !is_fp8(item.call_.format))
        return false;
      for (int i = 0; i < 4; ++i) {
        if (Simd::is_rounded(item.token_at(first + i))) return false;
      }
      return true;
    }
    struct Part {
      const std::byte* token;
      uint32_t* key;
    };
    Part part(int index) const {
      const int token = item.expanded_ + index;
      return {item.token_at(token), item.block_.keys + token * TokenBlock<Simd>::kKeyStride};
    }
    [[gnu::always_inline]] void expand_part(const Part& part, int quarter) const {
      Simd::expand_part(part.token, quarter, part.key, item.scratch_.tables);
    }
    void end_parts() const { item.expanded_ += 4; }
  };

  void add(MlaRow<Simd>& row, int count) {
    if (count > 0) row.rows.attend(block_, count, call_.softmax_scale, nullptr, false, Source{*this});
  }

  void end_block(MlaRow<Simd>& row, int64_t block) {
    const int64_t blocks = blocks_of(row.tokens);
    const int64_t length = chunk_blocks(row.tokens);
    if (block >= blocks || ((block + 1) % length != 0 && block + 1 != blocks)) return;
    // The first chunk becomes the whole; the others are merged into it.
    if (block < length) {
      std::swap(row.chunk, row.whole);
    } else {
      row.rows.use_state(row.whole);
      row.rows.merge(row.chunk, HD_LATENT_DIM);
    }
    row.rows.use_state(row.chunk);
    if (block + 1 < blocks) row.rows.clear(HD_LATENT_DIM);
  }

  void write(MlaRow<Simd>& row) {
    if (row.tokens > 0 && row.whole != nullptr) row.rows.use_state(row.whole);
    const int64_t first = static_cast<int64_t>(row.row) * call_.heads + first_head_;
    row.rows.write(HD_LATENT_DIM, call_.out + first * HD_LATENT_DIM, HD_LATENT_DIM,
                   call_.lse == nullptr ? nullptr : call_.lse + first);
  }

  const MlaCall& call_;
  const Tokens& tokens_;
  MlaScratch<Simd>& scratch_;
  TokenBlock<Simd> block_;
  std::byte* row_memory_;
  uint64_t row_bytes_;
  int64_t state_floats_;
  int first_head_;
  int heads_;
  const int64_t* slots_ = nullptr;  // Of the block.
  int expanded_ = 0;                // How many of its tokens are expanded.
  const int64_t* fetch_ = nullptr;  // What is still to fetch of the block collected last.
  const int64_t* fetch_end_ = nullptr;
};

template <class Simd, class Tokens>
void run_mla(const MlaCall& call, const Tokens& tokens, bool shares_tokens, ThreadPool& pool, std::byte* workspace) {
  int64_t longest = 0;
  for (int32_t row = 0; row < call.m; ++row) longest = std::max(longest, tokens.count(row));
  const MlaPlan plan(call.m, call.heads, longest, pool.threads(), shares_tokens, true);
  const uint64_t bytes = MlaScratch<Simd>::bytes(plan);
  const auto item_of = [&](int64_t head_block, int worker) {
    return MlaItem<Simd, Tokens>(call, tokens, plan, head_block, workspace + bytes * static_cast<uint64_t>(worker));
  };
  if (!plan.is_apart) {
    const int64_t groups = (call.m + plan.queries - 1) / plan.queries;
    pool.parallel_for(groups * plan.head_blocks, [&](int64_t index, int worker) {
      auto item = item_of(index % plan.head_blocks, worker);
      const auto first = static_cast<int32_t>(index / plan.head_blocks * plan.queries);
      const int32_t last = std::min(first + plan.queries, call.m);
      MlaRow<Simd> rows[kMostRows];
      for (int32_t begin = first, end = first; begin < last; begin = end) {
        for (; end < last && tokens.same(begin, end); ++end) rows[end - begin] = item.open(end, end - begin);
        item.attend(rows, end - begin);
      }
    });
    return;
  }
  auto* parts = reinterpret_cast<float*>(workspace + bytes * static_cast<uint64_t>(pool.threads()));
  const auto part_of = [&](int64_t row, int64_t head_block, int64_t chunk) {
    return parts + ((row * plan.head_blocks + head_block) * plan.chunks + chunk) *
                       static_cast<int64_t>(MlaRows<Simd>::state_bytes(plan.heads, HD_LATENT_DIM) / sizeof(float));
  };
  pool.parallel_for(call.m * plan.head_blocks * plan.chunks, [&](int64_t index, int worker) {
    const int64_t chunk = index % plan.chunks;
    const int64_t head_block = index / plan.chunks % plan.head_blocks;
    const auto row = static_cast<int32_t>(index / plan.chunks / plan.head_blocks);
    if (chunk > 0 && chunk >= chunks_of(tokens.count(row))) return;
    auto item = item_of(head_block, worker);
    auto opened = item.open(row, 0);
    item.attend_chunk(opened, chunk, chunk + 1, part_of(row, head_block, chunk));
  });
  pool.parallel_for(call.m * plan.head_blocks, [&](int64_t index, int worker) {
    const auto row = static_cast<int32_t>(index / plan.head_blocks);
    item_of(index % plan.head_blocks, worker).merge_chunks(row, part_of(row, index % plan.head_blocks, 0));
  });
}

}  // namespace
}  // namespace hadal::cpu
