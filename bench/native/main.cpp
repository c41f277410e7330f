// Every variant of the inventory at shapes of the real model, as a share of what the machine can do: the limits are
// measured before each, since bandwidth and frequency drift.
//
//   hadal_bench [--threads=N] [--thread-time] [--scalar] [Google Benchmark's flags, as
//   --benchmark_filter=fp8_gemm/avx512]
//
// The family "busy" measures a few of them beside other busy threads (busy.h).
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>

#include "busy.h"
#include "core/numa.h"
#include "cpu/features.h"
#include "cpu/inventory.h"
#include "platform/processors.h"
#include "roofline.h"
#include "setting.h"

namespace hadal::bench {

#if defined(HADAL_BENCH_ONEDNN)
void register_onednn(int threads, const Roofline& roofline);
#endif

namespace {

constexpr cpu::Variant kVariants[] = {
#define HD_VARIANT(op, type, name, isa) cpu::erase<cpu::type>(op, name, cpu::isa),
#include "cpu/inventory.inc"
#undef HD_VARIANT
};

// The shape that was measured last, kept for the next variant of it.
struct Current {
  const Setting* setting = nullptr;
  Call call;
};

void measure(benchmark::State& state, const cpu::Variant& variant, const Setting& setting, Current& current,
             ThreadPool& pool) {
  if (current.setting != &setting) {
    current.call = Call{};
    current.call = setting.make();
    current.setting = &setting;
  }
  Call& call = current.call;
  const void* args = call.args.data();
  if (!variant.serves(args)) {
    state.SkipWithError("this variant does not serve these types");
    return;
  }
  const Block workspace = allocate(variant.workspace(args, pool.threads()));
  const Roofline roofline = measure_roofline(pool);
  std::vector<double> samples;
  int64_t calls = 0;
  for (auto _ : state) {
    if (call.turn) call.turn(calls++);
    const double start = seconds_now();
    const int32_t status = variant.run(args, pool, workspace.get());
    const double time = seconds_now() - start;
    if (status != HD_STATUS_OK) {
      state.SkipWithError("the call was refused");
      return;
    }
    state.SetIterationTime(time);
    samples.push_back(time);
  }
  const double time = quiet(samples.data(), static_cast<int64_t>(samples.size()));
  const double peak = roofline.flops(variant.isa);
  const double least = std::max(call.bytes / roofline.read_bytes, peak > 0 ? call.operations / peak : 0);
  state.counters["us"] = time * 1e6;
  state.counters["GB/s"] = call.bytes / time * 1e-9;
  state.counters["GFLOPS"] = call.operations / time * 1e-9;
  state.counters["%bandwidth"] = 100 * call.bytes / roofline.read_bytes / time;
  state.counters["%peak"] = peak > 0 ? 100 * call.operations / peak / time : 0;
  state.counters["%limit"] = 100 * least / time;
}

// From the call until both the caller and another worker have done an item: an upper bound of the dispatch.
void dispatch(benchmark::State& state, ThreadPool& pool) {
  for (auto _ : state) {
    pool.parallel_for(pool.threads(), [](int64_t item, int) { benchmark::DoNotOptimize(item); });
  }
}

bool take_flag(int& count, char** arguments, const std::string& name, std::string* value) {
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    const bool valued = value != nullptr && argument.rfind(name + "=", 0) == 0;
    if (!valued && argument != name) continue;
    if (valued) *value = argument.substr(name.size() + 1);
    std::copy(arguments + i + 1, arguments + count, arguments + i);
    --count;
    return true;
  }
  return false;
}

int run(int count, char** arguments) {
  std::string threads = std::to_string(allowed_processors().size());
  take_flag(count, arguments, "--threads", &threads);
  // One thread by its own processor time, where the machine is busy with other things.
  const bool by_thread_time = take_flag(count, arguments, "--thread-time", nullptr);
  if (by_thread_time) {
    threads.assign(1, '1');
    measure_by_thread_time();
  }
  const bool scalar = take_flag(count, arguments, "--scalar", nullptr);
  std::vector<char*> flags(arguments, arguments + count);
  std::string tabular = "--benchmark_counters_tabular=true";
  flags.insert(flags.begin() + 1, tabular.data());
  int flag_count = static_cast<int>(flags.size());
  benchmark::Initialize(&flag_count, flags.data());
  if (benchmark::ReportUnrecognizedArguments(flag_count, flags.data())) return 1;

  ThreadPool pool(std::max(1, std::atoi(threads.c_str())), numa_nodes(allowed_processors()));
  const Roofline roofline = measure_roofline(pool);
  std::printf("%d threads: memory %.1f GB/s, vdpbf16ps %.0f GFLOPS, f32 %.0f GFLOPS, f32 in AVX2 %.0f GFLOPS\n",
              pool.threads(), roofline.read_bytes * 1e-9, roofline.bf16_flops * 1e-9, roofline.f32_flops * 1e-9,
              roofline.avx2_flops * 1e-9);

  std::vector<Setting> settings;
  for (auto make : {fp8_settings, dense_settings, moe_settings, attention_settings}) {
    for (Setting& setting : make()) settings.push_back(std::move(setting));
  }
  Current current;
  for (const Setting& setting : settings) {
    for (const cpu::Variant& variant : kVariants) {
      if (variant.op != setting.op || !cpu::supports(variant.isa)) continue;
      if (variant.isa == cpu::Isa::scalar && !scalar) continue;
      benchmark::RegisterBenchmark((std::string(variant.name) + "/" + setting.name).c_str(),
                                   [&](benchmark::State& state) { measure(state, variant, setting, current, pool); })
          ->UseManualTime()
          ->Unit(benchmark::kMicrosecond)
          ->MinTime(0.1);
    }
  }
  for (const cpu::Variant& variant : kVariants) {
    const auto same = [&](const Setting& setting) { return setting.op == variant.op; };
    if (std::none_of(settings.begin(), settings.end(), same)) {
      std::fprintf(stderr, "no shape is measured for %s\n", variant.name);
      return 1;
    }
  }
  benchmark::RegisterBenchmark("dispatch", [&](benchmark::State& state) { dispatch(state, pool); })->UseRealTime();
  // Processor time tells nothing of neighbours.
  if (!by_thread_time) register_busy(pool, kVariants, settings);
#if defined(HADAL_BENCH_ONEDNN)
  register_onednn(pool.threads(), roofline);
#endif
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace hadal::bench

int main(int count, char** arguments) {
  return hadal::bench::run(count, arguments);
}
