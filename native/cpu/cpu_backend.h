// The CPU as a backend.
#pragma once

#include "hadal_backend.h"

namespace hadal::cpu {

const hd_backend* backend();

// Instruction sets that this build holds, best first, separated by spaces.
const char* isas();

}  // namespace hadal::cpu
