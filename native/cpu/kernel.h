// The form of a CPU kernel. One folder holds an operation: `<op>.h` declares its variants, `<op>.inc` lists them best
// first, `<op>_<isa>.cpp` holds one each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/thread_pool.h"
#include "hadal.h"

namespace hadal::cpu {

// Instruction sets, in ascending order of preference.
enum class Isa { scalar, avx2, avx512f, avx512 };
inline constexpr Isa kIsas[] = {Isa::scalar, Isa::avx2, Isa::avx512f, Isa::avx512};

// What a variant derives from; it adds `static int32_t run(const Args&, ThreadPool&, std::byte* workspace)`, and hides
// `serves` where it does not take every argument that the header allows, and `workspace` where it wants some.
// Arguments are valid (the abi layer has checked them) and no count is zero that would make the call empty.
template <class ArgsType>
struct Kernel {
  using Args = ArgsType;
  static bool serves(const Args&) { return true; }
  static uint64_t workspace(const Args&, int /*threads*/) { return 0; }
};

// A variant with its types erased.
struct Variant {
  int32_t op;
  const char* name;
  Isa isa;
  bool (*serves)(const void* args);
  uint64_t (*workspace)(const void* args, int threads);
  int32_t (*run)(const void* args, ThreadPool& pool, std::byte* workspace);
};

template <class K>
constexpr Variant erase(int32_t op, const char* name, Isa isa) {
  using Args = typename K::Args;
  return {op,
          name,
          isa,
          [](const void* args) { return K::serves(*static_cast<const Args*>(args)); },
          [](const void* args, int threads) { return K::workspace(*static_cast<const Args*>(args), threads); },
          [](const void* args, ThreadPool& pool, std::byte* workspace) {
            return K::run(*static_cast<const Args*>(args), pool, workspace);
          }};
}

}  // namespace hadal::cpu
