#pragma once

// A functional emulator of the part of a Hopper GPU (sm_90a) that the project's CUDA kernels use, for tests only.
// This header is all that a runtime stand-in or a test needs; everything behind it is private to the emulator.
//
// Device memory has addresses of its own inside one reserved, inaccessible range of the process, so that a device
// pointer is an ordinary 64-bit pointer that the host can do arithmetic on but never dereference: a host access is a
// SIGSEGV at an address for which `Device::IsDeviceAddress` holds. The emulator reaches the same pages through a
// second, private mapping; nobody has to change protections around a launch.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t{x} * y * z; }
};

struct Config {
  int sm_count = 132;
  // Bytes that may be allocated at once. Host memory is taken as it is allocated.
  size_t memory_bytes = size_t{8} << 30;
  // Orders warps and late completions: another seed is another legal interleaving, and the same seed is the same one.
  uint64_t seed = 1;
  // Reading never-written memory is a fault, and not only counted (upstream kernels do it on purpose); of shared
  // memory, which isn't counted, too.
  bool strict = false;
  // Host threads that run clusters in parallel; 0 takes all cores.
  int threads = 0;
  // Receives what device code prints, whole calls at a time; standard output when empty.
  std::function<void(std::string_view)> print;
};

enum class FaultKind {
  kNone,
  kInvalidModule,       // the PTX can't be read, or holds an instruction form that the emulator lacks
  kInvalidLaunch,       // unknown kernel, or sizes outside the device's limits
  kInvalidAddress,      // outside any allocation, freed, or of the wrong space
  kMisalignedAddress,   // vector, TMA, mbarrier or descriptor alignment
  kUninitialized,       // strict mode: read of never-written memory
  kTrap,                // trap, a failed device assertion
  kDeadlock,            // every warp of a cluster waits
  kIllegalInstruction,  // operands that the ISA gives no meaning: bad descriptor, wgmma accumulator read in flight, ...
};

// What went wrong, in the manner of compute-sanitizer: kernel, block, thread, instruction and the allocation concerned.
struct Fault {
  FaultKind kind = FaultKind::kNone;
  std::string text;
  explicit operator bool() const { return kind != FaultKind::kNone; }
};

struct Allocation {
  uint64_t address = 0;
  size_t size = 0;
  uint64_t id = 0;  // counts from 1 in the order of allocation
  bool live = true;
  std::string label;  // "allocation" or the name of a module's variable
};

struct KernelParameter {
  size_t offset = 0, size = 0, alignment = 1;  // bytes in the packed parameter buffer
};

struct KernelInfo {
  std::string name;  // mangled, as in the PTX
  std::vector<KernelParameter> parameters;
  size_t parameter_bytes = 0;
  size_t static_shared_bytes = 0;
  size_t local_bytes = 0;                // a thread
  uint32_t max_threads = 1024;           // of a block: .maxntid or .reqntid
  std::optional<Dim3> required_block;    // .reqntid
  std::optional<Dim3> required_cluster;  // .reqnctapercluster, with .explicitcluster
};

struct LaunchConfig {
  Dim3 grid, block;
  Dim3 cluster{1, 1, 1};
  size_t dynamic_shared_bytes = 0;
};

// Sums over all launches since the device was made, or since ResetCounters.
struct Counters {
  uint64_t launches = 0;
  uint64_t warp_instructions = 0;
  uint64_t lane_instructions = 0;    // lanes that took part, summed over warp instructions
  uint64_t tensor_flops = 0;         // multiply and add count as two
  uint64_t uninitialized_reads = 0;  // bytes read before anything wrote them
};

// CUtensorMap in its own terms. The values of the enumerations are those of the CUDA driver API's (cuda.h).
enum class TensorMapType : uint32_t {
  kUint8 = 0,
  kUint16 = 1,
  kUint32 = 2,
  kInt32 = 3,
  kUint64 = 4,
  kInt64 = 5,
  kFloat16 = 6,
  kFloat32 = 7,
  kFloat64 = 8,
  kBFloat16 = 9,
  kFloat32Ftz = 10,
  kTFloat32 = 11,
  kTFloat32Ftz = 12,
};
enum class TensorMapSwizzle : uint32_t { kNone = 0, k32B = 1, k64B = 2, k128B = 3 };

struct TensorMap {
  TensorMapType type = TensorMapType::kUint8;
  uint32_t rank = 0;                      // 1 to 5; index 0 is the innermost dimension below
  uint64_t global_address = 0;            // 16-byte aligned
  uint64_t dims[5] = {1, 1, 1, 1, 1};     // elements
  uint64_t strides[5] = {0, 0, 0, 0, 0};  // bytes; strides[0] is the element size, strides[i] that of dimension i
  uint32_t box[5] = {1, 1, 1, 1, 1};      // elements
  uint32_t element_strides[5] = {1, 1, 1, 1, 1};
  uint32_t interleave = 0;  // only 0 (none) is taken
  TensorMapSwizzle swizzle = TensorMapSwizzle::kNone;
  uint32_t l2_promotion = 0;  // no effect
  uint32_t oob_fill_nan = 0;  // 0: zeros; 1: NaN (floating types)
};

inline constexpr size_t kTensorMapBytes = 128;

// Checks a map by the driver's documented rules and writes its 128 bytes (64-byte aligned in real use; any here).
// Returns an empty text, or what is wrong: then the bytes are not written.
std::string EncodeTensorMap(const TensorMap& map, void* bytes);
// Nothing when the bytes were not written by EncodeTensorMap.
std::optional<TensorMap> DecodeTensorMap(const void* bytes);
// Bytes of one element.
size_t TensorMapElementBytes(TensorMapType type);

// One emulated GPU. Calls may come from any thread, and are taken one at a time: order is the caller's affair (a
// runtime stand-in's streams). A launch runs to its end before it returns.
class Device {
 public:
  explicit Device(Config config);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Config& config() const;
  void SetSeed(uint64_t seed);
  void SetStrict(bool strict);

  // --- memory -------------------------------------------------------------------------------------------------------
  // 512-byte aligned device memory, never written; 0 when memory_bytes would be exceeded. Zero bytes give a distinct
  // address that can't be accessed.
  uint64_t Allocate(size_t bytes, std::string label = "allocation");
  // False when `address` is not the start of a live allocation. The address is not given out again for a long while.
  bool Free(uint64_t address);
  // The allocation (or the freed one) that holds the address, if any.
  std::optional<Allocation> FindAllocation(uint64_t address) const;
  std::vector<Allocation> LiveAllocations() const;
  size_t allocated_bytes() const;
  // Whether the address lies in the device's reserved range at all, allocated or not: for SIGSEGV handlers
  // (async-signal-safe).
  bool IsDeviceAddress(uint64_t address) const;

  // Each fails, changing nothing, when a device range is not wholly inside one live allocation.
  Fault CopyToDevice(uint64_t target, const void* source, size_t bytes);
  Fault CopyFromDevice(void* target, uint64_t source, size_t bytes);
  Fault CopyOnDevice(uint64_t target, uint64_t source, size_t bytes);  // ranges may overlap
  // `width` is 1, 2 or 4 bytes; the pattern's low bytes are written `count` times.
  Fault Fill(uint64_t target, uint32_t pattern, size_t width, size_t count);

  // --- modules ------------------------------------------------------------------------------------------------------
  // Reads PTX text; `name` is used in messages. All kernels, functions and variables of a module are readable at once;
  // names that another loaded module defined already are resolved within the own module first.
  // On success `*module` is the module's number, from 1.
  Fault LoadModule(std::string_view ptx, std::string_view name, int* module);
  // Null when there is no such kernel. `module` 0 looks in all, the latest first. Valid while the module is loaded.
  const KernelInfo* FindKernel(std::string_view mangled_name, int module = 0) const;
  // The address and size of a module's .global or .const variable, as an allocation.
  std::optional<Allocation> FindVariable(std::string_view name, int module = 0) const;
  std::vector<std::string> KernelNames(int module) const;
  bool UnloadModule(int module);

  // Runs a kernel to its end. `parameters` is the packed buffer that KernelInfo::parameters describes.
  // After a fault the memory is as the kernel left it; whether the device is usable then is the caller's policy.
  Fault Launch(const KernelInfo& kernel, const LaunchConfig& launch, std::span<const std::byte> parameters);

  Counters counters() const;
  void ResetCounters();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Limits of the emulated device (those of an H100).
inline constexpr size_t kMaxSharedBytesPerBlock = 232448;  // 227 KiB, static and dynamic together
inline constexpr size_t kReservedSharedBytes = 1024;
inline constexpr uint32_t kMaxThreadsPerBlock = 1024;
inline constexpr uint32_t kMaxBlocksPerCluster = 16;  // above 8 needs the non-portable attribute

}  // namespace emulator
