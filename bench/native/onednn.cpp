// The peer: oneDNN's bf16 matrix product (it takes no FP8 on a CPU), with the weight in the layout that it prefers.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <chrono>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "roofline.h"

namespace hadal::bench {
namespace {

void multiply(benchmark::State& state, int64_t m, int64_t n, int64_t k, const Roofline& roofline) {
  using dnnl::memory;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto bf16 = memory::data_type::bf16;
  const memory::desc a({m, k}, bf16, memory::format_tag::ab);
  const memory::desc b({k, n}, bf16, memory::format_tag::any);
  const memory::desc d({m, n}, bf16, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, d), engine);
  const dnnl::matmul matmul(description);
  // Several weights, so that they come from memory as a model's do.
  const int64_t copies = std::max<int64_t>(1, (int64_t{128} << 20) / (2 * n * k));
  const auto fill = [](const memory& x) {
    auto* bits = static_cast<uint16_t*>(x.get_data_handle());
    for (size_t i = 0; i < x.get_desc().get_size() / 2; ++i) bits[i] = static_cast<uint16_t>(0x3f80u + i % 64);
  };
  const memory a_memory(a, engine);
  const memory d_memory(d, engine);
  fill(a_memory);
  std::vector<memory> weights;
  for (int64_t i = 0; i < copies; ++i) {
    weights.emplace_back(description.weights_desc(), engine);
    fill(weights.back());
  }
  std::vector<double> samples;
  size_t call = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    matmul.execute(
        stream,
        {{DNNL_ARG_SRC, a_memory}, {DNNL_ARG_WEIGHTS, weights[call++ % weights.size()]}, {DNNL_ARG_DST, d_memory}});
    stream.wait();
    const double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    state.SetIterationTime(time);
    samples.push_back(time);
  }
  const double time = quiet(samples.data(), static_cast<int64_t>(samples.size()));
  const double bytes = 2.0 * static_cast<double>(n * k);
  const double operations = static_cast<double>(m) * bytes;
  const double least = std::max(bytes / roofline.read_bytes, operations / roofline.bf16_flops);
  state.counters["us"] = time * 1e6;
  state.counters["GB/s"] = bytes / time * 1e-9;
  state.counters["GFLOPS"] = operations / time * 1e-9;
  state.counters["%bandwidth"] = 100 * bytes / roofline.read_bytes / time;
  state.counters["%peak"] = 100 * operations / roofline.bf16_flops / time;
  state.counters["%limit"] = 100 * least / time;
}

}  // namespace

void register_onednn(int threads, const Roofline& roofline) {
  omp_set_num_threads(threads);
  if (roofline.bf16_flops == 0) return;
  for (const int64_t m : {1, 4, 16, 64, 256}) {
    benchmark::RegisterBenchmark(("onednn_bf16/7168x2048/m" + std::to_string(m)).c_str(),
                                 [=](benchmark::State& state) { multiply(state, m, 7168, 2048, roofline); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond)
        ->MinTime(0.1);
  }
}

}  // namespace hadal::bench
