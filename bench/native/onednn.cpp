// The peer: oneDNN's matrix products of bf16 and of 8-bit integers (it takes no FP8 on a CPU), with the weight in the
// layout that it prefers.
#include <benchmark/benchmark.h>
#include <omp.h>
#include <sched.h>

#include <chrono>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "roofline.h"

namespace hadal::bench {
namespace {

using dnnl::memory;

// Each thread of OpenMP on a processor of its own while this lives. They wait actively: two on one processor pass it to
// each other by slices of the scheduler's, milliseconds each, and stay there.
class Pinned {
 public:
  Pinned() {
    sched_getaffinity(0, sizeof all_, &all_);
#pragma omp parallel
    {
      int skip = omp_get_thread_num() % CPU_COUNT(&all_);
      int processor = 0;
      while (!CPU_ISSET(processor, &all_) || skip-- > 0) ++processor;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(processor, &one);
      sched_setaffinity(0, sizeof one, &one);
    }
  }
  ~Pinned() {
#pragma omp parallel
    sched_setaffinity(0, sizeof all_, &all_);
  }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

 private:
  cpu_set_t all_;
};

struct Types {
  const char* name;
  memory::data_type a, b, d;
  bool has_peak;  // That the roofline measures.
};

void multiply(benchmark::State& state, const Types& types, int64_t m, int64_t n, int64_t k, const Roofline& roofline) {
  const Pinned pinned;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc a({m, k}, types.a, memory::format_tag::ab);
  const memory::desc b({k, n}, types.b, memory::format_tag::any);
  const memory::desc d({m, n}, types.d, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(a, b, d), engine);
  const dnnl::matmul matmul(description);
  // Several weights, so that they come from memory as a model's do.
  const int64_t weight_bytes = n * k * (types.b == memory::data_type::bf16 ? 2 : 1);
  const int64_t copies = std::max<int64_t>(1, (int64_t{128} << 20) / weight_bytes);
  // Numbers near 1 in bf16, any in 8 bits.
  const auto fill = [](const memory& x) {
    auto* bits = static_cast<uint16_t*>(x.get_data_handle());
    const size_t count = x.get_desc().get_size() / 2;
    for (size_t i = 0; i < count; ++i) bits[i] = static_cast<uint16_t>(0x3f80u + i % 64);
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
  const auto bytes = static_cast<double>(weight_bytes);
  const double operations = 2.0 * static_cast<double>(m * n * k);
  state.counters["us"] = time * 1e6;
  state.counters["GB/s"] = bytes / time * 1e-9;
  state.counters["GFLOPS"] = operations / time * 1e-9;
  state.counters["%bandwidth"] = 100 * bytes / roofline.read_bytes / time;
  if (!types.has_peak) return;
  const double least = std::max(bytes / roofline.read_bytes, operations / roofline.bf16_flops);
  state.counters["%peak"] = 100 * operations / roofline.bf16_flops / time;
  state.counters["%limit"] = 100 * least / time;
}

}  // namespace

void register_onednn(int threads, const Roofline& roofline) {
  omp_set_num_threads(threads);
  if (roofline.bf16_flops == 0) return;
  using Type = memory::data_type;
  for (const Types& types : {Types{"bf16", Type::bf16, Type::bf16, Type::bf16, true},
                             Types{"u8s8_bf16", Type::u8, Type::s8, Type::bf16, false},
                             Types{"u8s8_s32", Type::u8, Type::s8, Type::s32, false}}) {
    for (const int64_t m : {1, 4, 16, 64, 256}) {
      benchmark::RegisterBenchmark(("onednn_" + std::string(types.name) + "/7168x2048/m" + std::to_string(m)).c_str(),
                                   [=](benchmark::State& state) { multiply(state, types, m, 7168, 2048, roofline); })
          ->UseManualTime()
          ->Unit(benchmark::kMicrosecond)
          ->MinTime(0.1);
    }
  }
}

}  // namespace hadal::bench
