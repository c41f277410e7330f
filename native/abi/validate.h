// The rules of hadal.h for the arguments of each operation. Each overload returns whether there is anything to do.
#pragma once

#include "abi/check.h"

namespace hadal {

#define HD_OPERATION(name, op) bool validate(Check& check, const hd_##name##_args& args);
#include "abi/operations.inc"
#undef HD_OPERATION

}  // namespace hadal
