#include "abi/check.h"

#include <cmath>

namespace hadal {

int64_t product(std::initializer_list<int64_t> counts) {
  int64_t result = 1;
  for (const int64_t count : counts) {
    if (__builtin_mul_overflow(result, count, &result)) return INT64_MAX;
  }
  return result;
}

int64_t extent(int64_t rows, int64_t stride, int64_t width, int64_t element_bytes) {
  if (rows == 0 || width == 0) return 0;
  int64_t elements;
  if (__builtin_mul_overflow(rows - 1, stride, &elements) || __builtin_add_overflow(elements, width, &elements)) {
    return INT64_MAX;
  }
  return product({elements, element_bytes});
}

int64_t scale_bytes(int64_t rows, int64_t columns, int64_t row_stride, int64_t block_stride) {
  if (rows == 0 || columns == 0) return 0;
  // From the first element to the last, and that one.
  int64_t elements;
  if (__builtin_add_overflow(product({rows - 1, row_stride}), product({columns - 1, block_stride}), &elements) ||
      __builtin_add_overflow(elements, 1, &elements)) {
    return INT64_MAX;
  }
  return product({elements, 4});
}

int64_t bytes_of(int32_t dtype) {
  return dtype == HD_DTYPE_BF16 ? 2 : dtype == HD_DTYPE_F8_E4M3 ? 1 : 4;
}

void Check::range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (failed() || (value >= least && value <= most)) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be %lld to %lld", function_, name,
                 static_cast<long long>(value), static_cast<long long>(least), static_cast<long long>(most));
}

void Check::multiple(const char* name, int64_t value, int64_t of) {
  if (failed() || value % of == 0) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be a multiple of %lld", function_, name,
                 static_cast<long long>(value), static_cast<long long>(of));
}

void Check::at_least(const char* name, int64_t value, int64_t least, const char* why) {
  if (failed() || value >= least) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be at least %lld (%s)", function_, name,
                 static_cast<long long>(value), static_cast<long long>(least), why);
}

void Check::finite(const char* name, float value) {
  if (failed() || std::isfinite(value)) return;
  status_ =
      fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %g; it must be finite", function_, name, static_cast<double>(value));
}

void Check::positive(const char* name, float value) {
  if (failed() || (std::isfinite(value) && value > 0.0f)) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %g; it must be finite and above 0", function_, name,
                 static_cast<double>(value));
}

void Check::require(bool condition, const char* name, int64_t value, const char* must) {
  if (failed() || condition) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is %lld; it must be %s", function_, name,
                 static_cast<long long>(value), must);
}

void Check::act(const char* name, int32_t dtype) {
  require(dtype == HD_DTYPE_BF16 || dtype == HD_DTYPE_F32, name, dtype, "HD_DTYPE_BF16 (2) or HD_DTYPE_F32 (1)");
}

void Check::add(const char* name, const void* data, int64_t bytes, int64_t alignment, bool optional, bool written) {
  if (failed() || query_ || bytes == 0) return;
  if (data == nullptr) {
    if (!optional) {
      status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is null; it must point to %lld bytes", function_, name,
                     static_cast<long long>(bytes));
    }
    return;
  }
  const auto address = reinterpret_cast<uintptr_t>(data);
  if (address % static_cast<uintptr_t>(alignment) != 0) {
    status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is at 0x%llx; it must be aligned to %lld bytes", function_, name,
                   number_of_pointer(data), static_cast<long long>(alignment));
    return;
  }
  // A product that saturated ends here too.
  if (bytes > INT64_MAX - static_cast<int64_t>(address)) {
    status_ = fail(HD_STATUS_INVALID_ARGUMENT,
                   "%s: %s would take %lld bytes, more than there is address space; check the shape", function_, name,
                   static_cast<long long>(bytes));
    return;
  }
  regions_[static_cast<size_t>(count_++)] = {name, static_cast<const char*>(data), bytes, written, nullptr};
}

void Check::input(const char* name, const void* data, int64_t bytes, int64_t alignment, bool optional) {
  add(name, data, bytes, alignment, optional, false);
}

void Check::output(const char* name, const void* data, int64_t bytes, int64_t alignment, bool optional) {
  add(name, data, bytes, alignment, optional, true);
}

void Check::element(const char* array, int64_t index, const void* data, int64_t bytes, int64_t alignment) {
  if (failed()) return;
  if (data == nullptr || reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(alignment) != 0) {
    status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s[%lld] is 0x%llx; it must be a pointer, aligned to %lld bytes",
                   function_, array, static_cast<long long>(index), number_of_pointer(data),
                   static_cast<long long>(alignment));
    return;
  }
  const auto* begin = static_cast<const char*>(data);
  for (int i = 0; i < count_; ++i) {
    const Region& region = regions_[static_cast<size_t>(i)];
    if (!region.written || begin >= region.begin + region.bytes || region.begin >= begin + bytes) continue;
    status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s overlaps %s[%lld]; an output needs memory of its own", function_,
                   region.name, array, static_cast<long long>(index));
    return;
  }
}

void Check::apart(const char* name, int64_t stride, int64_t count, const char* other_name, int64_t other_stride,
                  int64_t other_count, int64_t width) {
  if (failed() || count == 0 || other_count == 0) return;
  const auto steps_over = [width](int64_t outer, int64_t outer_count, int64_t inner, int64_t inner_count) {
    return (inner_count == 1 || inner >= width) && (outer_count == 1 || outer >= extent(inner_count, inner, width, 1));
  };
  if (steps_over(stride, count, other_stride, other_count) || steps_over(other_stride, other_count, stride, count)) {
    return;
  }
  status_ =
      fail(HD_STATUS_INVALID_ARGUMENT,
           "%s: %s is %lld and %s is %lld, with which the output overlaps itself; one must step over all that the "
           "other spans",
           function_, name, static_cast<long long>(stride), other_name, static_cast<long long>(other_stride));
}

void Check::in_place(const void* input, bool same_layout) {
  if (failed() || count_ == 0 || !same_layout) return;
  regions_[static_cast<size_t>(count_ - 1)].in_place = input;
}

void Check::absent(const char* name, const void* data, const char* why) {
  if (failed() || query_ || data == nullptr) return;
  status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s is 0x%llx; it must be null %s", function_, name,
                 number_of_pointer(data), why);
}

void Check::aliasing() {
  for (int i = 0; i < count_ && !failed(); ++i) {
    const Region& a = regions_[static_cast<size_t>(i)];
    if (!a.written) continue;
    for (int j = 0; j < count_; ++j) {
      const Region& b = regions_[static_cast<size_t>(j)];
      if (i == j || (b.written && j < i) || a.begin >= b.begin + b.bytes || b.begin >= a.begin + a.bytes) continue;
      if (a.in_place != nullptr && a.in_place == b.begin && a.begin == b.begin) continue;
      status_ = fail(HD_STATUS_INVALID_ARGUMENT, "%s: %s overlaps %s; an output needs memory of its own", function_,
                     a.name, b.name);
      return;
    }
  }
}

}  // namespace hadal
