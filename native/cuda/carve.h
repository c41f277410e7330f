// Cutting a workspace into arrays. With a null workspace it only adds up.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel.h"

namespace hadal::cuda {

class Carve {
 public:
  explicit Carve(std::byte* workspace) : workspace_(workspace) {}

  template <class T>
  T* take(int64_t count) {
    std::byte* begin = workspace_ == nullptr ? nullptr : workspace_ + used_;
    // Tensor maps want 16 bytes, and some of upstream's vector loads 128.
    used_ += align_up(static_cast<uint64_t>(count) * sizeof(T), 128);
    return reinterpret_cast<T*>(begin);
  }
  uint64_t used() const { return used_; }

 private:
  std::byte* workspace_;
  uint64_t used_ = 0;
};

// Bytes that Scratch, whose constructor takes its arrays from a Carve, wants of a workspace.
template <class Scratch, class... Arguments>
uint64_t carved_bytes(const Arguments&... arguments) {
  Carve carve(nullptr);
  Scratch(carve, arguments...);
  return carve.used();
}

}  // namespace hadal::cuda
