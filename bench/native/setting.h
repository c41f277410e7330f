// What is measured: one call of an operation at a shape that a real model has.
#pragma once

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hadal.h"
#include "memory.h"

namespace hadal::bench {

// Arguments in memory, and what the call costs at the least.
struct Call {
  std::vector<std::byte> args;
  std::vector<Block> blocks;
  double bytes = 0;       // Read from memory or written, each once.
  double operations = 0;  // Multiplications and additions; 0 where arithmetic is no limit.
  // Other memory of the same content for a call, so that what a step reads once is not in the cache.
  std::function<void(int64_t call)> turn;
};

struct Setting {
  int32_t op;
  std::string name;
  std::function<Call()> make;
};

template <class Args>
class CallBuilder {
 public:
  Args args{};

  CallBuilder() { args.struct_size = sizeof(Args); }

  template <class T>
  T* zeros(int64_t count) {
    call_.blocks.push_back(allocate(static_cast<uint64_t>(count) * sizeof(T)));
    return reinterpret_cast<T*>(call_.blocks.back().get());
  }

  template <class T, class Fill>
  T* filled(int64_t count, const Fill& fill) {
    T* values = zeros<T>(count);
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<T>(fill(i));
    return values;
  }

  // e4m3 codes of both signs without NaN.
  uint8_t* codes(int64_t count) {
    uint32_t state = 1;
    return filled<uint8_t>(count, [&](int64_t) {
      state = state * 1664525u + 1013904223u;
      const uint32_t code = state >> 24;
      return (code & 0x7fu) == 0x7fu ? code ^ 1u : code;
    });
  }

  // bf16 of about one.
  uint16_t* bf16s(int64_t count) {
    uint32_t state = 7;
    return filled<uint16_t>(count, [&](int64_t) {
      state = state * 1664525u + 1013904223u;
      return 0x3f00u | (state >> 25) | (state >> 9 & 0x8000u);
    });
  }

  float* floats(int64_t count, float size = 1.0f) {
    uint32_t state = 3;
    return filled<float>(count, [&](int64_t) {
      state = state * 1664525u + 1013904223u;
      return size * (static_cast<float>(state >> 8) * 0x1p-23f - 1.0f);
    });
  }

  // Scales that are powers of two, or not.
  float* scales(int64_t count, bool pow2) {
    return filled<float>(count, [&](int64_t i) {
      return std::ldexp(pow2 ? 1.0f : 1.0f + 0.001f * static_cast<float>(i % 999), -8 - static_cast<int>(i % 3));
    });
  }

  Call finish(double bytes, double operations) {
    call_.args.resize(sizeof(Args));
    std::memcpy(call_.args.data(), &args, sizeof(Args));
    call_.bytes = bytes;
    call_.operations = operations;
    return std::move(call_);
  }

  // The same, with a field of args that walks over `copies` blocks, `step` bytes apart.
  template <class T>
  Call finish(double bytes, double operations, T* Args::*field, int64_t copies, int64_t step) {
    Call call = finish(bytes, operations);
    auto* const data = reinterpret_cast<Args*>(call.args.data());
    const auto* const first = reinterpret_cast<const std::byte*>(args.*field);
    call.turn = [=](int64_t i) {
      data->*field = reinterpret_cast<T*>(const_cast<std::byte*>(first) + i % copies * step);
    };
    return call;
  }

 private:
  Call call_;
};

std::vector<Setting> fp8_settings();
std::vector<Setting> dense_settings();
std::vector<Setting> moe_settings();
std::vector<Setting> attention_settings();

}  // namespace hadal::bench
