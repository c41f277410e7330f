// The AVX-512 intrinsics of the kernels on AVX2, FMA and F16C, with the bits of the instructions: SIMDe's, and our own
// where SIMDe 0.7.4 lacks one or gives other bits. The compiler includes this before a source that it compiles for the
// emulation (-include), whose own #include <immintrin.h> then adds nothing. intrinsics_test.cpp compares all of them
// with the instructions where the processor has them, and our own with models everywhere.
#pragma once

#include <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

#include <cstdint>
#include <cstring>
#include <functional>

namespace hadal::simde {

// The lanes of a vector, or of as many of its bytes.
template <class T, int kBytes = 64>
struct Lanes {
  static constexpr int kCount = kBytes / static_cast<int>(sizeof(T));
  T at[kCount];
};

template <class To, class From>
[[gnu::always_inline]] inline To bits_as(const From& x) {
  return __builtin_bit_cast(To, x);
}

template <class Half>
struct Parts {
  Half lower, upper;
};

// A load or store that wants its address aligned faults where it is not, as the instruction does.
template <class T>
[[gnu::always_inline]] inline T* aligned(T* address) {
  if (reinterpret_cast<uintptr_t>(address) % 64 != 0) __builtin_trap();
  return address;
}

// Lanes without their bit in the mask are zero and not read.
template <class Vector, class T>
[[gnu::always_inline]] inline Vector load(uint64_t mask, const void* from) {
  Lanes<T, sizeof(Vector)> y{};
  for (int i = 0; i < y.kCount; ++i) {
    if (mask >> i & 1) std::memcpy(&y.at[i], static_cast<const char*>(from) + i * sizeof(T), sizeof(T));
  }
  return bits_as<Vector>(y);
}

// Lanes without their bit in the mask are not written.
template <class T, class Vector>
[[gnu::always_inline]] inline void store(void* to, uint64_t mask, const Vector& value) {
  const auto x = bits_as<Lanes<T, sizeof(Vector)>>(value);
  for (int i = 0; i < x.kCount; ++i) {
    if (mask >> i & 1) std::memcpy(static_cast<char*>(to) + i * sizeof(T), &x.at[i], sizeof(T));
  }
}

template <class Mask, class T, template <class> class Compare, class Vector>
[[gnu::always_inline]] inline Mask compare(const Vector& a, const Vector& b) {
  const auto x = bits_as<Lanes<T, sizeof(Vector)>>(a);
  const auto y = bits_as<Lanes<T, sizeof(Vector)>>(b);
  Mask mask = 0;
  for (int i = 0; i < x.kCount; ++i) mask |= static_cast<Mask>(Mask{Compare<T>()(x.at[i], y.at[i])} << i);
  return mask;
}

// Each lane as another, wider or narrower, integer; the narrower takes the low bits.
template <class To, class FromLane, class ToLane, class From>
[[gnu::always_inline]] inline To convert(const From& value) {
  const auto x = bits_as<Lanes<FromLane, sizeof(From)>>(value);
  Lanes<ToLane, sizeof(To)> y;
  static_assert(x.kCount == y.kCount);
  for (int i = 0; i < x.kCount; ++i) y.at[i] = static_cast<ToLane>(x.at[i]);
  return bits_as<To>(y);
}

inline __mmask16 mm256_cmpeq_epi16_mask(__m256i a, __m256i b) {
  return compare<__mmask16, int16_t, std::equal_to>(a, b);
}

inline __mmask32 mm512_cmpeq_epi16_mask(__m512i a, __m512i b) {
  return compare<__mmask32, int16_t, std::equal_to>(a, b);
}

inline __mmask16 mm512_cmplt_epi32_mask(__m512i a, __m512i b) {
  return compare<__mmask16, int32_t, std::less>(a, b);
}

inline __m512i mm512_cvtepu8_epi32(__m128i x) {
  return convert<__m512i, uint8_t, uint32_t>(x);
}

inline __m512i mm512_cvtepu16_epi32(__m256i x) {
  return convert<__m512i, uint16_t, uint32_t>(x);
}

inline __m128i mm512_cvtepi32_epi8(__m512i x) {
  return convert<__m128i, uint32_t, uint8_t>(x);
}

inline __m128i mm256_cvtepi16_epi8(__m256i x) {
  return convert<__m128i, uint16_t, uint8_t>(x);
}

inline __m512 mm512_cvtph_ps(__m256i x) {
  const auto y = bits_as<Parts<__m128i>>(x);
  return bits_as<__m512>(Parts<__m256>{_mm256_cvtph_ps(y.lower), _mm256_cvtph_ps(y.upper)});
}

inline __m128i mm_maskz_loadu_epi8(__mmask16 mask, const void* from) {
  return load<__m128i, uint8_t>(mask, from);
}

inline __m256i mm256_maskz_loadu_epi16(__mmask16 mask, const void* from) {
  return load<__m256i, uint16_t>(mask, from);
}

inline __m512i mm512_maskz_loadu_epi16(__mmask32 mask, const void* from) {
  return load<__m512i, uint16_t>(mask, from);
}

inline __m512 mm512_maskz_loadu_ps(__mmask16 mask, const void* from) {
  return load<__m512, float>(mask, from);
}

inline void mm256_mask_storeu_epi16(void* to, __mmask16 mask, __m256i x) {
  store<uint16_t>(to, mask, x);
}

inline void mm512_mask_storeu_ps(void* to, __mmask16 mask, __m512 x) {
  store<float>(to, mask, x);
}

inline __m512 mm512_load_ps(const void* from) {
  return *static_cast<const __m512*>(aligned(from));
}

inline __m512i mm512_load_si512(const void* from) {
  return *static_cast<const __m512i*>(aligned(from));
}

inline void mm512_store_ps(void* to, __m512 x) {
  *static_cast<__m512*>(aligned(to)) = x;
}

inline void mm512_store_si512(void* to, __m512i x) {
  *static_cast<__m512i*>(aligned(to)) = x;
}

// SIMDe's leaves the sign of a zero and of a NaN.
inline __m512 mm512_abs_ps(__m512 x) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)));
}

inline __m512i mm512_srai_epi32(__m512i x, unsigned count) {
  const auto y = bits_as<Parts<__m256i>>(x);
  const int bits = static_cast<int>(count);
  return bits_as<__m512i>(Parts<__m256i>{_mm256_srai_epi32(y.lower, bits), _mm256_srai_epi32(y.upper, bits)});
}

inline __m256 mm512_extractf32x8_ps(__m512 x, int half) {
  const auto y = bits_as<Parts<__m256>>(x);
  return half == 0 ? y.lower : y.upper;
}

inline __m512 mm512_permute_ps(__m512 value, int control) {
  const auto x = bits_as<Lanes<float>>(value);
  Lanes<float> y;
  for (int i = 0; i < x.kCount; ++i) y.at[i] = x.at[i / 4 * 4 + (control >> i % 4 * 2 & 3)];
  return bits_as<__m512>(y);
}

inline __m512 mm512_shuffle_f32x4(__m512 a, __m512 b, int control) {
  const auto x = bits_as<Lanes<__m128>>(a), y = bits_as<Lanes<__m128>>(b);
  return bits_as<__m512>(Lanes<__m128>{x.at[control & 3], x.at[control >> 2 & 3], y.at[control >> 4 & 3],  //
                                       y.at[control >> 6 & 3]});
}

inline int32_t mm512_reduce_and_epi32(__m512i value) {
  int32_t all = -1;
  for (const int32_t x : bits_as<Lanes<int32_t>>(value).at) all &= x;
  return all;
}

inline int32_t mm512_reduce_or_epi32(__m512i value) {
  int32_t any = 0;
  for (const int32_t x : bits_as<Lanes<int32_t>>(value).at) any |= x;
  return any;
}

// A sequence of instructions: GCC's.
inline float mm512_reduce_max_ps(__m512 value) {
  const auto x = bits_as<Parts<__m256>>(value);
  const auto y = bits_as<Parts<__m128>>(_mm256_max_ps(x.upper, x.lower));
  __m128 most = _mm_max_ps(y.upper, y.lower);
  most = _mm_max_ps(most, _mm_movehl_ps(most, most));
  return _mm_cvtss_f32(_mm_max_ps(most, _mm_shuffle_ps(most, most, 1)));
}

// a * 2^floor(b) in one rounding; SIMDe's flushes denormals. (Intel SDM, volume 2: the special cases of VSCALEFPS.)
inline __m512 mm512_scalef_ps(__m512 a, __m512 b) {
  auto x = bits_as<Lanes<float>>(a);
  const auto power = bits_as<Lanes<float>>(b);
  for (int i = 0; i < x.kCount; ++i) {
    const float n = __builtin_floorf(power.at[i]);
    const bool infinite = __builtin_isinf(n) != 0;
    const bool quiet = (bits_as<uint32_t>(x.at[i]) & 0x00400000u) != 0;
    if (x.at[i] != x.at[i] || n != n) {
      const float nan = x.at[i] != x.at[i] ? x.at[i] : n;
      x.at[i] = infinite && quiet ? (n < 0 ? 0.0f : n) : nan + 0.0f;
    } else if (infinite) {
      x.at[i] *= n < 0 ? 0.0f : n;
    } else {
      // Exact in f64; a power beyond 400 is as good as 400.
      const int exponent = n < -400 ? -400 : n > 400 ? 400 : static_cast<int>(n);
      x.at[i] = static_cast<float>(x.at[i] * bits_as<double>(static_cast<uint64_t>(1023 + exponent) << 52));
    }
  }
  return bits_as<__m512>(x);
}

// VCVTNEPS2BF16 of a lane: nearest even, denormals to zero of their sign, NaN quiet.
[[gnu::always_inline]] inline uint16_t to_bf16(uint32_t x) {
  if ((x & 0x7f800000u) == 0) return static_cast<uint16_t>(x >> 16 & 0x8000u);
  if ((x & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>(x >> 16 | 0x40u);
  return static_cast<uint16_t>((x + 0x7fffu + (x >> 16 & 1)) >> 16);
}

inline __m256bh mm512_cvtneps_pbh(__m512 value) {
  const auto x = bits_as<Lanes<uint32_t>>(value);
  Lanes<uint16_t, 32> y;
  for (int i = 0; i < x.kCount; ++i) y.at[i] = to_bf16(x.at[i]);
  return bits_as<__m256bh>(y);
}

// The upper half is zero.
inline __m128bh mm_cvtneps_pbh(__m128 value) {
  const auto x = bits_as<Lanes<uint32_t, 16>>(value);
  return bits_as<__m128bh>(Lanes<uint16_t, 16>{to_bf16(x.at[0]), to_bf16(x.at[1]), to_bf16(x.at[2]), to_bf16(x.at[3])});
}

inline __m512bh mm512_cvtne2ps_pbh(__m512 upper, __m512 lower) {
  return bits_as<__m512bh>(Parts<__m256bh>{mm512_cvtneps_pbh(lower), mm512_cvtneps_pbh(upper)});
}

// VDPBF16PS: two fused multiply-adds a lane, of the upper bf16 of each pair first, then of the lower ones. Each rounds
// to nearest even, takes denormals for zero and flushes its result to zero; MXCSR is neither consulted nor updated.
// (Intel SDM, volume 2: the operation of VDPBF16PS, "FP32 FMA with daz in, ftz out and RNE rounding", and its table of
// NaN priorities, which is that of two such FMAs.) Here it is the FMA of AVX with MXCSR set so, in one piece of
// assembly because the compiler moves arithmetic past a change of MXCSR.
inline __m256 dpbf16_ps(__m256 sum, __m256i a, __m256i b) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xffff0000u));
  const uint32_t flushing = 0x9fc0;  // FTZ, to nearest, every exception masked, DAZ.
  uint32_t saved;
  __asm__(
      "vstmxcsr %[saved]\n\t"
      "vldmxcsr %[flushing]\n\t"
      "vfmadd231ps %[b1], %[a1], %[sum]\n\t"
      "vfmadd231ps %[b0], %[a0], %[sum]\n\t"
      "vldmxcsr %[saved]"
      : [sum] "+&x"(sum), [saved] "=&m"(saved)
      : [flushing] "m"(flushing), [a1] "x"(_mm256_and_si256(a, upper)), [b1] "x"(_mm256_and_si256(b, upper)),
        [a0] "x"(_mm256_slli_epi32(a, 16)), [b0] "x"(_mm256_slli_epi32(b, 16)));
  return sum;
}

inline __m512 mm512_dpbf16_ps(__m512 sum, __m512bh a, __m512bh b) {
  const auto s = bits_as<Parts<__m256>>(sum);
  const auto x = bits_as<Parts<__m256i>>(a), y = bits_as<Parts<__m256i>>(b);
  return bits_as<__m512>(Parts<__m256>{dpbf16_ps(s.lower, x.lower, y.lower), dpbf16_ps(s.upper, x.upper, y.upper)});
}

}  // namespace hadal::simde

#undef _mm256_cmpeq_epi16_mask
#undef _mm256_cvtepi16_epi8
#undef _mm256_mask_storeu_epi16
#undef _mm256_maskz_loadu_epi16
#undef _mm512_abs_ps
#undef _mm512_cmpeq_epi16_mask
#undef _mm512_cmplt_epi32_mask
#undef _mm512_cvtepi32_epi8
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepu8_epi32
#undef _mm512_cvtne2ps_pbh
#undef _mm512_cvtneps_pbh
#undef _mm512_cvtph_ps
#undef _mm512_dpbf16_ps
#undef _mm512_extractf32x8_ps
#undef _mm512_load_ps
#undef _mm512_load_si512
#undef _mm512_mask_storeu_ps
#undef _mm512_maskz_loadu_epi16
#undef _mm512_maskz_loadu_ps
#undef _mm512_permute_ps
#undef _mm512_reduce_and_epi32
#undef _mm512_reduce_max_ps
#undef _mm512_reduce_or_epi32
#undef _mm512_scalef_ps
#undef _mm512_shuffle_f32x4
#undef _mm512_srai_epi32
#undef _mm512_store_ps
#undef _mm512_store_si512
#undef _mm_cvtneps_pbh
#undef _mm_maskz_loadu_epi8

#define _mm256_cmpeq_epi16_mask hadal::simde::mm256_cmpeq_epi16_mask
#define _mm256_cvtepi16_epi8 hadal::simde::mm256_cvtepi16_epi8
#define _mm256_mask_storeu_epi16 hadal::simde::mm256_mask_storeu_epi16
#define _mm256_maskz_loadu_epi16 hadal::simde::mm256_maskz_loadu_epi16
#define _mm512_abs_ps hadal::simde::mm512_abs_ps
#define _mm512_cmpeq_epi16_mask hadal::simde::mm512_cmpeq_epi16_mask
#define _mm512_cmplt_epi32_mask hadal::simde::mm512_cmplt_epi32_mask
#define _mm512_cvtepi32_epi8 hadal::simde::mm512_cvtepi32_epi8
#define _mm512_cvtepu16_epi32 hadal::simde::mm512_cvtepu16_epi32
#define _mm512_cvtepu8_epi32 hadal::simde::mm512_cvtepu8_epi32
#define _mm512_cvtne2ps_pbh hadal::simde::mm512_cvtne2ps_pbh
#define _mm512_cvtneps_pbh hadal::simde::mm512_cvtneps_pbh
#define _mm512_cvtph_ps hadal::simde::mm512_cvtph_ps
#define _mm512_dpbf16_ps hadal::simde::mm512_dpbf16_ps
#define _mm512_extractf32x8_ps hadal::simde::mm512_extractf32x8_ps
#define _mm512_load_ps hadal::simde::mm512_load_ps
#define _mm512_load_si512 hadal::simde::mm512_load_si512
#define _mm512_mask_storeu_ps hadal::simde::mm512_mask_storeu_ps
#define _mm512_maskz_loadu_epi16 hadal::simde::mm512_maskz_loadu_epi16
#define _mm512_maskz_loadu_ps hadal::simde::mm512_maskz_loadu_ps
#define _mm512_permute_ps hadal::simde::mm512_permute_ps
#define _mm512_reduce_and_epi32 hadal::simde::mm512_reduce_and_epi32
#define _mm512_reduce_max_ps hadal::simde::mm512_reduce_max_ps
#define _mm512_reduce_or_epi32 hadal::simde::mm512_reduce_or_epi32
#define _mm512_scalef_ps hadal::simde::mm512_scalef_ps
#define _mm512_shuffle_f32x4 hadal::simde::mm512_shuffle_f32x4
#define _mm512_srai_epi32 hadal::simde::mm512_srai_epi32
#define _mm512_store_ps hadal::simde::mm512_store_ps
#define _mm512_store_si512 hadal::simde::mm512_store_si512
#define _mm_cvtneps_pbh hadal::simde::mm_cvtneps_pbh
#define _mm_maskz_loadu_epi8 hadal::simde::mm_maskz_loadu_epi8

// What the sources ask of the target.
#define __AVX512F__ 1
#if defined(HADAL_EMULATES_BF16)
#  define __AVX512VBMI__ 1
#endif
// They keep values in registers of 512 bits, for speed alone.
#define asm(...)
