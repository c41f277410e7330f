// Included before each of FlashMLA's sources: where its macros would end the process, they throw to the caller of
// flashmla.h, whose functions turn it into a status.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdio>

#include "utils.h"

namespace upstream {

struct Failure {
  cudaError_t status;
};

}  // namespace upstream

#undef CHECK_CUDA
#define CHECK_CUDA(call)                                                    \
  do {                                                                      \
    const cudaError_t failed_with = (call);                                 \
    if (failed_with != cudaSuccess) throw ::upstream::Failure{failed_with}; \
  } while (0)

#undef FLASH_ASSERT
#define FLASH_ASSERT(condition)                                         \
  do {                                                                  \
    if (!(condition)) throw ::upstream::Failure{cudaErrorInvalidValue}; \
  } while (0)
