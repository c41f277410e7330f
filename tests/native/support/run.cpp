#include "support/run.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

#include "cpu/inventory.h"

namespace hadal::tests {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kGuard = 0;
#else
constexpr size_t kGuard = 128;
#endif
constexpr std::byte kGuardByte{0xc3};

constexpr cpu::Variant kVariants[] = {
#define HD_VARIANT(op, type, name, isa) cpu::erase<cpu::type>(op, name, cpu::isa),
#include "cpu/inventory.inc"
#undef HD_VARIANT
};

void point_to_host_arrays(const Case& source, std::vector<std::byte>& args) {
  for (const HostArray& array : source.host_arrays) {
    const void* pointer = array.content.data();
    std::memcpy(&args[array.field], &pointer, sizeof pointer);
  }
}

constexpr std::align_val_t kAlignment{HD_ALIGNMENT};

std::byte* aligned(size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, kAlignment));
}

struct Free {
  void operator()(std::byte* memory) const { ::operator delete(memory, kAlignment); }
};

void require(int32_t status, const char* what) {
  if (status != HD_STATUS_OK) throw std::runtime_error(std::string(what) + ": " + last_error());
}

}  // namespace

Placed::Placed(const Case& source) : source_(source), args_(source.args) {
  for (const Tensor& tensor : source.tensors) {
    const size_t bytes = tensor.offset + tensor.content.size() + kGuard;
    std::byte* block = aligned(bytes);
    std::memset(block, static_cast<int>(kGuardByte), bytes);
    if (!tensor.content.empty()) std::memcpy(block + tensor.offset, tensor.content.data(), tensor.content.size());
    blocks_.push_back(block);
    void* pointer = block + tensor.offset;
    for (const size_t field : tensor.fields) std::memcpy(&args_[field], &pointer, sizeof pointer);
  }
  for (const PointerArray& array : source.arrays) {
    auto& pointers = arrays_.emplace_back();
    for (const size_t tensor : array.tensors) pointers.push_back(data(tensor));
    void* pointer = pointers.data();
    std::memcpy(&args_[array.field], &pointer, sizeof pointer);
  }
  point_to_host_arrays(source, args_);
}

Placed::~Placed() {
  for (std::byte* block : blocks_) Free{}(block);
}

std::vector<std::byte> Placed::content(size_t tensor) const {
  const std::byte* begin = blocks_[tensor] + source_.tensors[tensor].offset;
  return {begin, begin + source_.tensors[tensor].content.size()};
}

std::string Placed::damage() const {
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const Tensor& tensor = source_.tensors[i];
    for (size_t at = 0; at < tensor.offset; ++at) {
      if (blocks_[i][at] != kGuardByte) return "bytes before " + tensor.name;
    }
    const std::byte* end = blocks_[i] + tensor.offset + tensor.content.size();
    for (size_t at = 0; at < kGuard; ++at) {
      if (end[at] != kGuardByte) return "bytes after " + tensor.name;
    }
    if (tensor.role == Role::input && content(i) != tensor.content) return "the input " + tensor.name;
  }
  return {};
}

Outcome run_variant(const cpu::Variant& variant, const Case& source, ThreadPool& pool) {
  Placed placed(source);
  const uint64_t wanted = variant.workspace(placed.args(), pool.threads());
  const std::unique_ptr<std::byte, Free> workspace(aligned(wanted));
  std::memset(workspace.get(), 0x7f, wanted);
  Outcome outcome;
  outcome.status = variant.run(placed.args(), pool, workspace.get());
  if (outcome.status != HD_STATUS_OK) outcome.text = last_error();
  outcome.damage = placed.damage();
  for (size_t i = 0; i < source.tensors.size(); ++i) outcome.tensors.push_back(placed.content(i));
  return outcome;
}

Outcome run_on_device(hd_device* device, hd_stream* stream, const Case& source) {
  struct Release {
    void operator()(hd_buffer* buffer) const { hd_buffer_release(buffer); }
  };
  std::vector<std::unique_ptr<hd_buffer, Release>> buffers;
  std::vector<std::byte*> data;
  const auto allocate = [&](uint64_t bytes) {
    hd_buffer* buffer = nullptr;
    require(hd_buffer_create(device, bytes, &buffer), "hd_buffer_create");
    buffers.emplace_back(buffer);
    void* address = nullptr;
    require(hd_buffer_get_data(buffer, &address, nullptr), "hd_buffer_get_data");
    return static_cast<std::byte*>(address);
  };
  std::vector<std::byte> args = source.args;
  // Tensors of an array of pointers lie equally spaced, as CUDA wants weights of groups, and scales without gaps.
  std::vector<std::byte*> spaced(source.tensors.size());
  for (const PointerArray& array : source.arrays) {
    size_t step = 0;
    for (const size_t tensor : array.tensors) {
      const Tensor& one = source.tensors[tensor];
      const size_t alignment = one.type == Type::u8 ? HD_ALIGNMENT : size_of(one.type);
      step = std::max(step, (one.offset + one.content.size() + alignment - 1) / alignment * alignment);
    }
    std::byte* first = allocate(step * array.tensors.size() + 1);
    for (size_t i = 0; i < array.tensors.size(); ++i) spaced[array.tensors[i]] = first + i * step;
  }
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const Tensor& tensor = source.tensors[i];
    std::byte* address =
        (spaced[i] != nullptr ? spaced[i] : allocate(tensor.offset + tensor.content.size() + 1)) + tensor.offset;
    data.push_back(address);
    require(hd_copy_to_device(stream, address, tensor.content.data(), tensor.content.size()), "hd_copy_to_device");
    for (const size_t field : tensor.fields) std::memcpy(&args[field], &address, sizeof address);
  }
  std::vector<std::vector<void*>> arrays;
  for (const PointerArray& array : source.arrays) {
    auto& pointers = arrays.emplace_back();
    for (const size_t tensor : array.tensors) pointers.push_back(data[tensor]);
    void* pointer = pointers.data();
    std::memcpy(&args[array.field], &pointer, sizeof pointer);
  }
  point_to_host_arrays(source, args);
  Outcome outcome;
  // Asked without data, since a call must not want more once it is there.
  uint64_t wanted = 0;
  outcome.status = hd_workspace_size(device, source.op, source.args.data(), &wanted);
  if (outcome.status == HD_STATUS_OK) {
    void* workspace = wanted == 0 ? nullptr : allocate(wanted);
    outcome.status = call(source.op, stream, args.data(), workspace, wanted);
  }
  if (outcome.status != HD_STATUS_OK) outcome.text = last_error();
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    auto& content = outcome.tensors.emplace_back(source.tensors[i].content.size());
    require(hd_copy_to_host(stream, content.data(), data[i], content.size()), "hd_copy_to_host");
    if (source.tensors[i].role == Role::input && content != source.tensors[i].content) {
      outcome.damage = "the input " + source.tensors[i].name;
    }
  }
  return outcome;
}

std::span<const cpu::Variant> variants() {
  return kVariants;
}

const cpu::Variant& scalar_variant(int32_t op) {
  for (const cpu::Variant& variant : kVariants) {
    if (variant.op == op && variant.isa == cpu::Isa::scalar) return variant;
  }
  throw std::runtime_error("no scalar variant of operation " + std::to_string(op));
}

int32_t call(int32_t op, hd_stream* stream, const void* args, void* workspace, uint64_t workspace_size) {
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return hd_##name(stream, static_cast<const hd_##name##_args*>(args), workspace, workspace_size);
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      throw std::runtime_error("no operation " + std::to_string(op));
  }
}

std::string last_error() {
  uint64_t length = 0;
  hd_last_error(nullptr, 0, &length);
  std::string text(length + 1, '\0');
  hd_last_error(text.data(), text.size(), nullptr);
  text.resize(length);
  return text;
}

}  // namespace hadal::tests
