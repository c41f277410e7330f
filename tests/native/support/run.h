// Runs cases.
#pragma once

#include <cstddef>
#include <vector>

#include "cpu/kernel.h"
#include "support/case.h"

namespace hadal::tests {

// The memory of a case, laid out for a call: each tensor in an allocation of its own, which ends where the tensor ends
// under AddressSanitizer and in guard bytes otherwise.
class Placed {
 public:
  explicit Placed(const Case& source);
  ~Placed();
  Placed(const Placed&) = delete;
  Placed& operator=(const Placed&) = delete;

  void* args() { return args_.data(); }
  std::vector<std::byte> content(size_t tensor) const;
  std::byte* data(size_t tensor) { return blocks_[tensor] + source_.tensors[tensor].offset; }

  // Guard bytes and inputs are as they were; otherwise the name of what was written to.
  std::string damage() const;

 private:
  const Case& source_;
  std::vector<std::byte> args_;
  std::vector<std::byte*> blocks_;
  std::vector<std::vector<void*>> arrays_;
};

// What a call left: its status, and the content of every tensor.
struct Outcome {
  int32_t status = 0;
  std::string text;    // The error text, where it was refused.
  std::string damage;  // What it wrote to and must not have.
  std::vector<std::vector<std::byte>> tensors;
};

// Runs a variant, with a workspace of exactly the size that it asks for.
Outcome run_variant(const cpu::Variant& variant, const Case& source, ThreadPool& pool);

// Runs a case through the ABI, in buffers of the stream's device.
Outcome run_on_device(hd_device* device, hd_stream* stream, const Case& source);

// The variants of cpu/inventory.inc.
std::span<const cpu::Variant> variants();

// The scalar variant of an operation.
const cpu::Variant& scalar_variant(int32_t op);

// Calls the function of hadal.h that serves an operation.
int32_t call(int32_t op, hd_stream* stream, const void* args, void* workspace, uint64_t workspace_size);

// The thread's error text.
std::string last_error();

}  // namespace hadal::tests
