// What is measured: the arguments of calls in the shapes of DeepSeek-V3.2, and what such a call must at least do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "card.h"
#include "hadal.h"

namespace hadal::bench {

// Which products of a card an operation's are compared with.
enum class Rate { none, bf16, fp8 };

struct Setting {
  int32_t op;
  std::string shape;
  double bytes;       // Read and written, each operand once; of a cache what the tokens take of it.
  double operations;  // Multiplications and additions of products.
  Rate rate;
  // Arguments with what they point to on the host; device memory is the Memory's.
  std::function<std::shared_ptr<const void>(Memory&)> make;
  bool is_limit = false;  // A product so large that it shows the card's rate.
};

// Sizes of V3.2, or the smallest that each kernel takes, to try the program on an emulated device.
class Settings {
 public:
  explicit Settings(bool tiny) : tiny_(tiny) {}

  bool is_tiny() const { return tiny_; }
  int64_t size(int64_t real, int64_t tiny) const { return tiny_ ? tiny : real; }
  std::vector<int64_t> sizes(std::vector<int64_t> real, int64_t tiny) const {
    return tiny_ ? std::vector<int64_t>{tiny} : std::move(real);
  }

  std::vector<Setting> list;

 private:
  bool tiny_;
};

void add_fp8_limit(Settings& settings);
void add_bf16_limit(Settings& settings);
void add_fp8(Settings& settings);
void add_grouped(Settings& settings);
void add_dense(Settings& settings);
void add_moe(Settings& settings);
void add_caches(Settings& settings);
void add_indexer(Settings& settings);
void add_attention(Settings& settings);

// Those that show the card's rates come first.
std::vector<Setting> all_settings(bool tiny);

constexpr int64_t kHidden = 7168;
constexpr int64_t kHeads = 128;
constexpr int64_t kQueryRank = 1536;
constexpr int64_t kExperts = 256;
constexpr int64_t kTopExperts = 8;
constexpr int64_t kTopK = 2048;
constexpr int64_t kIndexHeads = 64;
constexpr int64_t kWords = 129280;

// "m=64 7168x2048".
std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Arguments that point to nothing on the host.
template <class Args>
std::shared_ptr<const void> owned(const Args& args) {
  return std::make_shared<Args>(args);
}

template <class T>
double number(T value) {
  return static_cast<double>(value);
}

template <class Args>
Args sized() {
  Args args{};
  args.struct_size = sizeof(Args);
  return args;
}

constexpr int64_t blocks(int64_t count) {
  return (count + HD_SCALE_BLOCK - 1) / HD_SCALE_BLOCK;
}

constexpr int32_t to_int(int64_t value) {
  return static_cast<int32_t>(value);
}

}  // namespace hadal::bench
