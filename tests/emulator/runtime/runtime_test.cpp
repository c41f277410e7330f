// The stand-in for the CUDA runtime, through kernels compiled by nvcc.

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "control.h"
#include "test_kernels.h"

namespace {

using ::testing::KilledBySignal;

template <typename T>
T* Upload(const std::vector<T>& host) {
  T* device = nullptr;
  EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&device), host.size() * sizeof(T)), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(device, host.data(), host.size() * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  return device;
}

template <typename T>
std::vector<T> Download(const T* device, size_t count) {
  std::vector<T> host(count);
  EXPECT_EQ(cudaMemcpy(host.data(), device, count * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
  return host;
}

// A fresh device for each test: faults are sticky until a reset.
class EmulatedRuntime : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }
  void TearDown() override { ASSERT_EQ(cudaDeviceReset(), cudaSuccess); }
};

TEST_F(EmulatedRuntime, ReportsAHopper) {
  int count = 0, sms = 0, shared = 0;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  cudaDeviceProp properties;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_EQ(properties.major, 9);
  EXPECT_EQ(properties.minor, 0);
  EXPECT_EQ(properties.multiProcessorCount, 132);
  ASSERT_EQ(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(sms, 132);
  ASSERT_EQ(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(shared, 232448);
  EXPECT_EQ(cudaSetDevice(count), cudaErrorInvalidDevice);
}

// With HADAL_EMULATOR_DEVICES=2.
class TwoDevices : public EmulatedRuntime {
 protected:
  void SetUp() override {
    EmulatedRuntime::SetUp();
    int count = 0;
    ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
    if (count != 2) GTEST_SKIP() << count << " devices: a test of its own has two";
  }
  void TearDown() override {
    EmulatedRuntime::TearDown();
    cudaSetDevice(0);
  }
};

TEST_F(TwoDevices, HaveMemoryOfTheirOwn) {
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  int current = 0;
  ASSERT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 1);
  cudaDeviceProp properties;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 1), cudaSuccess);
  EXPECT_STREQ(properties.name, "Hadal emulated device 1 (sm_90)");
  size_t free = 0, total = 0;
  int* v = Upload(std::vector<int>(1 << 20, 3));
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(total - free, 4u << 20);
  cudaPointerAttributes attributes;
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, v), cudaSuccess);
  EXPECT_EQ(attributes.device, 1);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  ASSERT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(free, total);
  void* all = nullptr;
  EXPECT_EQ(cudaMalloc(&all, total), cudaSuccess);
  void* more = nullptr;
  EXPECT_EQ(cudaMalloc(&more, 1), cudaErrorMemoryAllocation);
}

TEST_F(TwoDevices, LaunchIntoTheirOwnStreams) {
  cudaStream_t first = nullptr, second = nullptr;
  ASSERT_EQ(cudaStreamCreate(&first), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  ASSERT_EQ(cudaStreamCreate(&second), cudaSuccess);
  int* v = Upload(std::vector<int>{1, 2});
  EXPECT_EQ(LaunchScale(v, 2, 1, 2, first), cudaErrorInvalidResourceHandle);
  cudaGetLastError();
  ASSERT_EQ(LaunchScale(v, 2, 1, 2, second), cudaSuccess);
  EXPECT_EQ(Download(v, 2), (std::vector<int>{3, 5}));
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, first), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(event, second), cudaSuccess);
}

TEST_F(TwoDevices, DontReachEachOthersMemory) {
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  int* v = Upload(std::vector<int>{1, 2});
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  ASSERT_EQ(LaunchScale(v, 2, 1, 2, nullptr), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_NE(std::string(hadalEmulatorReport()).find("memory of device 1 among the arguments of a launch on device 0"),
            std::string::npos)
      << hadalEmulatorReport();
}

TEST_F(EmulatedRuntime, AddsVectors) {
  std::vector<float> a(1000), b(1000);
  std::iota(a.begin(), a.end(), 0.0f);
  std::iota(b.begin(), b.end(), 0.5f);
  float *da = Upload(a), *db = Upload(b), *dc = Upload(std::vector<float>(1001, -1.0f));
  ASSERT_EQ(LaunchAdd(da, db, dc, 1000, nullptr), cudaSuccess);
  const auto c = Download(dc, 1001);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(c[i], a[i] + b[i]) << i;
  EXPECT_EQ(c[1000], -1.0f);
}

TEST_F(EmulatedRuntime, RunsClusters) {
  int* ranks = Upload(std::vector<int>(8, -1));
  ASSERT_EQ(LaunchClusterRanks(ranks, 8, 4, nullptr), cudaSuccess);
  EXPECT_EQ(Download(ranks, 8), (std::vector<int>{4, 104, 204, 304, 4, 104, 204, 304}));
  EXPECT_EQ(LaunchClusterRanks(ranks, 8, 3, nullptr), cudaErrorInvalidClusterSize);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidClusterSize);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "a refused launch is no sticky error";
}

TEST_F(EmulatedRuntime, BoundsSharedMemoryByTheAttribute) {
  constexpr int kCount = 20000, kBytes = kCount * 4;
  std::vector<int> values(kCount);
  std::iota(values.begin(), values.end(), 0);
  int* device = Upload(values);
  EXPECT_EQ(LaunchReverse(device, kCount, kBytes, false, nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(LaunchReverse(device, kCount, 232449, true, nullptr), cudaErrorInvalidValue);
  cudaGetLastError();
  ASSERT_EQ(LaunchReverse(device, kCount, kBytes, true, nullptr), cudaSuccess);
  EXPECT_EQ(Download(device, kCount), std::vector<int>(values.rbegin(), values.rend()));
}

TEST_F(EmulatedRuntime, RefusesTooManyThreads) {
  EXPECT_EQ(LaunchThreads(1024, nullptr), cudaSuccess);
  EXPECT_EQ(LaunchThreads(1025, nullptr), cudaErrorInvalidConfiguration);
  EXPECT_EQ(LaunchThreads(0, nullptr), cudaErrorInvalidConfiguration);
}

TEST_F(EmulatedRuntime, ReadsDeviceVariables) {
  ASSERT_EQ(LaunchCount(nullptr), cudaSuccess);
  ASSERT_EQ(LaunchCount(nullptr), cudaSuccess);
  int value = 0;
  ASSERT_EQ(ReadCounter(&value), cudaSuccess);
  EXPECT_EQ(value, 43);
}

TEST_F(EmulatedRuntime, CopiesFromPinnedMemoryAreLate) {
  int* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(reinterpret_cast<void**>(&pinned), 4), cudaSuccess);
  int* device = Upload(std::vector<int>{0});
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  *pinned = 1;
  ASSERT_EQ(cudaMemcpyAsync(device, pinned, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  *pinned = 2;  // too early: the copy may not have run
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(Download(device, 1)[0], 2);
  // And back: nothing is there before the wait.
  *pinned = -1;
  ASSERT_EQ(LaunchScale(device, 10, 3, 1, stream), cudaSuccess);
  ASSERT_EQ(cudaMemcpyAsync(pinned, device, 4, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(*pinned, -1);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(*pinned, 23);
  // Pageable memory is read at the call.
  int pageable = 5;
  ASSERT_EQ(cudaMemcpyAsync(device, &pageable, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  pageable = 6;
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(Download(device, 1)[0], 5);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

// x·2 + 1 in one stream and x·3 in another: 3·(2x + 1) or 2·(3x) + 1.
int RunTwoStreams(bool with_event) {
  int* device = Upload(std::vector<int>{1});
  cudaStream_t first, second;
  cudaEvent_t event;
  EXPECT_EQ(cudaStreamCreateWithFlags(&first, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_EQ(cudaStreamCreateWithFlags(&second, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  EXPECT_EQ(LaunchScale(device, 2, 1, 1, first), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(event, first), cudaSuccess);
  if (with_event) {
    EXPECT_EQ(cudaStreamWaitEvent(second, event, 0), cudaSuccess);
  }
  EXPECT_EQ(LaunchScale(device, 3, 0, 1, second), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  const int result = Download(device, 1)[0];
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(first), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(second), cudaSuccess);
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  return result;
}

TEST_F(EmulatedRuntime, OrdersStreamsByEventsAlone) {
  for (int i = 0; i < 20; ++i) ASSERT_EQ(RunTwoStreams(true), 9);
  int in_order = 0, out_of_order = 0;
  for (int i = 0; i < 40; ++i) {
    const int result = RunTwoStreams(false);
    ASSERT_TRUE(result == 9 || result == 7) << result;
    (result == 9 ? in_order : out_of_order) += 1;
  }
  EXPECT_GT(in_order, 0);
  EXPECT_GT(out_of_order, 0);
}

TEST_F(EmulatedRuntime, TheDefaultStreamJoinsBlockingStreams) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  for (int i = 0; i < 20; ++i) {
    int* device = Upload(std::vector<int>{1});
    ASSERT_EQ(LaunchScale(device, 2, 1, 1, stream), cudaSuccess);
    ASSERT_EQ(LaunchScale(device, 3, 0, 1, nullptr), cudaSuccess);
    ASSERT_EQ(LaunchScale(device, 1, 5, 1, stream), cudaSuccess);
    ASSERT_EQ(Download(device, 1)[0], 14);
  }
}

TEST_F(EmulatedRuntime, EventsAreNotReadyBeforeTheirWork) {
  int* device = Upload(std::vector<int>{1});
  cudaStream_t stream;
  cudaEvent_t begin, end;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&begin), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&end), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(begin, stream), cudaSuccess);
  ASSERT_EQ(LaunchScale(device, 2, 0, 1, stream), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(end, stream), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(end), cudaErrorNotReady);
  int queries = 0;
  while (cudaEventQuery(end) == cudaErrorNotReady) ASSERT_LT(++queries, 100);
  float milliseconds = -1;
  ASSERT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  EXPECT_GT(milliseconds, 0);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not ready is no error";
}

TEST_F(EmulatedRuntime, ReplaysGraphs) {
  int* device = Upload(std::vector<int>{1});
  cudaStream_t stream, side;
  cudaEvent_t fork, join;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&fork), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&join), cudaSuccess);
  const auto capture = [&](int factor) {
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
    EXPECT_EQ(LaunchScale(device, factor, 1, 1, stream), cudaSuccess);
    factor = 1000;  // arguments are copied at the capture
    EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(side, fork, 0), cudaSuccess);
    EXPECT_EQ(LaunchScale(device, 1, 10, 1, side), cudaSuccess);
    EXPECT_EQ(cudaEventRecord(join, side), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(stream, join, 0), cudaSuccess);
    EXPECT_EQ(LaunchScale(device, 2, 0, 1, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    return graph;
  };
  cudaGraph_t graph = capture(3);
  cudaGraphExec_t executable;
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(Download(device, 1)[0], 1) << "a capture runs nothing";
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(Download(device, 1)[0], 190);  // 1 → 4 → 14 → 28 → 85 → 95 → 190
  // The same topology with another argument updates; another topology doesn't.
  cudaGraph_t other = capture(5);
  cudaGraphExecUpdateResultInfo info;
  ASSERT_EQ(cudaGraphExecUpdate(executable, other, &info), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(Download(device, 1)[0], (190 * 5 + 1 + 10) * 2);
  cudaGraph_t shorter = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(LaunchScale(device, 5, 1, 1, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &shorter), cudaSuccess);
  EXPECT_EQ(cudaGraphExecUpdate(executable, shorter, &info), cudaErrorGraphExecUpdateFailure);
  EXPECT_EQ(info.result, cudaGraphExecUpdateErrorTopologyChanged);
}

TEST_F(EmulatedRuntime, RefusesWhatCapturesRefuse) {
  int* device = Upload(std::vector<int>{1});
  cudaStream_t stream, side;
  cudaEvent_t event;
  cudaGraph_t graph = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
  EXPECT_EQ(graph, nullptr);
  cudaGetLastError();
  // Work in another stream that is never joined.
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamWaitEvent(side, event, 0), cudaSuccess);
  ASSERT_EQ(LaunchScale(device, 1, 1, 1, side), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnjoined);
}

TEST_F(EmulatedRuntime, FaultsAreStickyAndSayWhere) {
  int* device = Upload(std::vector<int>(4));
  ASSERT_EQ(LaunchStore(device, 1 << 20, nullptr), cudaSuccess) << "a fault comes later";
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress) << "sticky";
  void* more = nullptr;
  EXPECT_EQ(cudaMalloc(&more, 4), cudaErrorIllegalAddress);
  EXPECT_EQ(LaunchStore(device, 0, nullptr), cudaErrorIllegalAddress);
  EXPECT_NE(std::string(hadalEmulatorReport()).find("Store"), std::string::npos) << hadalEmulatorReport();
  EXPECT_STREQ(cudaGetErrorName(cudaErrorIllegalAddress), "cudaErrorIllegalAddress");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorIllegalAddress), "an illegal memory access was encountered");
  ASSERT_EQ(cudaDeviceReset(), cudaSuccess);
  device = Upload(std::vector<int>(4));
  ASSERT_EQ(LaunchStore(device, 2, nullptr), cudaSuccess);
  EXPECT_EQ(Download(device, 4), (std::vector<int>{0, 0, 1, 0}));
}

TEST_F(EmulatedRuntime, ATrapIsALaunchFailure) {
  ASSERT_EQ(LaunchTrap(nullptr), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
}

TEST_F(EmulatedRuntime, ChecksCopies) {
  int host[8] = {};
  int* device = Upload(std::vector<int>(4));
  EXPECT_EQ(cudaMemcpy(device, host, 32, cudaMemcpyHostToDevice), cudaErrorInvalidValue) << "8 ints into 4";
  EXPECT_EQ(cudaMemcpy(device, host, 16, cudaMemcpyDeviceToHost), cudaErrorInvalidValue) << "wrong direction";
  EXPECT_EQ(cudaMemset(host, 0, 16), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFree(device + 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemset(device, 0x11, 16), cudaSuccess);
  EXPECT_EQ(Download(device, 4), std::vector<int>(4, 0x11111111));
  EXPECT_EQ(cudaFree(device), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(host, device, 16, cudaMemcpyDeviceToHost), cudaErrorInvalidValue) << "freed";
  EXPECT_EQ(cudaFree(device), cudaErrorInvalidValue);
}

TEST_F(EmulatedRuntime, RunsOutOfMemory) {
  size_t free_bytes = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&free_bytes, &total), cudaSuccess);
  EXPECT_EQ(free_bytes, total);
  void* memory = nullptr;
  EXPECT_EQ(cudaMalloc(&memory, total + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not sticky";
}

TEST_F(EmulatedRuntime, NamesWhatItLacks) {
  void* memory = nullptr;
  EXPECT_EQ(cudaMallocManaged(&memory, 4, cudaMemAttachGlobal), cudaErrorNotSupported);
  EXPECT_STREQ(hadalEmulatorReport(), "cudaMallocManaged is not implemented");
  EXPECT_EQ(cudaGetLastError(), cudaErrorNotSupported);
  void* entry = nullptr;
  cudaDriverEntryPointQueryResult found;
  EXPECT_EQ(cudaGetDriverEntryPoint("cuMemCreate", &entry, cudaEnableDefault, &found), cudaSuccess);
  EXPECT_EQ(found, cudaDriverEntryPointSymbolNotFound);
  EXPECT_STREQ(hadalEmulatorReport(), "cudaGetDriverEntryPoint: cuMemCreate is not implemented");
}

TEST_F(EmulatedRuntime, ChecksTensorMaps) {
  decltype(&cuTensorMapEncodeTiled) encode = nullptr;
  ASSERT_EQ(
      cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", reinterpret_cast<void**>(&encode), cudaEnableDefault, nullptr),
      cudaSuccess);
  auto* device = reinterpret_cast<char*>(Upload(std::vector<int>(64 * 64)));
  const auto make = [&](const void* address, cuuint64_t stride, cuuint32_t box, CUtensorMapSwizzle swizzle,
                        int rank = 2) {
    CUtensorMap map;
    const cuuint64_t dims[] = {64, 64}, strides[] = {stride};
    const cuuint32_t boxes[] = {box, 64}, ones[] = {1, 1};
    return encode(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, rank, const_cast<void*>(address), dims, strides, boxes, ones,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_NONE,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  };
  EXPECT_EQ(make(device, 256, 32, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_SUCCESS);
  EXPECT_EQ(make(device, 256, 64, CU_TENSOR_MAP_SWIZZLE_NONE), CUDA_SUCCESS);
  EXPECT_EQ(make(device, 256, 64, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_ERROR_INVALID_VALUE)
      << "a box wider than the swizzle";
  EXPECT_EQ(make(device + 8, 256, 32, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_ERROR_INVALID_VALUE) << "address";
  EXPECT_EQ(make(device, 260, 32, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_ERROR_INVALID_VALUE) << "stride";
  EXPECT_EQ(make(device, 256, 257, CU_TENSOR_MAP_SWIZZLE_NONE), CUDA_ERROR_INVALID_VALUE) << "box";
  EXPECT_EQ(make(device, 256, 32, CU_TENSOR_MAP_SWIZZLE_128B, 6), CUDA_ERROR_INVALID_VALUE) << "rank";
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

using EmulatedRuntimeDeathTest = EmulatedRuntime;

TEST_F(EmulatedRuntimeDeathTest, AHostAccessToDeviceMemoryDiesAndSaysWhich) {
  volatile int* device = Upload(std::vector<int>(25));
  EXPECT_EXIT(device[3] = 1, KilledBySignal(SIGSEGV),
              "host code touched device memory at .*byte 12 of allocation .*100 bytes");
}

}  // namespace
