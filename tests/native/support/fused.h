// What hadal.h promises of calls that do the work of several: the bits that the separate calls give, on any device.
#pragma once

#include <functional>

#include "support/run.h"

namespace hadal::tests {

using RunCase = std::function<Outcome(const Case& source)>;
// The whole of a case as it is to be run, or one without args where it can't be.
using MakeCase = std::function<Case(const CaseMaker& maker)>;

// A SwiGLU, in each form of the FP8 product: two products and hd_silu_mul.
void expect_swiglu_is_its_parts(const MakeCase& make, const RunCase& run);

// hd_fp8_gemm_multi: hd_fp8_gemm of each.
void expect_several_products_as_alone(const MakeCase& make, const RunCase& run);

// The quantised output of hd_rms_norm: hd_fp8_quantize of y.
void expect_norm_quantises_its_result(const MakeCase& make, const RunCase& run);

}  // namespace hadal::tests
