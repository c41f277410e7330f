// The form of a CUDA kernel. One folder holds an operation: `<op>.h` declares its variants, `<op>.inc` lists them best
// first, `<op>_<variant>.cu` holds one each. "portable" variants are our own and run from sm_80 on; "deepgemm" and
// "flashmla" are upstream's kernels behind our launch code, for sm_90a; "composed" ones make a call of several others.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "hadal.h"

namespace hadal::cuda {

// The compute capability that the backend wants.
constexpr int kLeastSm = 80;

// What a launch needs to know of its device.
struct Card {
  int ordinal = 0;
  int sm = 0;        // Compute capability: 80, 90, ...
  int sm_count = 0;  // Streaming multiprocessors.
  char name[128] = {};
};

// Sets the calling thread's error text and returns `status`.
[[gnu::format(printf, 2, 3)]] int32_t fail(int32_t status, const char* format, ...);
// HD_STATUS_OK, or what a CUDA error comes to, with CUDA's own words after `what`.
int32_t status_of(cudaError_t error, const char* what);
// The status of the launch that was just made.
inline int32_t launched(const char* kernel) {
  return status_of(cudaGetLastError(), kernel);
}

// What a variant derives from; it adds `static int32_t run(const Args&, const Card&, cudaStream_t, std::byte*
// workspace)` and hides `serves` where it does not take every argument that the header allows, and `workspace` where it
// wants some. Arguments are valid (the abi layer has checked them) and no count is zero that would make the call empty.
template <class ArgsType>
struct Kernel {
  using Args = ArgsType;
  static bool serves(const Args&) { return true; }
  static uint64_t workspace(const Args&, const Card&) { return 0; }
};

// A variant with its types erased. It runs on cards of compute capability least_sm to most_sm.
struct Variant {
  int32_t op;
  const char* name;
  int least_sm;
  int most_sm;
  bool (*serves)(const void* args);
  uint64_t (*workspace)(const void* args, const Card& card);
  int32_t (*run)(const void* args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

template <class K>
constexpr Variant erase(int32_t op, const char* name, int least_sm, int most_sm) {
  using Args = typename K::Args;
  return {op,
          name,
          least_sm,
          most_sm,
          [](const void* args) { return K::serves(*static_cast<const Args*>(args)); },
          [](const void* args, const Card& card) { return K::workspace(*static_cast<const Args*>(args), card); },
          [](const void* args, const Card& card, cudaStream_t stream, std::byte* workspace) {
            return K::run(*static_cast<const Args*>(args), card, stream, workspace);
          }};
}

// Every variant, best first within an operation.
std::span<const Variant> variants();

constexpr bool runs_on(const Variant& variant, const Card& card) {
  return card.sm >= variant.least_sm && card.sm <= variant.most_sm;
}

// The best variant of an operation for these arguments, or for any where they are null; null where none serves.
const Variant* variant_for(const Card& card, int32_t op, const void* args);

constexpr int64_t ceil_div(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

constexpr uint64_t align_up(uint64_t x, uint64_t to) {
  return (x + to - 1) / to * to;
}

}  // namespace hadal::cuda
