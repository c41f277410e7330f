// What every variant of every operation of the CUDA backend reaches on a card, in the shapes of DeepSeek-V3.2, in one
// table: time, rates, and their shares of the card's own copy rate and of the rates of its largest products, which are
// measured first. A measurement that fails says so, and the rest goes on.
//
//   hadal_cuda_bench [--minutes=N] [--filter=TEXT] [--tiny]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "card.h"
#include "setting.h"
#include "supervise.h"

namespace hadal::bench {

namespace {

struct Options {
  double minutes = 8;
  std::string filter;  // Only rows whose operation, variant and shape contain it.
  bool tiny = false;
};

enum class Outcome : uint8_t { left_out, measured, not_served, failed };

// What the worker processes leave in shared memory.
struct Found {
  int sm;  // Of the card; 0 before a worker has seen it, -1 where none can be used.
  // The best rates: bytes a second, read and written, and operations a second.
  double copy, bf16, fp8;
  char bf16_by[64], fp8_by[64];
};

// A measurement: a variant with arguments, or the card's copy, which has no variant.
struct Piece {
  const Setting* setting = nullptr;
  const cuda::Variant* variant = nullptr;
  // A composed call of the kernels that run on every card, in place of this card's best.
  bool of_portable = false;

  std::string operation() const {
    return variant == nullptr ? "copy" : std::string(variant->name, std::strchr(variant->name, '/'));
  }
  std::string kernel() const {
    if (variant == nullptr) return "cudaMemcpyAsync";
    const std::string kernel = std::strchr(variant->name, '/') + 1;
    return of_portable ? kernel + " of portable" : kernel;
  }
  std::string shape() const { return variant == nullptr ? "on the device" : setting->shape; }
  // What it is compared with comes first, whatever was asked for.
  bool is_limit() const { return variant == nullptr || setting->is_limit; }
  // The first columns of its row.
  std::string head() const { return text("%-20s %-20s %-44s", operation().c_str(), kernel().c_str(), shape().c_str()); }
};

bool is_composed(const cuda::Variant& variant) {
  return std::strstr(variant.name, "/composed") != nullptr;
}

std::vector<Piece> pieces_of(const std::vector<Setting>& settings) {
  bool has_upstream = false;
  for (const cuda::Variant& variant : cuda::variants()) has_upstream |= variant.least_sm > cuda::kLeastSm;
  std::vector<Piece> pieces{Piece{}};
  for (const Setting& setting : settings) {
    for (const cuda::Variant& variant : cuda::variants()) {
      if (variant.op != setting.op) continue;
      pieces.push_back({&setting, &variant});
      if (has_upstream && is_composed(variant)) pieces.push_back({&setting, &variant, true});
    }
  }
  return pieces;
}

void print_head(const cudaDeviceProp& card, bool tiny) {
  std::printf("%s, sm_%d%d, %d SMs, %.1f GB, L2 %.0f MB\n", card.name, card.major, card.minor, card.multiProcessorCount,
              static_cast<double>(card.totalGlobalMem) * 1e-9, static_cast<double>(card.l2CacheSize) * 1e-6);
  std::printf("%s\n", tiny ? "Tiny shapes, a call each: no figure says anything."
                           : "Median times by CUDA events, after warming up. L2 is flushed before each call, by "
                             "writing: what it holds goes "
                             "back to memory during the call.");
  std::printf("%-20s %-20s %-44s %10s %8s %7s %8s %7s\n", "operation", "variant", "shape", "us", "TFLOPS", "of best",
              "GB/s", "of copy");
}

class Bench {
 public:
  explicit Bench(const Options& options)
      : card_(properties()), timer_(card_, options.tiny), memory_(options.tiny ? size_t{64} << 10 : size_t{16} << 20) {
    device_.sm = card_.major * 10 + card_.minor;
    if (device_.sm < cuda::kLeastSm) {
      throw Failure(text("%s is sm_%d; the CUDA backend needs sm_%d", card_.name, device_.sm, cuda::kLeastSm), false);
    }
    device_.sm_count = card_.multiProcessorCount;
    tiny_ = options.tiny;
  }

  const cudaDeviceProp& card() const { return card_; }
  int sm() const { return device_.sm; }

  Outcome measure(const Piece& piece, Found& found) {
    memory_.clear();
    if (piece.variant == nullptr) return measure_copy(found);
    cuda::Card served = device_;
    if (piece.of_portable) {
      // The card has nothing else.
      if (cuda::variant_for(device_, HD_OP_GEMM, nullptr)->least_sm == cuda::kLeastSm) return Outcome::not_served;
      served.sm = cuda::kLeastSm;
    }
    if (!cuda::runs_on(*piece.variant, served)) return Outcome::not_served;
    const std::shared_ptr<const void> args = piece.setting->make(memory_);
    if (!piece.variant->serves(args.get())) return Outcome::not_served;
    const uint64_t wanted = piece.variant->workspace(args.get(), served);
    auto* workspace = static_cast<std::byte*>(memory_.zeros(static_cast<int64_t>(wanted)));
    const double seconds =
        timer_.seconds([&] { require(piece.variant->run(args.get(), served, timer_.stream(), workspace)); });
    report(piece, seconds, found);
    return Outcome::measured;
  }

 private:
  static cudaDeviceProp properties() {
    cudaDeviceProp card{};
    require(cudaSetDevice(0), "cudaSetDevice");
    require(cudaGetDeviceProperties(&card, 0), "cudaGetDeviceProperties");
    return card;
  }

  Outcome measure_copy(Found& found) {
    const int64_t bytes = int64_t{1} << (tiny_ ? 16 : 30);
    void* from = memory_.zeros(bytes);
    void* to = memory_.zeros(bytes);
    const double seconds = timer_.seconds([&] {
      require(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDeviceToDevice, timer_.stream()), "copy");
    });
    found.copy = 2.0 * static_cast<double>(bytes) / seconds;
    std::printf("%s %10.1f %8s %7s %8.1f\n", Piece{}.head().c_str(), seconds * 1e6, "", "", found.copy * 1e-9);
    return Outcome::measured;
  }

  static void report(const Piece& piece, double seconds, Found& found) {
    const Setting& setting = *piece.setting;
    const double rate = setting.operations / seconds;
    double& best = setting.rate == Rate::fp8 ? found.fp8 : found.bf16;
    if (setting.is_limit && rate > best) {
      best = rate;
      std::snprintf(setting.rate == Rate::fp8 ? found.fp8_by : found.bf16_by, sizeof found.fp8_by, "%s",
                    piece.variant->name);
    }
    const bool is_product = setting.rate != Rate::none;
    const double copied = setting.bytes / seconds;
    std::printf("%s %10.1f %8s %7s %8.1f %7s\n", piece.head().c_str(), seconds * 1e6,
                is_product ? text("%.2f", rate * 1e-12).c_str() : "", is_product ? share(rate, best).c_str() : "",
                copied * 1e-9, share(copied, found.copy).c_str());
  }

  static std::string share(double value, double of) { return of > 0 ? text("%.1f%%", 100 * value / of) : ""; }

  cudaDeviceProp card_;
  cuda::Card device_;
  Timer timer_;
  Memory memory_;
  bool tiny_ = false;
};

int count_of(const Outcome* outcomes, size_t count, Outcome wanted) {
  return static_cast<int>(std::count(outcomes, outcomes + count, wanted));
}

// Says which of the card's variants no row shows, though nothing was left out.
int count_unseen(const std::vector<Piece>& pieces, const Outcome* outcomes, int sm) {
  cuda::Card card;
  card.sm = sm;
  int unseen = 0;
  for (const cuda::Variant& variant : cuda::variants()) {
    if (!cuda::runs_on(variant, card)) continue;
    bool seen = false;
    for (size_t i = 0; i < pieces.size(); ++i) {
      seen |= pieces[i].variant == &variant && (outcomes[i] == Outcome::measured || outcomes[i] == Outcome::failed);
    }
    if (seen) continue;
    std::printf("%s: no measurement suits it\n", variant.name);
    ++unseen;
  }
  return unseen;
}

int run(const Options& options) {
  const std::vector<Setting> settings = all_settings(options.tiny);
  std::vector<Piece> pieces = pieces_of(settings);
  std::erase_if(pieces, [&](const Piece& piece) {
    return !piece.is_limit() && piece.head().find(options.filter) == std::string::npos;
  });
  auto& found = *new (shared_memory(sizeof(Found))) Found{};
  auto* outcomes = new (shared_memory(pieces.size())) Outcome[pieces.size()]{};

  const auto fail = [&](int i, const std::string& why) {
    const auto at = static_cast<size_t>(i);
    outcomes[at] = Outcome::failed;
    std::printf("%s FAILED: %s\n", pieces[at].head().c_str(), why.c_str());
  };
  std::unique_ptr<Bench> bench;  // Made in a worker: a CUDA context doesn't outlive a fork.
  const auto body = [&](int i) {
    try {
      if (found.sm < 0) return true;
      if (bench == nullptr) {
        bench = std::make_unique<Bench>(options);
        if (found.sm == 0) print_head(bench->card(), options.tiny);
        found.sm = bench->sm();
      }
      outcomes[i] = bench->measure(pieces[static_cast<size_t>(i)], found);
    } catch (const Failure& failure) {
      if (found.sm == 0) {
        found.sm = -1;
        std::printf("No CUDA device can be used: %s\n", failure.what());
        return true;
      }
      fail(i, failure.what());
      return bench != nullptr && !failure.is_lost;
    }
    return true;
  };
  const auto seconds = [](double count) { return std::chrono::seconds(static_cast<int64_t>(count)); };
  supervise(
      {static_cast<int>(pieces.size()), seconds(options.tiny ? 600 : 60), seconds(options.minutes * 60), body, fail});

  if (found.sm < 0) return 1;
  const int measured = count_of(outcomes, pieces.size(), Outcome::measured);
  const int failed = count_of(outcomes, pieces.size(), Outcome::failed);
  const int left_out = count_of(outcomes, pieces.size(), Outcome::left_out);
  const int unseen = options.filter.empty() && left_out == 0 ? count_unseen(pieces, outcomes, found.sm) : 0;
  std::printf(
      "Shares are of copying on the device, %.1f GB/s, and of the best large product: bf16 %.1f TFLOPS by %s, "
      "FP8 %.1f TFLOPS by %s.\n",
      found.copy * 1e-9, found.bf16 * 1e-12, found.bf16_by, found.fp8 * 1e-12, found.fp8_by);
  std::printf("%d measured, %d failed, %d left out for want of time\n", measured, failed, left_out);
  return failed + unseen > 0 ? 1 : 0;
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--tiny") {
      options.tiny = true;
    } else if (argument.starts_with("--filter=")) {
      options.filter = argument.substr(9);
    } else if (argument.starts_with("--minutes=") && (options.minutes = std::atof(arguments[i] + 10)) > 0) {
      continue;
    } else {
      std::fprintf(stderr, "%s: the arguments are --minutes=N, above 0, --filter=TEXT and --tiny\n", arguments[i]);
      std::exit(2);
    }
  }
  return options;
}

}  // namespace
}  // namespace hadal::bench

int main(int count, char** arguments) {
  return hadal::bench::run(hadal::bench::parse(count, arguments));
}
