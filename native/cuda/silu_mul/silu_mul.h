// silu(gate) * up.
#pragma once

#include "kernel.h"

namespace hadal::cuda {

struct SiluMulPortable : Kernel<hd_silu_mul_args> {
  static int32_t run(const Args& args, const Card& card, cudaStream_t stream, std::byte* workspace);
};

// As hd_silu_mul, with y as far from row to row as its stride says and in place where it is the gate. Of the rows of a
// grouped product only those that count are read and written.
struct SiluMulRows {
  int32_t x_dtype;
  int64_t rows;
  int64_t n;
  const void* gate;
  int64_t gate_stride;
  const void* up;
  int64_t up_stride;
  void* y;
  int64_t y_stride;
  const int32_t* grouped_layout = nullptr;  // [rows]: negative where a row is padding; or null.
  const int32_t* masked_m = nullptr;        // [rows / m_max]: the first rows of each group that count; or null.
  int64_t m_max = 0;
};
int32_t silu_mul_rows(const SiluMulRows& args, cudaStream_t stream);

}  // namespace hadal::cuda
