// What each operation of hadal.h comes to, in double precision and written from the header's words alone: plain loops
// that share nothing with the kernels. Where the header fixes each rounding, it is made here too.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "support/case.h"
#include "support/compare.h"
#include "support/numbers.h"

namespace hadal::tests {

using Results = std::map<std::string, Expected>;  // By the name of the output.

// The results of a case whose args point to its memory (Placed).
Results reference(int32_t op, const void* args);

#define HD_OPERATION(name, op) Results reference_of(const hd_##name##_args& args);
#include "abi/operations.inc"
#undef HD_OPERATION

}  // namespace hadal::tests
