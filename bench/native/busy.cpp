#include "busy.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <functional>
#include <string>

#include "cpu/features.h"
#include "neighbours.h"

namespace hadal::bench {
namespace {

constexpr double kBoundPercent = 50;
// Long beside a slice of the scheduler's.
constexpr std::chrono::duration<double> kTurn{0.25};

// Does the work again and again for a turn. How often a second.
double rate_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> time{};
  int64_t count = 0;
  do {
    work();
    ++count;
    time = std::chrono::steady_clock::now() - start;
  } while (time < kTurn);
  return static_cast<double>(count) / time.count();
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// An iteration is a turn alone and a turn beside the neighbours; of the turns, medians count. "%had" is the share of
// the machine's processor time that the turns alone had: where it is far below that of the pool's threads, other
// programs ran, and nothing was measured alone.
void measure(benchmark::State& state, const std::function<void()>& work) {
  Neighbours neighbours;
  std::vector<double> alone;
  std::vector<double> beside;
  std::vector<double> shares;
  std::vector<double> had;
  const auto processors = static_cast<double>(allowed_processors().size());
  work();
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t used = std::clock();
    alone.push_back(rate_of(work));
    const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    had.push_back(100 * static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC / time / processors);
    neighbours.be_busy(true);
    beside.push_back(rate_of(work));
    neighbours.be_busy(false);
    shares.push_back(100 * beside.back() / alone.back());
    state.SetIterationTime(1 / beside.back());
  }
  const double share = median(shares);
  state.counters["alone_us"] = 1e6 / median(alone);
  state.counters["beside_us"] = 1e6 / median(beside);
  state.counters["%alone"] = share;
  state.counters["%bound"] = 100 * share / kBoundPercent;
  state.counters["%had"] = median(had);
}

void add(const std::string& name, std::function<void(benchmark::State&)> run) {
  benchmark::RegisterBenchmark(("busy/" + name).c_str(), std::move(run))
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond)
      ->Iterations(9);
}

void add_call(ThreadPool& pool, std::span<const cpu::Variant> variants, const Setting& setting) {
  const cpu::Variant* best = nullptr;
  for (const cpu::Variant& variant : variants) {
    if (variant.op != setting.op || !cpu::supports(variant.isa)) continue;
    if (best == nullptr || variant.isa > best->isa) best = &variant;
  }
  add(std::string(best->name) + "/" + setting.name, [&pool, &setting, best](benchmark::State& state) {
    Call call = setting.make();
    const Block workspace = allocate(best->workspace(call.args.data(), pool.threads()));
    int64_t calls = 0;
    measure(state, [&] {
      if (call.turn) call.turn(calls++);
      best->run(call.args.data(), pool, workspace.get());
    });
  });
}

// Loops as short as those of a decoding step, which a model has by the thousand: items of about a microsecond.
void add_loops(ThreadPool& pool) {
  constexpr int kLoops = 100;
  constexpr int64_t kItems = 32;
  add("loops", [&pool](benchmark::State& state) {
    measure(state, [&] {
      for (int loop = 0; loop < kLoops; ++loop) {
        pool.parallel_for(kItems, [](int64_t item, int) {
          auto number = static_cast<uint64_t>(item);
          for (int i = 0; i < 600; ++i) number = number * 6364136223846793005u + 1442695040888963407u;
          benchmark::DoNotOptimize(number);
        });
      }
    });
  });
}

}  // namespace

void register_busy(ThreadPool& pool, std::span<const cpu::Variant> variants, const std::vector<Setting>& settings) {
  // Decoding of one text, of a few, and a prompt.
  for (const Setting& setting : settings) {
    const bool wanted = setting.name == "2048x7168/pow2/m1" || setting.name == "2048x7168/pow2/m4" ||
                        setting.name == "2048x7168/pow2/m256";
    if (setting.op == HD_OP_FP8_GEMM && wanted) add_call(pool, variants, setting);
  }
  add_loops(pool);
}

}  // namespace hadal::bench
