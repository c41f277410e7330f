#pragma once

// What the files of the runtime stand-in share: one process-wide runtime over one emulated device. Several devices are
// that one under several ordinals, each with memory and streams of its own.
//
// Asynchronous work is a graph of operations that nothing runs until somebody waits: an operation runs when its result
// is asked for, after what it depends on, with ready operations of unrelated streams mixed in in a seeded order. So a
// copy or kernel is as late as CUDA allows, and streams without an event between them are in no order.

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "../device.h"

namespace emulator::runtime {

struct Operation {
  std::vector<std::shared_ptr<Operation>> after;
  std::function<void()> run;
  bool done = false;
};
using OperationPtr = std::shared_ptr<Operation>;

enum class NodeKind { kKernel, kCopy, kFill, kHost, kEmpty };

// A node of a graph: what it does, and the nodes it comes after.
struct Node {
  NodeKind kind = NodeKind::kEmpty;
  std::function<void()> run;
  const void* identity = nullptr;  // the kernel; an update may not change it
  std::vector<size_t> after;
};

struct Capture {
  std::vector<Node> nodes;
  CUstream_st* origin = nullptr;
  std::set<CUstream_st*> streams;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  bool invalid = false;
  uint64_t id = 0;
};

}  // namespace emulator::runtime

// The opaque types of the CUDA headers.
struct CUstream_st {
  int device = 0;
  unsigned flags = 0;
  int priority = 0;
  emulator::runtime::OperationPtr last;                  // null when nothing was ever issued
  std::vector<emulator::runtime::OperationPtr> pending;  // events that the next operation waits for
  std::shared_ptr<emulator::runtime::Capture> capture;
  std::vector<size_t> capture_last;  // nodes that the next captured one comes after
};

struct CUevent_st {
  int device = 0;
  unsigned flags = 0;
  emulator::runtime::OperationPtr operation;  // null when never recorded
  std::shared_ptr<double> milliseconds = std::make_shared<double>(0);
  std::shared_ptr<emulator::runtime::Capture> capture;
  std::vector<size_t> capture_nodes;
};

struct CUgraph_st {
  std::vector<emulator::runtime::Node> nodes;
};

struct CUgraphExec_st {
  std::vector<emulator::runtime::Node> nodes;
};

namespace emulator::runtime {

struct Module {
  std::string ptx;    // empty when the fat binary held none that this device can take
  std::string error;  // why it can't be loaded
  cudaError_t status = cudaSuccess;
  int number = 0;  // of the emulated device; 0 before it is loaded
};

struct Function {
  Module* module = nullptr;
  std::string name;
  const KernelInfo* kernel = nullptr;  // null before the module is loaded
  size_t max_dynamic_shared = 48 * 1024;
  bool non_portable_cluster = false;
};

struct Variable {
  Module* module = nullptr;
  std::string name;
  size_t size = 0;
};

struct LaunchAttributes {
  Dim3 cluster{1, 1, 1};
};

class Runtime {
 public:
  static Runtime& Get();

  // Held by every entry point. Recursive: host functions in streams may call back.
  std::recursive_mutex mutex;

  // The device, made at the first call that needs one. Reports the sticky error, or why there is no device.
  cudaError_t Ready();
  Device& device() { return *device_; }
  bool has_device() const { return device_ != nullptr; }
  const Config& config() const { return config_; }
  int architecture() const { return architecture_; }  // 90 for sm_90
  int device_count() const { return device_count_; }
  bool IsOrdinal(int device) const { return device >= 0 && device < device_count_; }
  // The ordinal that the calling thread uses.
  static int& current() {
    thread_local int ordinal = 0;
    return ordinal;
  }
  void Reset();

  // --- errors: Fail sets what cudaGetLastError returns, and gives it back
  cudaError_t Fail(cudaError_t error, std::string_view report = {});
  cudaError_t TakeError();
  cudaError_t PeekError() const { return sticky_ != cudaSuccess ? sticky_ : last_error_; }
  void ReportFault(const Fault& fault, std::string_view what);  // makes the error sticky
  cudaError_t sticky() const { return sticky_; }
  const std::string& report() const { return report_; }

  // --- operations
  // The default stream for null and cudaStreamLegacy, one a thread for cudaStreamPerThread; null when there is no such.
  CUstream_st* FindStream(cudaStream_t handle);
  CUstream_st* MakeStream(unsigned flags, int priority);
  void DestroyStream(CUstream_st* stream);
  CUstream_st* default_stream() { return &default_stream_; }
  const std::set<CUstream_st*>& streams() const { return streams_; }

  // Issues work into a stream, or captures it.
  cudaError_t Issue(CUstream_st* stream, NodeKind kind, std::function<void()> run, const void* identity = nullptr,
                    OperationPtr* issued = nullptr);
  void IssueGraph(CUstream_st* stream, const std::vector<Node>& nodes);
  void Wait(const OperationPtr& operation);
  void WaitAll();
  // Runs at most one operation that is ready: progress for queries. False when there is none.
  bool RunOne();
  // Error when a capture makes a call that needs the device to be idle illegal.
  cudaError_t RefuseWhileCapturing();
  std::set<std::shared_ptr<Capture>>& captures() { return captures_; }
  double NextTime() { return clock_ += 0.001; }
  uint64_t NextId() { return ++ids_; }

  // --- code
  Module* AddModule(const void* fat_binary_wrapper);
  void RemoveModule(Module* module);
  void AddFunction(const void* host, Module* module, std::string name);
  void AddVariable(const void* host, Module* module, std::string name, size_t size);
  // By host symbol, or by a handle that cudaGetKernel gave. Loads the module.
  cudaError_t FindFunction(const void* symbol, Function** function);
  cudaError_t FindVariable(const void* symbol, Allocation* allocation);
  cudaError_t CheckLaunch(const Function& function, const LaunchConfig& launch);
  cudaError_t Launch(const void* symbol, const LaunchConfig& launch, void** arguments, cudaStream_t stream);

  // --- memory
  std::map<uintptr_t, size_t> pinned;  // host ranges that copies may read and write late
  bool IsPinned(const void* address, size_t bytes) const;
  // Memory of the current ordinal; 0 when it has no more.
  uint64_t Allocate(size_t bytes);
  bool Free(uint64_t address);
  size_t allocated_bytes(int ordinal) const;
  // The ordinal of live memory that the address lies in; -1 when it lies in none.
  int OwnerOf(uint64_t address) const;
  bool IsDevice(const void* address) const {
    return device_ && device_->IsDeviceAddress(reinterpret_cast<uint64_t>(address));
  }

 private:
  Runtime();
  cudaError_t LoadModule(Module& module);
  bool IsReady(const Operation& operation) const;
  void RunNow(const OperationPtr& operation);

  Config config_;
  int architecture_ = 90, device_count_ = 1;
  bool quiet_ = false;
  std::string configuration_error_;
  std::unique_ptr<Device> device_;
  struct Owned {
    int ordinal;
    size_t bytes;
  };
  std::map<uint64_t, Owned> owned_;  // live memory
  std::mt19937_64 random_;
  cudaError_t last_error_ = cudaSuccess, sticky_ = cudaSuccess;
  std::string report_;
  double clock_ = 0;
  uint64_t ids_ = 0;

  CUstream_st default_stream_;
  std::set<CUstream_st*> streams_;
  std::vector<OperationPtr> issued_;  // not done
  std::set<std::shared_ptr<Capture>> captures_;

  std::vector<std::unique_ptr<Module>> modules_;
  std::unordered_map<const void*, std::unique_ptr<Function>> functions_;
  std::set<const void*> function_handles_;
  std::unordered_map<const void*, Variable> variables_;
};

// What every entry point that needs a device begins with.
#define HADAL_RUNTIME_ENTER()          \
  Runtime& runtime = Runtime::Get();   \
  std::lock_guard lock(runtime.mutex); \
  if (const cudaError_t ready = runtime.Ready(); ready != cudaSuccess) return ready

}  // namespace emulator::runtime
