// The CUDA backend behind hadal_backend.h.
#pragma once

#include "hadal_backend.h"

namespace hadal::cuda {

// What the core lent when it loaded this library.
const hd_backend_host& host();

}  // namespace hadal::cuda
