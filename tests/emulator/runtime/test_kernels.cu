#include "test_kernels.h"

namespace {

__global__ void Add(const float* a, const float* b, float* c, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) c[i] = a[i] + b[i];
}

__global__ void Scale(int* v, int factor, int addend, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) v[i] = v[i] * factor + addend;
}

__global__ void ClusterRanks(int* ranks) {
  unsigned rank, size;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
  if (threadIdx.x == 0) ranks[blockIdx.x] = rank * 100 + size;
}

__global__ void Reverse(int* v, int n) {
  extern __shared__ int buffer[];
  for (int i = threadIdx.x; i < n; i += blockDim.x) buffer[i] = v[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) v[i] = buffer[n - 1 - i];
}

__global__ void Store(int* v, long index) {
  v[index] = 1;
}

__global__ void Trap() {
  asm("trap;");
}

__global__ void Nothing() {}

__device__ int counter = 41;

__global__ void Count() {
  ++counter;
}

}  // namespace

cudaError_t LaunchAdd(const float* a, const float* b, float* c, int n, cudaStream_t stream) {
  Add<<<(n + 127) / 128, 128, 0, stream>>>(a, b, c, n);
  return cudaGetLastError();
}

cudaError_t LaunchScale(int* v, int factor, int addend, int n, cudaStream_t stream) {
  Scale<<<(n + 63) / 64, 64, 0, stream>>>(v, factor, addend, n);
  return cudaGetLastError();
}

cudaError_t LaunchClusterRanks(int* ranks, int blocks, int cluster, cudaStream_t stream) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = cluster;
  attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(blocks);
  config.blockDim = dim3(32);
  config.stream = stream;
  config.attrs = &attribute;
  config.numAttrs = 1;
  return cudaLaunchKernelEx(&config, ClusterRanks, ranks);
}

cudaError_t LaunchReverse(int* v, int n, int shared_bytes, bool allow, cudaStream_t stream) {
  if (allow) {
    const cudaError_t error = cudaFuncSetAttribute(Reverse, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
    if (error != cudaSuccess) return error;
  }
  Reverse<<<1, 128, shared_bytes, stream>>>(v, n);
  return cudaGetLastError();
}

cudaError_t LaunchStore(int* v, long index, cudaStream_t stream) {
  Store<<<1, 1, 0, stream>>>(v, index);
  return cudaGetLastError();
}

cudaError_t LaunchTrap(cudaStream_t stream) {
  Trap<<<1, 1, 0, stream>>>();
  return cudaGetLastError();
}

cudaError_t LaunchThreads(int threads, cudaStream_t stream) {
  Nothing<<<1, threads, 0, stream>>>();
  return cudaGetLastError();
}

cudaError_t LaunchCount(cudaStream_t stream) {
  Count<<<1, 1, 0, stream>>>();
  return cudaGetLastError();
}

cudaError_t ReadCounter(int* value) {
  return cudaMemcpyFromSymbol(value, counter, sizeof(int));
}
