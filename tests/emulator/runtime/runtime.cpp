#include "runtime.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace emulator::runtime {
namespace {

// Reads a non-negative number with an optional suffix K, M or G. False when it is none.
bool ReadNumber(const char* text, uint64_t* value) {
  char* end = nullptr;
  if (*text < '0' || *text > '9') return false;
  *value = std::strtoull(text, &end, 0);
  const int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (shift) *value <<= shift, ++end;
  return *end == 0;
}

cudaError_t ErrorOf(FaultKind kind) {
  switch (kind) {
    case FaultKind::kNone:
      return cudaSuccess;
    case FaultKind::kInvalidModule:
      return cudaErrorInvalidPtx;
    case FaultKind::kInvalidLaunch:
      return cudaErrorInvalidConfiguration;
    case FaultKind::kInvalidAddress:
      return cudaErrorIllegalAddress;
    case FaultKind::kMisalignedAddress:
      return cudaErrorMisalignedAddress;
    case FaultKind::kUninitialized:
      return cudaErrorLaunchFailure;
    case FaultKind::kTrap:
      return cudaErrorLaunchFailure;
    case FaultKind::kDeadlock:
      return cudaErrorLaunchTimeout;
    case FaultKind::kIllegalInstruction:
      return cudaErrorIllegalInstruction;
  }
  return cudaErrorUnknown;
}

const Device* watched_device = nullptr;
struct sigaction previous_action;

// A host access to device memory: says which address and allocation, then lets the process die as it would have.
void OnSegmentationFault(int signal, siginfo_t* info, void* context) {
  const auto address = reinterpret_cast<uint64_t>(info->si_addr);
  if (watched_device && watched_device->IsDeviceAddress(address)) {
    char text[512];
    int length = std::snprintf(text, sizeof text, "emulated device: host code touched device memory at 0x%llx",
                               static_cast<unsigned long long>(address));
    if (const auto allocation = watched_device->FindAllocation(address)) {
      length += std::snprintf(text + length, sizeof text - length, ", byte %llu of %s %llu (%zu bytes at 0x%llx%s)",
                              static_cast<unsigned long long>(address - allocation->address), allocation->label.c_str(),
                              static_cast<unsigned long long>(allocation->id), allocation->size,
                              static_cast<unsigned long long>(allocation->address), allocation->live ? "" : ", freed");
    } else {
      length += std::snprintf(text + length, sizeof text - length, ", in no allocation");
    }
    length += std::snprintf(text + length, sizeof text - length, "\n");
    if (write(STDERR_FILENO, text, length) < 0) _exit(1);
  }
  sigaction(SIGSEGV, &previous_action, nullptr);
  if (previous_action.sa_flags & SA_SIGINFO) {
    previous_action.sa_sigaction(signal, info, context);
  }
  // Returning runs the access again, now with the previous action.
}

}  // namespace

Runtime& Runtime::Get() {
  // Never destroyed: destructors of static objects elsewhere may still call in.
  static Runtime* const runtime = new Runtime;
  return *runtime;
}

Runtime::Runtime() {
  const auto read = [&](const char* name, uint64_t low, uint64_t high, auto set) {
    const char* text = std::getenv(name);
    if (!text || !*text) return;
    uint64_t value = 0;
    if (!ReadNumber(text, &value) || value < low || value > high) {
      configuration_error_ = std::string(name) + " is '" + text + "', and must be a number from " +
                             std::to_string(low) + " to " + std::to_string(high);
    } else {
      set(value);
    }
  };
  // FlashMLA's combine ends the process above 160 parts.
  read("HADAL_EMULATOR_SMS", 1, 160, [&](uint64_t v) { config_.sm_count = static_cast<int>(v); });
  read("HADAL_EMULATOR_MEMORY", 1 << 20, uint64_t{1} << 40, [&](uint64_t v) { config_.memory_bytes = v; });
  read("HADAL_EMULATOR_SEED", 0, UINT64_MAX, [&](uint64_t v) { config_.seed = v; });
  read("HADAL_EMULATOR_STRICT", 0, 1, [&](uint64_t v) { config_.strict = v != 0; });
  read("HADAL_EMULATOR_THREADS", 0, 256, [&](uint64_t v) { config_.threads = static_cast<int>(v); });
  read("HADAL_EMULATOR_ARCHITECTURE", 50, 120, [&](uint64_t v) { architecture_ = static_cast<int>(v); });
  read("HADAL_EMULATOR_DEVICES", 0, 8, [&](uint64_t v) { device_count_ = static_cast<int>(v); });
  read("HADAL_EMULATOR_QUIET", 0, 1, [&](uint64_t v) { quiet_ = v != 0; });
  random_.seed(config_.seed);
}

cudaError_t Runtime::Ready() {
  if (sticky_ != cudaSuccess) return sticky_;
  if (device_) return cudaSuccess;
  if (!configuration_error_.empty()) return Fail(cudaErrorInitializationError, configuration_error_);
  if (device_count_ == 0) return Fail(cudaErrorNoDevice);
  Config all = config_;
  all.memory_bytes *= static_cast<size_t>(device_count_);
  device_ = std::make_unique<Device>(all);
  watched_device = device_.get();
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_sigaction = OnSegmentationFault;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSEGV, &action, &previous_action) == 0;
  }();
  return installed ? cudaSuccess : Fail(cudaErrorInitializationError, "can't handle SIGSEGV");
}

void Runtime::Reset() {
  issued_.clear();
  captures_.clear();
  for (CUstream_st* stream : streams_) delete stream;
  streams_.clear();
  default_stream_ = {};
  for (auto& module : modules_) module->number = 0;
  for (auto& [symbol, function] : functions_) function->kernel = nullptr, function->max_dynamic_shared = 48 * 1024;
  watched_device = nullptr;
  device_.reset();
  owned_.clear();
  last_error_ = sticky_ = cudaSuccess;
  report_.clear();
  random_.seed(config_.seed);
}

cudaError_t Runtime::Fail(cudaError_t error, std::string_view report) {
  last_error_ = error;
  if (!report.empty()) {
    report_ = report;
    if (!quiet_) std::fprintf(stderr, "emulated device: %s\n", report_.c_str());
  }
  return error;
}

cudaError_t Runtime::TakeError() {
  if (sticky_ != cudaSuccess) return sticky_;
  return std::exchange(last_error_, cudaSuccess);
}

void Runtime::ReportFault(const Fault& fault, std::string_view what) {
  if (sticky_ != cudaSuccess) return;
  std::string text(what);
  sticky_ = Fail(ErrorOf(fault.kind), text + ": " + fault.text);
}

// --- operations
// -------------------------------------------------------------------------------------------------------

CUstream_st* Runtime::FindStream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return &default_stream_;
  if (handle == cudaStreamPerThread) {
    thread_local CUstream_st* mine = nullptr;
    if (!mine || !streams_.contains(mine)) mine = MakeStream(cudaStreamDefault, 0);
    return mine;
  }
  return streams_.contains(handle) ? handle : nullptr;
}

CUstream_st* Runtime::MakeStream(unsigned flags, int priority) {
  auto* stream = new CUstream_st;
  stream->device = current();
  stream->flags = flags;
  stream->priority = priority;
  streams_.insert(stream);
  return stream;
}

void Runtime::DestroyStream(CUstream_st* stream) {
  // Its operations are kept by those issued.
  streams_.erase(stream);
  delete stream;
}

cudaError_t Runtime::Issue(CUstream_st* stream, NodeKind kind, std::function<void()> run, const void* identity,
                           OperationPtr* issued) {
  if (stream->capture) {
    Capture& capture = *stream->capture;
    if (capture.invalid) return Fail(cudaErrorStreamCaptureInvalidated);
    capture.nodes.push_back({kind, std::move(run), identity, stream->capture_last});
    stream->capture_last = {capture.nodes.size() - 1};
    return cudaSuccess;
  }
  if (stream == &default_stream_) {
    for (const auto& capture : captures_) {
      const bool blocking =
          std::ranges::any_of(capture->streams, [](auto* s) { return !(s->flags & cudaStreamNonBlocking); });
      if (blocking) {
        capture->invalid = true;
        return Fail(cudaErrorStreamCaptureImplicit,
                    "the legacy default stream was used while a blocking stream captures");
      }
    }
  }
  auto operation = std::make_shared<Operation>();
  operation->run = std::move(run);
  const auto add = [&](const OperationPtr& other) {
    if (other && !other->done) operation->after.push_back(other);
  };
  add(stream->last);
  for (const auto& event : stream->pending) add(event);
  stream->pending.clear();
  if (stream == &default_stream_) {
    for (CUstream_st* other : streams_) {
      if (!(other->flags & cudaStreamNonBlocking)) add(other->last);
    }
  } else if (!(stream->flags & cudaStreamNonBlocking)) {
    add(default_stream_.last);
  }
  stream->last = operation;
  issued_.push_back(operation);
  if (issued) *issued = operation;
  return cudaSuccess;
}

void Runtime::IssueGraph(CUstream_st* stream, const std::vector<Node>& nodes) {
  OperationPtr begin, end;
  Issue(stream, NodeKind::kEmpty, {}, nullptr, &begin);
  std::vector<OperationPtr> operations;
  for (const Node& node : nodes) {
    auto operation = std::make_shared<Operation>();
    operation->run = node.run;
    operation->after.push_back(begin);
    for (const size_t before : node.after) operation->after.push_back(operations[before]);
    operations.push_back(operation);
    issued_.push_back(operation);
  }
  Issue(stream, NodeKind::kEmpty, {}, nullptr, &end);
  end->after.insert(end->after.end(), operations.begin(), operations.end());
}

bool Runtime::IsReady(const Operation& operation) const {
  return std::ranges::all_of(operation.after, [](const auto& other) { return other->done; });
}

void Runtime::RunNow(const OperationPtr& operation) {
  // Taken out first: a host function may call in again.
  std::erase(issued_, operation);
  operation->after.clear();
  if (operation->run && sticky_ == cudaSuccess) operation->run();
  operation->run = nullptr;
  operation->done = true;
}

bool Runtime::RunOne() {
  std::vector<OperationPtr> ready;
  for (const auto& operation : issued_) {
    if (IsReady(*operation)) ready.push_back(operation);
  }
  if (ready.empty()) return false;
  RunNow(ready[random_() % ready.size()]);
  return true;
}

void Runtime::Wait(const OperationPtr& operation) {
  // What this operation needs, and by chance now and then something that it doesn't.
  std::set<const Operation*> needed;
  std::vector<const Operation*> open{operation.get()};
  while (!open.empty()) {
    const Operation* next = open.back();
    open.pop_back();
    if (next->done || !needed.insert(next).second) continue;
    for (const auto& before : next->after) open.push_back(before.get());
  }
  while (!operation->done) {
    std::vector<OperationPtr> ready;
    const bool others = random_() % 4 == 0;
    for (const auto& candidate : issued_) {
      if (IsReady(*candidate) && (others || needed.contains(candidate.get()))) ready.push_back(candidate);
    }
    if (ready.empty()) return;  // somebody further up the stack runs it: a host function that waits for itself
    RunNow(ready[random_() % ready.size()]);
  }
}

void Runtime::WaitAll() {
  while (RunOne()) {
  }
}

cudaError_t Runtime::RefuseWhileCapturing() {
  for (const auto& capture : captures_) {
    if (capture->mode != cudaStreamCaptureModeRelaxed) {
      capture->invalid = true;
      return Fail(cudaErrorStreamCaptureUnsupported,
                  "a call that waits for the device, or allocates, was made during a capture");
    }
  }
  return cudaSuccess;
}

uint64_t Runtime::Allocate(size_t bytes) {
  if (allocated_bytes(current()) + bytes > config_.memory_bytes) return 0;
  const uint64_t address = device_->Allocate(bytes);
  if (address) owned_[address] = {current(), bytes};
  return address;
}

bool Runtime::Free(uint64_t address) {
  owned_.erase(address);
  return device_->Free(address);
}

size_t Runtime::allocated_bytes(int ordinal) const {
  size_t bytes = 0;
  for (const auto& [address, owned] : owned_) bytes += owned.ordinal == ordinal ? owned.bytes : 0;
  return bytes;
}

int Runtime::OwnerOf(uint64_t address) const {
  auto owned = owned_.upper_bound(address);
  if (owned == owned_.begin()) return -1;
  --owned;
  return address < owned->first + owned->second.bytes ? owned->second.ordinal : -1;
}

bool Runtime::IsPinned(const void* address, size_t bytes) const {
  const auto start = reinterpret_cast<uintptr_t>(address);
  auto range = pinned.upper_bound(start);
  if (range == pinned.begin()) return false;
  --range;
  return start + bytes <= range->first + range->second;
}

}  // namespace emulator::runtime

namespace emulator::runtime {

// Of unimplemented.cpp, which knows no CUDA types.
int Unimplemented(const char* name) {
  Runtime& runtime = Runtime::Get();
  std::lock_guard lock(runtime.mutex);
  return runtime.Fail(cudaErrorNotSupported, std::string(name) + " is not implemented");
}

}  // namespace emulator::runtime
