#pragma once

// The tensor memory accelerator's tile mode: boxes of a tensor map between global and shared memory. Tensor maps
// themselves are EncodeTensorMap and DecodeTensorMap of device.h.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "device.h"

namespace emulator {

// Global memory as the accelerator sees it. Both report the fault to whom it concerns and return false when any byte
// can't be accessed; the copy then stops.
class GlobalMemory {
 public:
  virtual ~GlobalMemory() = default;
  virtual bool Read(uint64_t address, void* target, size_t bytes) = 0;
  virtual bool Write(uint64_t address, const void* source, size_t bytes) = 0;
};

// Bytes of a box in shared memory, also what a load adds to an mbarrier's transaction count: with element strides s, a
// dimension has ceil(box / s) elements.
size_t TensorBoxBytes(const TensorMap& map);

// What is wrong with a box at this address of shared memory, or an empty text: 128-byte alignment, and the inner extent
// of a swizzled box, which must fill the swizzle's width (how narrower ones lie is not documented).
std::string CheckTensorBox(const TensorMap& map, uint32_t shared_address);

// Where the byte that would lie at `address` without a swizzle lies with it: 16-byte units change places by bits 7
// to 9.
uint32_t SwizzledAddress(TensorMapSwizzle swizzle, uint32_t address);

// `coordinates` has `map.rank` entries, the innermost first, as in the instruction. `image` is the box as it lies in
// shared memory from `shared_address` (an offset in the CTA's window), TensorBoxBytes long; CheckTensorBox must hold.
// Elements outside the tensor are zeros or NaN in a load, and are not written by a store.
// False when global memory refused an access.
bool LoadTensorBox(const TensorMap& map, std::span<const int32_t> coordinates, uint32_t shared_address,
                   std::span<std::byte> image, GlobalMemory& global);
bool StoreTensorBox(const TensorMap& map, std::span<const int32_t> coordinates, uint32_t shared_address,
                    std::span<const std::byte> image, GlobalMemory& global);

}  // namespace emulator
