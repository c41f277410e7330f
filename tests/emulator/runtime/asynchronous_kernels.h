#pragma once

// Kernels of asynchronous copies with one mistake planted, for the tests: an emulator that is no stricter than luck
// would let them pass.

#include <cuda_runtime_api.h>

enum class Mistake {
  kNone,
  kNoBarrierWait,  // reads the tile without waiting for its mbarrier
  kWrongSwizzle,   // reads the tile as if rows were not swizzled
  kTooFewBytes,    // waits for more bytes than come: a deadlock
  kNoCopyWait,     // cp.async without a wait
  kOneRowTooMany,  // the tensor map claims a row beyond the memory
};

inline constexpr int kTileRows = 8, kTileColumns = 32;

// out[i] = in[i] for a tile of floats: by TMA with a 128-byte swizzle and an mbarrier.
cudaError_t LaunchTensorCopy(const float* in, float* out, Mistake mistake, cudaStream_t stream);
// The same by cp.async of 16 bytes a thread.
cudaError_t LaunchAsynchronousCopy(const float* in, float* out, Mistake mistake, cudaStream_t stream);
