// Mistakes that a card may forgive on a good day: each must give a report, or a wrong result on some seed.

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "asynchronous_kernels.h"
#include "control.h"

namespace {

struct Outcome {
  cudaError_t status;
  bool right;
  std::string report;
};

Outcome Try(cudaError_t (*launch)(const float*, float*, Mistake, cudaStream_t), Mistake mistake, uint64_t seed) {
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  hadalEmulatorSetSeed(seed);
  constexpr int kCount = kTileRows * kTileColumns;
  std::vector<float> values(kCount), result(kCount, -1);
  std::iota(values.begin(), values.end(), 1.0f);
  float *in = nullptr, *out = nullptr;
  EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&in), kCount * 4), cudaSuccess);
  EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&out), kCount * 4), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(in, values.data(), kCount * 4, cudaMemcpyHostToDevice), cudaSuccess);
  Outcome outcome{launch(in, out, mistake, nullptr), false, {}};
  EXPECT_EQ(outcome.status, cudaSuccess) << hadalEmulatorReport();
  outcome.status = cudaDeviceSynchronize();
  if (outcome.status == cudaSuccess) {
    EXPECT_EQ(cudaMemcpy(result.data(), out, kCount * 4, cudaMemcpyDeviceToHost), cudaSuccess);
    outcome.right = result == values;
  }
  outcome.report = hadalEmulatorReport();
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  return outcome;
}

constexpr int kSeeds = 8;

int WrongOrReported(cudaError_t (*launch)(const float*, float*, Mistake, cudaStream_t), Mistake mistake) {
  int found = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) found += !Try(launch, mistake, seed).right;
  return found;
}

TEST(PlantedFaults, RightKernelsAreRightOnEverySeed) {
  EXPECT_EQ(WrongOrReported(LaunchTensorCopy, Mistake::kNone), 0);
  EXPECT_EQ(WrongOrReported(LaunchAsynchronousCopy, Mistake::kNone), 0);
}

TEST(PlantedFaults, ARemovedBarrierWaitIsFound) {
  EXPECT_GT(WrongOrReported(LaunchTensorCopy, Mistake::kNoBarrierWait), 0);
}

TEST(PlantedFaults, ARemovedCopyWaitIsFound) {
  EXPECT_GT(WrongOrReported(LaunchAsynchronousCopy, Mistake::kNoCopyWait), 0);
}

TEST(PlantedFaults, AWrongSwizzleIsFound) {
  EXPECT_EQ(WrongOrReported(LaunchTensorCopy, Mistake::kWrongSwizzle), kSeeds);
}

TEST(PlantedFaults, ADeadlockIsReported) {
  const Outcome outcome = Try(LaunchTensorCopy, Mistake::kTooFewBytes, 1);
  EXPECT_EQ(outcome.status, cudaErrorLaunchTimeout);
  EXPECT_NE(outcome.report.find("mbarrier"), std::string::npos) << outcome.report;
}

TEST(PlantedFaults, ATensorMapThatIsTooLongIsReported) {
  const Outcome outcome = Try(LaunchTensorCopy, Mistake::kOneRowTooMany, 1);
  EXPECT_EQ(outcome.status, cudaErrorIllegalAddress);
  EXPECT_NE(outcome.report.find("TensorCopy"), std::string::npos) << outcome.report;
}

}  // namespace
