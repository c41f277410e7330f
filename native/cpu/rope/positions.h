// What the variants of hd_rope refuse: a position that the table lacks.
#pragma once

#include "core/error.h"
#include "hadal.h"

namespace hadal::cpu {
namespace {

[[maybe_unused]] inline int32_t check_positions(const hd_rope_args& args) {
  for (int32_t token = 0; token < args.m; ++token) {
    if (args.positions[token] < 0 || args.positions[token] >= args.table_positions) {
      return fail(HD_STATUS_INVALID_ARGUMENT, "hd_rope: positions[%d] is %d; the table holds 0 to %d", token,
                  args.positions[token], args.table_positions - 1);
    }
  }
  return HD_STATUS_OK;
}

}  // namespace
}  // namespace hadal::cpu
