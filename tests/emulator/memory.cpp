#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

namespace emulator {
namespace {

constexpr size_t kAlignment = 512;
// Addresses are given out upwards, so that a freed one stays a freed one until the range is used up.
constexpr size_t kRange = size_t{8} << 40;
// A gap behind every allocation, so that a wrong index that is not wild is in no neighbour.
constexpr size_t kGap = size_t{32} << 20;
constexpr uint64_t kFirst = uint64_t{4} << 28;

void* Reserve(size_t bytes, int protection) {
  void* address = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  return address;
}

size_t RoundUp(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Memory::Memory(size_t limit) : range_(kRange), limit_(limit) {
  reserved_ = Reserve(kRange + kWindowBytes, PROT_NONE);
  base_ = (reinterpret_cast<uint64_t>(reserved_) + kWindowBytes - 1) / kWindowBytes * kWindowBytes;
  mirror_ = static_cast<std::byte*>(Reserve(kRange, PROT_READ | PROT_WRITE));
  shadow_ = static_cast<uint8_t*>(Reserve(kRange / 8, PROT_READ | PROT_WRITE));
  next_ = base_ + kFirst;
}

Memory::~Memory() {
  munmap(reserved_, kRange + kWindowBytes);
  munmap(mirror_, kRange);
  munmap(shadow_, kRange / 8);
}

uint64_t Memory::Allocate(size_t bytes, std::string label) {
  std::unique_lock lock(mutex_);
  if (bytes > limit_ - allocated_) return 0;
  const size_t taken = RoundUp(bytes) + kGap;
  if (next_ + taken > base_ + range_) return 0;
  auto block = std::make_unique<Block>();
  block->allocation = {next_, bytes, ++ids_, true, std::move(label)};
  // All ones are a NaN in every floating type.
  std::memset(Host(next_), 0xFF, bytes);
  allocated_ += bytes;
  const uint64_t address = next_;
  blocks_[address] = std::move(block);
  next_ += taken;
  return address;
}

bool Memory::Free(uint64_t address) {
  std::unique_lock lock(mutex_);
  const auto found = blocks_.find(address);
  if (found == blocks_.end() || !found->second->allocation.live) return false;
  Allocation& allocation = found->second->allocation;
  allocation.live = false;
  allocated_ -= allocation.size;
  // Pages that lie wholly inside go back to the system.
  constexpr uint64_t kPage = 4096;
  const uint64_t begin = (address - base_ + kPage - 1) / kPage * kPage;
  const uint64_t end = (address - base_ + allocation.size) / kPage * kPage;
  if (begin < end) {
    madvise(mirror_ + begin, end - begin, MADV_DONTNEED);
    const uint64_t shadow_begin = (begin / 8 + kPage - 1) / kPage * kPage, shadow_end = end / 8 / kPage * kPage;
    if (shadow_begin < shadow_end) madvise(shadow_ + shadow_begin, shadow_end - shadow_begin, MADV_DONTNEED);
  }
  return true;
}

const Memory::Block* Memory::Find(uint64_t address) const {
  std::shared_lock lock(mutex_);
  auto found = blocks_.upper_bound(address);
  if (found == blocks_.begin()) return nullptr;
  --found;
  const Allocation& allocation = found->second->allocation;
  return address - allocation.address < std::max<size_t>(allocation.size, 1) ? found->second.get() : nullptr;
}

std::vector<Allocation> Memory::Live() const {
  std::shared_lock lock(mutex_);
  std::vector<Allocation> live;
  for (const auto& [address, block] : blocks_) {
    if (block->allocation.live) live.push_back(block->allocation);
  }
  return live;
}

Memory::Block* Memory::Whole(uint64_t address, size_t bytes) {
  Block* block = Find(address);
  if (!block || !block->allocation.live) return nullptr;
  return address - block->allocation.address + bytes <= block->allocation.size ? block : nullptr;
}

std::string Memory::Describe(uint64_t address) const {
  const auto named = [](const Allocation& allocation) {
    return allocation.label + " " + std::to_string(allocation.id) + " (" + std::to_string(allocation.size) + " bytes" +
           (allocation.live ? ")" : ", freed)");
  };
  if (const Block* block = Find(address)) {
    return "byte " + std::to_string(address - block->allocation.address) + " of " + named(block->allocation);
  }
  if (!InRange(address)) return "a host address";
  std::shared_lock lock(mutex_);
  auto after = blocks_.upper_bound(address);
  if (after != blocks_.begin()) {
    const Allocation& before = std::prev(after)->second->allocation;
    return std::to_string(address - before.address - before.size) + " bytes after the end of " + named(before);
  }
  return "in no allocation";
}

void Memory::MarkWritten(Block& block, uint64_t address, size_t bytes) {
  if (block.written.load(std::memory_order_relaxed)) return;
  uint64_t bit = address - base_;
  const uint64_t end = bit + bytes;
  const auto set = [&](uint64_t byte, uint8_t mask) {
    std::atomic_ref(shadow_[byte]).fetch_or(mask, std::memory_order_relaxed);
  };
  while (bit < end) {
    const uint64_t byte = bit / 8;
    if (bit % 8 == 0 && end - bit >= 8) {
      const size_t whole = (end - bit) / 8;
      if (whole > 8) {
        std::memset(shadow_ + byte, 0xFF, whole);
      } else {
        for (size_t i = 0; i < whole; ++i)
          std::atomic_ref(shadow_[byte + i]).store(uint8_t{0xFF}, std::memory_order_relaxed);
      }
      bit += whole * 8;
    } else {
      const uint64_t last = std::min(end, (byte + 1) * 8);
      set(byte, static_cast<uint8_t>((0xFF << (bit % 8)) & (0xFF >> (8 * (byte + 1) - last))));
      bit = last;
    }
  }
  if (address == block.allocation.address && bytes == block.allocation.size) block.written = true;
}

size_t Memory::CountUnwritten(const Block& block, uint64_t address, size_t bytes) const {
  if (block.written.load(std::memory_order_relaxed)) return 0;
  size_t count = 0;
  uint64_t bit = address - base_;
  const uint64_t end = bit + bytes;
  while (bit < end) {
    if (bit % 8 == 0 && end - bit >= 8) {
      count += 8 - static_cast<size_t>(__builtin_popcount(shadow_[bit / 8]));
      bit += 8;
    } else {
      count += !(shadow_[bit / 8] >> (bit % 8) & 1);
      ++bit;
    }
  }
  return count;
}

void Memory::Settle() {
  std::shared_lock lock(mutex_);
  for (const auto& [address, block] : blocks_) {
    const Allocation& allocation = block->allocation;
    if (!allocation.live || block->written || allocation.size == 0) continue;
    const uint64_t first = address - base_;
    const uint8_t* bits = shadow_ + first / 8;
    const size_t whole = allocation.size / 8;
    size_t i = 0;
    for (uint64_t word; i + 8 <= whole; i += 8) {
      std::memcpy(&word, bits + i, 8);
      if (word != ~uint64_t{0}) break;
    }
    if (i + 8 <= whole) continue;
    if (CountUnwritten(*block, address + i * 8, allocation.size - i * 8) == 0) block->written = true;
  }
}

}  // namespace emulator
