// Vectors of floats of the instruction set that a file is compiled for: what the kernels that are written once for all
// of them include.
#pragma once

#if defined(__AVX512VBMI__)
#  include "cpu/simd/avx512.h"
#elif defined(__AVX512F__)
#  include "cpu/simd/avx512f.h"
#else
#  include "cpu/simd/avx2.h"
#endif
