// Exact selection of the topk best of a stream of scores, in memory that does not grow with the stream.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "hadal.h"

namespace hadal::cpu {
namespace {

// Places behind the last that a store of a whole vector may spoil.
constexpr int64_t kSlack = 16;
constexpr int64_t kBatch = 64;

constexpr int64_t selection_capacity(int64_t topk) {
  return 2 * topk + 1024;
}

// Keys of one worker while it chooses.
constexpr uint64_t sort_bytes(int64_t topk) {
  return 2 * sizeof(uint32_t) * static_cast<uint64_t>(selection_capacity(topk) + kSlack);
}

constexpr uint64_t selection_bytes(int64_t topk) {
  return (sizeof(float) + sizeof(int32_t)) * static_cast<uint64_t>(selection_capacity(topk) + kSlack);
}

template <class Lanes>
uint32_t lanes_below(int64_t n) {
  return n >= Lanes::kWidth ? (1u << Lanes::kWidth) - 1u : (1u << n) - 1u;
}

// The k-th largest (from 1) of n keys in a; a and b are spoilt. `ties` is how many keys equal to it are among the k
// largest. Most significant bit first: those that can still be it are moved to the front, so that the work halves.
template <class Lanes>
uint32_t kth_by_bits(uint32_t* a, uint32_t* b, int64_t n, int64_t k, int64_t& ties) {
  constexpr int kWidth = Lanes::kWidth;
  for (int64_t i = n; i % kWidth != 0; ++i) a[i] = a[0];
  typename Lanes::Ints all = Lanes::load(a);
  typename Lanes::Ints any = all;
  for (int64_t i = kWidth; i < n; i += kWidth) {
    all = Lanes::both(all, Lanes::load(a + i));
    any = Lanes::either(any, Lanes::load(a + i));
  }
  uint32_t left = Lanes::all_of(all) ^ Lanes::any_of(any);
  for (; left != 0 && n > kWidth; left ^= std::bit_floor(left)) {
    const uint32_t bit = std::bit_floor(left);
    int64_t ones = 0;
    int64_t zeros = 0;
    for (int64_t i = 0; i < n; i += kWidth) {
      const typename Lanes::Ints keys = Lanes::load(a + i);
      const uint32_t there = lanes_below<Lanes>(n - i);
      const uint32_t one = Lanes::has_bit(keys, bit) & there;
      Lanes::compress(b + zeros, one ^ there, keys);
      Lanes::compress(a + ones, one, keys);
      ones += std::popcount(one);
      zeros += std::popcount(one ^ there);
    }
    if (ones >= k) {
      n = ones;
    } else {
      k -= ones;
      n = zeros;
      std::swap(a, b);
    }
  }
  // The last few are told apart where they are.
  const typename Lanes::Ints keys = Lanes::load(a);
  uint32_t still = lanes_below<Lanes>(n);
  for (; left != 0; left ^= std::bit_floor(left)) {
    const uint32_t one = Lanes::has_bit(keys, std::bit_floor(left)) & still;
    const bool set = std::popcount(one) >= k;
    k -= set ? 0 : std::popcount(one);
    still = set ? one : still ^ one;
  }
  ties = k;
  return a[std::countr_zero(still)];
}

// kth_by_bits, with most keys left out first by two bounds that a sample suggests, about 3 standard deviations apart
// from the k-th.
template <class Lanes>
uint32_t kth_largest(uint32_t* a, uint32_t* b, int64_t n, int64_t k, int64_t& ties) {
  constexpr int kWidth = Lanes::kWidth;
  constexpr int64_t kSample = 256;
  if (n < 4 * kSample) return kth_by_bits<Lanes>(a, b, n, k, ties);
  const auto sampled = [&](int64_t rank) {
    for (int64_t i = 0; i < kSample; ++i) b[i] = a[i * n / kSample];
    return kth_by_bits<Lanes>(b, b + kSample + kSlack, kSample, rank, ties);
  };
  const int64_t rank = k * kSample / n;
  const uint32_t most = rank > 24 ? sampled(rank - 24) : ~0u;
  const uint32_t least = rank < kSample - 24 ? sampled(rank + 24) : 0u;
  int64_t above = 0;
  int64_t between = 0;
  for (int64_t i = 0; i < n; i += kWidth) {
    const typename Lanes::Ints keys = Lanes::load(a + i);
    const uint32_t over = ~Lanes::at_most(keys, most) & lanes_below<Lanes>(n - i);
    const uint32_t kept = ~over & Lanes::at_least(keys, least) & lanes_below<Lanes>(n - i);
    Lanes::compress(b + between, kept, keys);
    above += std::popcount(over);
    between += std::popcount(kept);
  }
  if (above < k && k <= above + between) return kth_by_bits<Lanes>(b, a, between, k - above, ties);
  return kth_by_bits<Lanes>(a, b, n, k, ties);
}

// The candidates so far, in ascending order of position, and a bound: no score at or below it can still be chosen.
template <class Lanes>
class Selection {
 public:
  Selection() = default;

  // `memory`: selection_bytes(topk); `sort`: sort_bytes(topk), shared by the selections of a worker. A bound of NaN
  // takes everything.
  Selection(std::byte* memory, std::byte* sort, int64_t topk, float bound = std::numeric_limits<float>::quiet_NaN())
      : score_(reinterpret_cast<float*>(memory)),
        position_(reinterpret_cast<int32_t*>(score_ + selection_capacity(topk) + kSlack)),
        sort_(reinterpret_cast<uint32_t*>(sort)),
        topk_(topk),
        bound_(bound) {}

  int64_t count() const { return count_; }
  const float* scores() const { return score_; }
  const int32_t* positions() const { return position_; }
  int32_t nan_position() const { return nan_position_; }  // -1 for none.

  // Scores of the positions from `first` on, which are behind all offered before.
  void offer(const float* scores, int64_t n, int32_t first) {
    typename Lanes::Floats bound = Lanes::all(bound_);
    for (int64_t i = 0; i < n; i += kBatch) {
      if (count_ > selection_capacity(topk_) - kBatch) {
        if (!shrink()) return;
        bound = Lanes::all(bound_);
      }
      uint64_t taken = 0;  // A NaN among them, to be found by shrink.
      if (i + kBatch <= n) {
        for (int j = 0; j < kBatch; j += kWidth) {
          taken |= static_cast<uint64_t>(Lanes::above_or_unordered(Lanes::load(scores + i + j), bound)) << j;
        }
      } else {
        for (int64_t j = 0; i + j < n; ++j) taken |= static_cast<uint64_t>(!(scores[i + j] <= bound_)) << j;
      }
      const int64_t count = count_;
      count_ += std::popcount(taken);
      if (count_ - count > kBatch / 8 && i + kBatch <= n) {  // Many: by vectors.
        int64_t place = count;
        for (int j = 0; j < kBatch; j += kWidth) {
          const auto lanes = static_cast<uint32_t>(taken >> j) & lanes_below<Lanes>(kWidth);
          Lanes::compress(score_ + place, lanes, Lanes::load(scores + i + j));
          Lanes::compress(position_ + place, lanes, Lanes::count_from(first + static_cast<int32_t>(i) + j));
          place += std::popcount(lanes);
        }
        continue;
      }
      // So few are taken that a step of four without a branch is nearly always all; what it takes too many, the next
      // step or none overwrites.
      const uint64_t last = uint64_t{1} << (std::min<int64_t>(n - i, kBatch) - 1);
      for (int64_t place = count; place < count_; place += 4) {
        for (int j = 0; j < 4; ++j) {
          const int64_t at = i + std::countr_zero(taken | last);
          score_[place + j] = scores[at];
          position_[place + j] = first + static_cast<int32_t>(at);
          taken &= taken - 1;
        }
      }
    }
  }

  // Candidates of another selection, whose positions are behind all offered before.
  void append(const float* scores, const int32_t* positions, int64_t n) {
    while (n > 0) {
      if (count_ == selection_capacity(topk_) && !shrink()) return;
      const int64_t part = std::min(n, selection_capacity(topk_) - count_);
      std::memcpy(score_ + count_, scores, static_cast<size_t>(part) * sizeof(float));
      std::memcpy(position_ + count_, positions, static_cast<size_t>(part) * sizeof(int32_t));
      count_ += part;
      scores += part;
      positions += part;
      n -= part;
    }
  }

  // Leaves the best topk, or `enough` of which they are some. False where a score was NaN.
  bool finish(int64_t enough = 0) {
    if (nan_position_ >= 0) return false;
    return count_ > std::max(topk_, enough) ? shrink() : !find_nan();
  }

 private:
  static constexpr int kWidth = Lanes::kWidth;

  uint32_t lanes_at(int64_t i) const { return lanes_below<Lanes>(count_ - i); }

  bool find_nan() {
    for (int64_t i = 0; i < count_; i += kWidth) {
      const uint32_t nan = Lanes::nan(Lanes::load(score_ + i)) & lanes_at(i);
      if (nan == 0) continue;
      nan_position_ = position_[i + std::countr_zero(nan)];
      return true;
    }
    return false;
  }

  bool shrink() {
    if (nan_position_ >= 0 || find_nan()) return false;
    for (int64_t i = 0; i < count_; i += kWidth) Lanes::store(sort_ + i, Lanes::keys(Lanes::load(score_ + i)));
    int64_t ties = 0;
    const uint32_t key = kth_largest<Lanes>(sort_, sort_ + selection_capacity(topk_) + kSlack, count_, topk_, ties);
    bound_ = std::bit_cast<float>((key & 0x80000000u) != 0 ? key ^ 0x80000000u : ~key);
    const typename Lanes::Floats bound = Lanes::all(bound_);
    int64_t kept = 0;
    for (int64_t i = 0; i < count_; i += kWidth) {
      const typename Lanes::Floats x = Lanes::load(score_ + i);
      uint32_t equal = Lanes::equal(x, bound) & lanes_at(i);
      for (int64_t surplus = std::popcount(equal) - ties; surplus > 0; --surplus) equal ^= std::bit_floor(equal);
      ties -= std::popcount(equal);
      const uint32_t taken = (Lanes::above(x, bound) & lanes_at(i)) | equal;
      const typename Lanes::Ints positions = Lanes::load(position_ + i);
      Lanes::compress(score_ + kept, taken, x);
      Lanes::compress(position_ + kept, taken, positions);
      kept += std::popcount(taken);
    }
    count_ = kept;
    return true;
  }

  float* score_ = nullptr;
  int32_t* position_ = nullptr;
  uint32_t* sort_ = nullptr;
  int64_t topk_ = 0;
  int64_t count_ = 0;
  float bound_ = 0;
  int32_t nan_position_ = -1;
};

// A bound that topk of n scores and 3 standard deviations more exceed, guessed from a sample; NaN where a guess
// would not pay. A wrong guess shows: fewer than topk are found above it.
template <class Lanes>
float guess_bound(const float* scores, int64_t n, int64_t topk, std::byte* sort) {
  constexpr int64_t kSample = 2048;
  constexpr int64_t kRun = 4;
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  const double expected = static_cast<double>(topk) * kSample / static_cast<double>(n);
  const auto rank = static_cast<int64_t>(expected + 3.0 * std::sqrt(expected) + 2.0);
  if (n < 4 * kSample || rank > kSample / 2 || selection_capacity(topk) < kSample) return kNone;
  auto* keys = reinterpret_cast<uint32_t*>(sort);
  for (int64_t i = 0; i < kSample; i += kRun) {
    std::memcpy(keys + i, scores + i * (n - kRun) / kSample, kRun * sizeof(float));
  }
  for (int64_t i = 0; i < kSample; i += Lanes::kWidth) {
    Lanes::store(keys + i, Lanes::keys(Lanes::load(reinterpret_cast<const float*>(keys) + i)));
  }
  int64_t ties = 0;
  const uint32_t key = kth_largest<Lanes>(keys, keys + selection_capacity(topk) + kSlack, kSample, rank, ties);
  return std::bit_cast<float>((key & 0x80000000u) != 0 ? key ^ 0x80000000u : ~key);
}

}  // namespace
}  // namespace hadal::cpu
