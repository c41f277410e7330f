// Structs that cross the ABI: struct_size tells how much of one its caller knows.
#pragma once

#include <algorithm>
#include <cstring>

#include "core/error.h"

namespace hadal {

// Name of a struct of hadal.h, and its size in the first version: the least that any caller has.
template <class Struct>
struct StructInfo;

#define HD_STRUCT(type, first_size)                                                  \
  template <>                                                                        \
  struct StructInfo<type> {                                                          \
    static constexpr const char* kName = #type;                                      \
    static constexpr uint32_t kFirstSize = first_size;                               \
    static_assert(sizeof(type) >= first_size, "fields are appended, never removed"); \
  };
#define HD_FIELD(type, field)
#include "abi/layout.inc"
#undef HD_STRUCT
#undef HD_FIELD

// No struct grows beyond this: what is larger is no size.
constexpr uint32_t kLargestStruct = 4096;

template <class Struct>
int32_t check_size(const char* function, const Struct& given) {
  if (given.struct_size >= StructInfo<Struct>::kFirstSize && given.struct_size <= kLargestStruct) return HD_STATUS_OK;
  return fail(HD_STATUS_INVALID_ARGUMENT, "%s: struct_size is %u; it must be sizeof(%s) = %u", function,
              given.struct_size, StructInfo<Struct>::kName, static_cast<uint32_t>(sizeof(Struct)));
}

// Reads an argument of any version: fields that the caller does not know are zero, fields that this build does not know
// must be.
template <class Struct>
int32_t read_struct(const char* function, const Struct& given, Struct& whole) {
  if (const int32_t status = check_size(function, given)) return status;
  const auto* bytes = reinterpret_cast<const unsigned char*>(&given);
  for (uint32_t i = sizeof(Struct); i < given.struct_size; ++i) {
    if (bytes[i] == 0) continue;
    return fail(HD_STATUS_UNSUPPORTED,
                "%s: byte %u of %s is set, beyond the %u that this version knows: the caller is newer; use a newer "
                "library",
                function, i, StructInfo<Struct>::kName, static_cast<uint32_t>(sizeof(Struct)));
  }
  whole = {};
  std::memcpy(&whole, bytes, std::min<size_t>(given.struct_size, sizeof(Struct)));
  whole.struct_size = sizeof(Struct);
  return HD_STATUS_OK;
}

// Fills a result as far as both sides know it.
template <class Struct>
int32_t write_struct(const char* function, Struct whole, Struct& wanted) {
  if (const int32_t status = check_size(function, wanted)) return status;
  whole.struct_size = wanted.struct_size;
  std::memcpy(static_cast<void*>(&wanted), &whole, std::min<size_t>(wanted.struct_size, sizeof(Struct)));
  return HD_STATUS_OK;
}

}  // namespace hadal
