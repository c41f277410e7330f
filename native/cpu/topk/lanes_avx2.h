// The few operations on 8 lanes that a selection is made of. Included by *_avx2.cpp alone.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstdint>

namespace hadal::cpu {
namespace {

// For each mask of 8 lanes the chosen ones, a byte each, lowest first.
constexpr std::array<uint64_t, 256> make_chosen_lanes() {
  std::array<uint64_t, 256> table{};
  for (uint32_t mask = 0; mask < 256; ++mask) {
    int place = 0;
    for (uint64_t lane = 0; lane < 8; ++lane) {
      if ((mask >> lane & 1u) != 0) table[mask] |= lane << (8 * place++);
    }
  }
  return table;
}

constexpr std::array<uint64_t, 256> kChosenLanes = make_chosen_lanes();

struct Lanes {
  static constexpr int kWidth = 8;
  using Floats = __m256;
  using Ints = __m256i;

  static Floats load(const float* x) { return _mm256_loadu_ps(x); }
  static Ints load(const int32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static Ints load(const uint32_t* x) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)); }
  static void store(uint32_t* y, Ints x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), x); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Ints count_from(int32_t first) {
    return _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }

  static uint32_t above_or_unordered(Floats x, Floats y) { return bits(_mm256_cmp_ps(x, y, _CMP_NLE_UQ)); }
  static uint32_t above(Floats x, Floats y) { return bits(_mm256_cmp_ps(x, y, _CMP_GT_OQ)); }
  static uint32_t equal(Floats x, Floats y) { return bits(_mm256_cmp_ps(x, y, _CMP_EQ_OQ)); }
  static uint32_t nan(Floats x) { return bits(_mm256_cmp_ps(x, x, _CMP_UNORD_Q)); }
  static uint32_t has_bit(Ints x, uint32_t bit) {
    const __m256i wanted = _mm256_set1_epi32(static_cast<int>(bit));
    return bits(_mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(x, wanted), wanted)));
  }

  static uint32_t at_least(Ints x, uint32_t y) {
    return bits(
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(x, _mm256_set1_epi32(static_cast<int>(y))), x)));
  }
  static uint32_t at_most(Ints x, uint32_t y) {
    return bits(
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_min_epu32(x, _mm256_set1_epi32(static_cast<int>(y))), x)));
  }

  // The chosen lanes first. All kWidth places are written.
  static void compress(float* y, uint32_t mask, Floats x) {
    _mm256_storeu_ps(y, _mm256_permutevar8x32_ps(x, chosen(mask)));
  }
  static void compress(int32_t* y, uint32_t mask, Ints x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), _mm256_permutevar8x32_epi32(x, chosen(mask)));
  }
  static void compress(uint32_t* y, uint32_t mask, Ints x) { compress(reinterpret_cast<int32_t*>(y), mask, x); }

  // Unsigned integers in the order of the numbers, -0 as +0.
  static Ints keys(Floats x) {
    const __m256i value = _mm256_castps_si256(_mm256_add_ps(x, _mm256_setzero_ps()));
    return _mm256_xor_si256(value, _mm256_or_si256(_mm256_srai_epi32(value, 31), _mm256_set1_epi32(INT32_MIN)));
  }
  static Ints both(Ints x, Ints y) { return _mm256_and_si256(x, y); }
  static Ints either(Ints x, Ints y) { return _mm256_or_si256(x, y); }
  static uint32_t all_of(Ints x) {
    alignas(32) uint32_t lane[8];
    store(lane, x);
    return lane[0] & lane[1] & lane[2] & lane[3] & lane[4] & lane[5] & lane[6] & lane[7];
  }
  static uint32_t any_of(Ints x) {
    alignas(32) uint32_t lane[8];
    store(lane, x);
    return lane[0] | lane[1] | lane[2] | lane[3] | lane[4] | lane[5] | lane[6] | lane[7];
  }

 private:
  static uint32_t bits(__m256 mask) { return static_cast<uint32_t>(_mm256_movemask_ps(mask)); }
  static __m256i chosen(uint32_t mask) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(&kChosenLanes[mask])));
  }
};

}  // namespace
}  // namespace hadal::cpu
