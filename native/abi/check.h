// Checks of a call's arguments. The first that fails sets the error text; the later ones are then skipped.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>

#include "core/error.h"

namespace hadal {

// Saturating product of counts: a shape too large to exist stays too large.
int64_t product(std::initializer_list<int64_t> counts);

class Check {
 public:
  // A query for a workspace's size has no data yet, so pointers are not looked at.
  Check(const char* function, bool query) : function_(function), query_(query) {}

  int32_t status() const { return status_; }
  bool failed() const { return status_ != HD_STATUS_OK; }
  bool is_query() const { return query_; }

  void range(const char* name, int64_t value, int64_t least, int64_t most = INT32_MAX);
  void multiple(const char* name, int64_t value, int64_t of);
  void at_least(const char* name, int64_t value, int64_t least, const char* why);
  void finite(const char* name, float value);
  void positive(const char* name, float value);
  void require(bool condition, const char* name, int64_t value, const char* must);

  // HD_DTYPE_BF16 or HD_DTYPE_F32.
  void act(const char* name, int32_t dtype);

  // Memory of `bytes` that the call reads, writes, or both. Null is refused unless `optional`.
  void input(const char* name, const void* data, int64_t bytes, int64_t alignment = 1, bool optional = false);
  void output(const char* name, const void* data, int64_t bytes, int64_t alignment, bool optional = false);

  // A pointer in a host array, to `bytes` that the call reads; the outputs are registered before.
  void element(const char* array, int64_t index, const void* data, int64_t bytes, int64_t alignment);

  // Refuses an output of two strides whose pieces of `width` elements overlap one another.
  void apart(const char* name, int64_t stride, int64_t count, const char* other_name, int64_t other_stride,
             int64_t other_count, int64_t width);

  // Refuses memory that the other arguments leave without a meaning.
  void absent(const char* name, const void* data, const char* why);

  // Allows the output registered last to be the input named, where they are the same memory laid out alike.
  void in_place(const void* input, bool same_layout);

  // Refuses outputs that overlap anything that they may not.
  void aliasing();

 private:
  struct Region {
    const char* name;
    const char* begin;
    int64_t bytes;
    bool written;
    const void* in_place;
  };

  void add(const char* name, const void* data, int64_t bytes, int64_t alignment, bool optional, bool written);

  const char* function_;
  bool query_;
  int32_t status_ = HD_STATUS_OK;
  std::array<Region, 24> regions_{};
  int count_ = 0;
};

// Bytes from the first element to the last of `rows` rows of `width` elements.
int64_t extent(int64_t rows, int64_t stride, int64_t width, int64_t element_bytes);

// Bytes of a strided matrix of f32 scales.
int64_t scale_bytes(int64_t rows, int64_t columns, int64_t row_stride, int64_t block_stride);

int64_t bytes_of(int32_t dtype);

}  // namespace hadal
