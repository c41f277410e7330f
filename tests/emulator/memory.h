#pragma once

// Device memory: an address range that the host can't touch, allocations in it, and which bytes were ever written.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "device.h"

namespace emulator {

// Windows of generic addresses, from the start of the reserved range. The first 28 bits of the shared one are the
// cluster's: block rank · 2^24 + offset.
inline constexpr uint64_t kSharedWindow = 0, kLocalWindow = uint64_t{1} << 28, kParamWindow = uint64_t{2} << 28;
inline constexpr uint64_t kWindowBytes = uint64_t{1} << 28;

class Memory {
 public:
  struct Block {
    Allocation allocation;
    // Once true, true until freed.
    std::atomic<bool> written = false;
  };

  explicit Memory(size_t limit);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  uint64_t base() const { return base_; }
  bool InRange(uint64_t address) const { return address - base_ < range_; }
  // Where the emulator sees a device address.
  std::byte* Host(uint64_t address) const { return mirror_ + (address - base_); }

  uint64_t Allocate(size_t bytes, std::string label);
  bool Free(uint64_t address);
  size_t allocated_bytes() const { return allocated_; }
  // Live or freed; valid until the device is gone.
  const Block* Find(uint64_t address) const;
  Block* Find(uint64_t address) { return const_cast<Block*>(std::as_const(*this).Find(address)); }
  std::vector<Allocation> Live() const;
  // The live allocation that holds the whole range, or null.
  Block* Whole(uint64_t address, size_t bytes);
  // "byte 12 of allocation 3 (100 bytes)", or where the address is instead.
  std::string Describe(uint64_t address) const;

  // --- which bytes were written
  void MarkWritten(Block& block, uint64_t address, size_t bytes);
  // Bytes of the range that nothing wrote.
  size_t CountUnwritten(const Block& block, uint64_t address, size_t bytes) const;
  // Looks for blocks that are whole by now, so that their accesses need no look-up.
  void Settle();

 private:
  void* reserved_ = nullptr;
  uint64_t base_ = 0;  // aligned inside it
  size_t range_ = 0, limit_ = 0;
  std::byte* mirror_ = nullptr;
  uint8_t* shadow_ = nullptr;  // a bit a byte
  uint64_t next_ = 0, ids_ = 0;
  size_t allocated_ = 0;
  mutable std::shared_mutex mutex_;
  std::map<uint64_t, std::unique_ptr<Block>> blocks_;  // by address
};

}  // namespace emulator
