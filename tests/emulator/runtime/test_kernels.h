#pragma once

// Small kernels for the tests of the stand-in, launched through nvcc's own host code.

#include <cuda_runtime_api.h>

// c[i] = a[i] + b[i]
cudaError_t LaunchAdd(const float* a, const float* b, float* c, int n, cudaStream_t stream);
// v[i] = v[i] * factor + addend: the order of two of them shows.
cudaError_t LaunchScale(int* v, int factor, int addend, int n, cudaStream_t stream);
// Block i writes its rank in the cluster, times 100, plus the cluster's size.
cudaError_t LaunchClusterRanks(int* ranks, int blocks, int cluster, cudaStream_t stream);
// v is reversed by way of n ints of dynamic shared memory.
cudaError_t LaunchReverse(int* v, int n, int shared_bytes, bool allow, cudaStream_t stream);
// v[index] = 1 by one thread.
cudaError_t LaunchStore(int* v, long index, cudaStream_t stream);
cudaError_t LaunchTrap(cudaStream_t stream);
cudaError_t LaunchThreads(int threads, cudaStream_t stream);
// Adds one to a __device__ variable, that starts at 41.
cudaError_t LaunchCount(cudaStream_t stream);
cudaError_t ReadCounter(int* value);
