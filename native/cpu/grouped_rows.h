// Rows that lie group by group, each group's share for a weight of its own: the layout of the contiguous products.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

// Refuses a group index outside [-1, groups).
template <class Args>
int32_t check_layout(const char* function, const Args& args) {
  for (int32_t row = 0; row < args.m; ++row) {
    if (args.grouped_layout[row] < -1 || args.grouped_layout[row] >= args.groups) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "%s: grouped_layout[%d] is %d; it must be -1 to %d", function, row,
                  args.grouped_layout[row], args.groups - 1);
    }
  }
  return HD_STATUS_OK;
}

// Calls body(group, first, count) for each run of rows of one group; padding is skipped.
template <class Args, class Body>
void for_groups(const Args& args, const Body& body) {
  for (int64_t first = 0; first < args.m;) {
    const int32_t group = args.grouped_layout[first];
    int64_t end = first + 1;
    while (end < args.m && args.grouped_layout[end] == group) ++end;
    if (group >= 0) body(group, first, end - first);
    first = end;
  }
}

}  // namespace
}  // namespace hadal::cpu
