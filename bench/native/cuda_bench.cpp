// What the CUDA backend's kernels reach on a card, as shares of its copy bandwidth and of the matrix rates that large
// products reach on it, both measured first.
//
//   hadal_cuda_bench [--divide=N]      shapes divided by N, to try the program where a card is only emulated
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "hadal.h"

namespace hadal::bench {
namespace {

int64_t divide = 1;

int64_t scaled(int64_t count, int64_t multiple) {
  const int64_t less = count / divide / multiple * multiple;
  return less < multiple ? multiple : less;
}

[[noreturn]] void stop(const char* what) {
  char text[4096];
  hd_last_error(text, sizeof text, nullptr);
  std::fprintf(stderr, "%s: %s\n", what, text);
  std::exit(1);
}

void require(int32_t status, const char* what) {
  if (status != HD_STATUS_OK) stop(what);
}

class Card {
 public:
  Card() {
    const hd_device_options options{sizeof(hd_device_options), HD_DEVICE_CUDA, 0, 0};
    require(hd_device_create(&options, &device_), "no CUDA device");
    require(hd_stream_create(device_, &stream_), "hd_stream_create");
    hd_device_info info{};
    info.struct_size = sizeof info;
    require(hd_device_get_info(device_, &info), "hd_device_get_info");
    std::printf("%s, %s, %.1f GB\n", info.name, info.isa, static_cast<double>(info.memory_bytes) * 1e-9);
  }
  ~Card() {
    clear();
    hd_stream_release(stream_);
    hd_device_release(device_);
  }
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  template <class T>
  T* zeros(int64_t count) {
    hd_buffer* buffer = nullptr;
    require(hd_buffer_create(device_, static_cast<uint64_t>(count) * sizeof(T), &buffer), "hd_buffer_create");
    buffers_.push_back(buffer);
    void* data = nullptr;
    require(hd_buffer_get_data(buffer, &data, nullptr), "hd_buffer_get_data");
    return static_cast<T*>(data);
  }

  template <class T, class Fill>
  T* filled(int64_t count, const Fill& fill) {
    std::vector<T> values(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) values[static_cast<size_t>(i)] = static_cast<T>(fill(i));
    T* data = zeros<T>(count);
    require(hd_copy_to_device(stream_, data, values.data(), values.size() * sizeof(T)), "hd_copy_to_device");
    return data;
  }

  // e4m3 codes between -2 and 2.
  uint8_t* codes(int64_t count) {
    return filled<uint8_t>(count, [&](int64_t) { return random_() & 0xbfu; });
  }
  uint16_t* bf16s(int64_t count) {  // Between 0.5 and 2, of both signs.
    return filled<uint16_t>(count, [&](int64_t) { return 0x3f00u | (random_() & 0x80ffu); });
  }
  float* ones(int64_t count) {
    return filled<float>(count, [](int64_t) { return 1.0f; });
  }

  void clear() {
    for (hd_buffer* buffer : buffers_) hd_buffer_release(buffer);
    buffers_.clear();
  }

  // Seconds of one of many calls that `queue` queues.
  template <class Queue>
  double seconds(const Queue& queue) {
    using Clock = std::chrono::steady_clock;
    const auto run = [&](int count) {
      const auto start = Clock::now();
      for (int i = 0; i < count; ++i) require(queue(), "a call");
      require(hd_stream_synchronize(stream_), "hd_stream_synchronize");
      return std::chrono::duration<double>(Clock::now() - start).count();
    };
    run(1);
    const double once = run(1);
    const int count = divide > 1 ? 1 : static_cast<int>(0.2 / (once + 1e-6)) + 1;
    return run(count) / count;
  }

  template <class Args>
  double seconds(int32_t op, Args& args, int32_t (*call)(hd_stream*, const Args*, void*, uint64_t)) {
    args.struct_size = sizeof(Args);
    uint64_t wanted = 0;
    require(hd_workspace_size(device_, op, &args, &wanted), "hd_workspace_size");
    void* workspace = wanted == 0 ? nullptr : zeros<std::byte>(static_cast<int64_t>(wanted));
    return seconds([&] { return call(stream_, &args, workspace, wanted); });
  }

  std::string kernel(int32_t op) const {
    char name[64] = {};
    hd_kernel_name(device_, op, name, sizeof name);
    return name;
  }

  hd_stream* stream() const { return stream_; }

 private:
  hd_device* device_ = nullptr;
  hd_stream* stream_ = nullptr;
  std::vector<hd_buffer*> buffers_;
  std::minstd_rand random_;
};

struct Limits {
  double copy = 0;  // Bytes a second, read and written.
  double bf16 = 0;  // Operations a second.
  double fp8 = 0;
};

void report(const Card& card, int32_t op, const std::string& shape, double seconds, double bytes, double operations,
            double peak, const Limits& limits) {
  std::printf("%-32s %-34s %10.1f us %8.1f GB/s (%5.1f %%)", card.kernel(op).c_str(), shape.c_str(), seconds * 1e6,
              bytes / seconds * 1e-9, 100 * bytes / seconds / limits.copy);
  if (operations > 0)
    std::printf(" %8.1f TFLOPS (%5.1f %%)", operations / seconds * 1e-12, 100 * operations / seconds / peak);
  std::printf("\n");
}

double fp8_gemm(Card& card, int64_t m, int64_t n, int64_t k) {
  hd_fp8_gemm_args args{};
  args.d_dtype = HD_DTYPE_BF16;
  args.m = static_cast<int32_t>(m);
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = card.codes(m * k);
  args.a_scale_row_stride = 1;
  args.a_scale_block_stride = (m + 3) / 4 * 4;
  args.a_scale = card.ones(args.a_scale_block_stride * (k / 128));
  args.b = card.codes(n * k);
  args.b_scale = card.ones((n + 127) / 128 * (k / 128));
  args.d = card.zeros<uint16_t>(m * n);
  args.d_stride = n;
  const double time = card.seconds(HD_OP_FP8_GEMM, args, hd_fp8_gemm);
  card.clear();
  return time;
}

double bf16_gemm(Card& card, int64_t m, int64_t n, int64_t k) {
  hd_gemm_args args{};
  args.a_dtype = args.b_dtype = args.d_dtype = HD_DTYPE_BF16;
  args.batch = 1;
  args.m = static_cast<int32_t>(m);
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = card.bf16s(m * k);
  args.a_stride = args.b_stride = k;
  args.b = card.bf16s(n * k);
  args.d = card.zeros<uint16_t>(m * n);
  args.d_stride = n;
  const double time = card.seconds(HD_OP_GEMM, args, hd_gemm);
  card.clear();
  return time;
}

Limits measure_limits(Card& card) {
  Limits limits;
  const int64_t bytes = scaled(int64_t{1} << 30, 4096);
  auto* from = card.zeros<std::byte>(bytes);
  auto* to = card.zeros<std::byte>(bytes);
  const auto copy = [&] { return hd_copy(card.stream(), to, from, static_cast<uint64_t>(bytes)); };
  limits.copy = 2.0 * static_cast<double>(bytes) / card.seconds(copy);
  card.clear();
  const int64_t side = scaled(8192, 128);
  const double operations = 2.0 * std::pow(static_cast<double>(side), 3);
  limits.bf16 = operations / bf16_gemm(card, side, side, side);
  limits.fp8 = operations / fp8_gemm(card, side, side, side);
  std::printf("copy %.0f GB/s, bf16 %.1f TFLOPS, FP8 %.1f TFLOPS\n", limits.copy * 1e-9, limits.bf16 * 1e-12,
              limits.fp8 * 1e-12);
  return limits;
}

void measure_gemms(Card& card, const Limits& limits) {
  for (const int64_t m : {1, 16, 64, 256, 4096}) {
    const int64_t n = scaled(7168, 128);
    const int64_t k = scaled(2048, 128);
    const double product = static_cast<double>(n) * static_cast<double>(k);
    report(card, HD_OP_FP8_GEMM, std::to_string(n) + "x" + std::to_string(k) + " m=" + std::to_string(m),
           fp8_gemm(card, m, n, k), product, 2.0 * static_cast<double>(m) * product, limits.fp8, limits);
  }
}

// Eight experts with 128 rows each.
void measure_grouped(Card& card, const Limits& limits) {
  constexpr int64_t kExperts = 8;
  const int64_t m = kExperts * 128;
  const int64_t n = scaled(4096, 128);
  const int64_t k = scaled(7168, 128);
  hd_fp8_gemm_contiguous_args args{};
  args.d_dtype = HD_DTYPE_BF16;
  args.groups = kExperts;
  args.m = static_cast<int32_t>(m);
  args.n = static_cast<int32_t>(n);
  args.k = static_cast<int32_t>(k);
  args.a = card.codes(m * k);
  args.a_scale = card.ones(m * (k / 128));
  args.a_scale_row_stride = 1;
  args.a_scale_block_stride = m;
  const uint8_t* weights = card.codes(kExperts * n * k);
  const float* scales = card.ones(kExperts * (n / 128) * (k / 128));
  const uint8_t* b[kExperts];
  const float* b_scale[kExperts];
  for (int64_t g = 0; g < kExperts; ++g) {
    b[g] = weights + g * n * k;
    b_scale[g] = scales + g * (n / 128) * (k / 128);
  }
  args.b = b;
  args.b_scale = b_scale;
  args.grouped_layout = card.filled<int32_t>(m, [](int64_t row) { return row / 128; });
  args.d = card.zeros<uint16_t>(m * n);
  const double weight = static_cast<double>(kExperts) * static_cast<double>(n) * static_cast<double>(k);
  report(card, HD_OP_FP8_GEMM_CONTIGUOUS,
         "8 experts of " + std::to_string(n) + "x" + std::to_string(k) + ", 128 rows each",
         card.seconds(HD_OP_FP8_GEMM_CONTIGUOUS, args, hd_fp8_gemm_contiguous), weight, 2.0 * 128 * weight, limits.fp8,
         limits);
  card.clear();
}

void measure_attention(Card& card, const Limits& limits, int64_t m) {
  const int64_t heads = scaled(128, 16);
  const int64_t topk = scaled(2048, 64);
  const int64_t pages = scaled(512, 1) + topk / 64;
  hd_sparse_mla_args args{};
  args.q_dtype = HD_DTYPE_BF16;
  args.format = HD_MLA_FP8;
  args.m = static_cast<int32_t>(m);
  args.heads = static_cast<int32_t>(heads);
  args.topk = static_cast<int32_t>(topk);
  args.pages = static_cast<int32_t>(pages);
  args.softmax_scale = 0.07f;
  args.q = card.bf16s(m * heads * HD_MLA_DIM);
  args.cache = card.filled<uint8_t>(pages * 64 * 656, [](int64_t i) {
    const int64_t byte = i % 656;  // 512 codes, four scales of 1, the rope part 0
    return byte < 512 ? 0x30 + i % 8 : byte < 528 ? (byte % 4 == 3 ? 0x3f : byte % 4 == 2 ? 0x80 : 0) : 0;
  });
  args.indices = card.filled<int32_t>(m * topk, [&](int64_t i) { return i % topk * (pages * 64 / topk); });
  args.out = card.zeros<uint16_t>(m * heads * HD_LATENT_DIM);
  const double pairs = static_cast<double>(m) * static_cast<double>(heads) * static_cast<double>(topk);
  report(card, HD_OP_SPARSE_MLA,
         std::to_string(heads) + " heads, top-" + std::to_string(topk) + ", queries " + std::to_string(m),
         card.seconds(HD_OP_SPARSE_MLA, args, hd_sparse_mla), static_cast<double>(m * topk) * 656,
         2.0 * (HD_MLA_DIM + HD_LATENT_DIM) * pairs, limits.bf16, limits);
  card.clear();
}

void measure_indexer(Card& card, const Limits& limits, int64_t m) {
  const int64_t heads = 64;
  const int64_t keys = scaled(131072, 64);
  hd_indexer_logits_paged_args args{};
  args.m = static_cast<int32_t>(m);
  args.heads = static_cast<int32_t>(heads);
  args.pages = static_cast<int32_t>(keys / 64);
  args.sequences = 1;
  args.max_pages = args.pages;
  args.q = card.codes(m * heads * 128);
  args.weights = card.ones(m * heads);
  args.cache = card.codes(keys / 64 * 8448);
  args.block_table = card.filled<int32_t>(keys / 64, [](int64_t page) { return page; });
  args.row_sequence = card.zeros<int32_t>(m);
  args.visible = card.filled<int32_t>(m, [&](int64_t) { return keys; });
  args.logits_stride = (keys + 255) / 256 * 256;
  float* logits = card.zeros<float>(m * args.logits_stride);
  args.logits = logits;
  report(card, HD_OP_INDEXER_LOGITS_PAGED, "64 heads, " + std::to_string(keys) + " keys, queries " + std::to_string(m),
         card.seconds(HD_OP_INDEXER_LOGITS_PAGED, args, hd_indexer_logits_paged), static_cast<double>(keys) * 132,
         2.0 * 128 * static_cast<double>(m * heads * keys), limits.fp8, limits);

  hd_topk_args choice{};
  choice.m = args.m;
  choice.topk = static_cast<int32_t>(scaled(2048, 64));
  choice.scores =
      card.filled<float>(m * keys, [](int64_t i) { return static_cast<float>(i * 2654435761u % 1048573u); });
  choice.scores_stride = keys;
  choice.visible = args.visible;
  choice.positions = card.zeros<int32_t>(m * choice.topk);
  report(card, HD_OP_TOPK,
         "top-" + std::to_string(choice.topk) + " of " + std::to_string(keys) + ", rows " + std::to_string(m),
         card.seconds(HD_OP_TOPK, choice, hd_topk), static_cast<double>(m * keys) * 4, 0, 0, limits);
  card.clear();
}

}  // namespace
}  // namespace hadal::bench

int main(int count, char** arguments) {
  using namespace hadal::bench;
  for (int i = 1; i < count; ++i) {
    if (std::strncmp(arguments[i], "--divide=", 9) != 0 || (divide = std::atoll(arguments[i] + 9)) < 1) {
      std::fprintf(stderr, "unknown argument %s; --divide=N is all there is\n", arguments[i]);
      return 2;
    }
  }
  Card card;
  const Limits limits = measure_limits(card);
  measure_gemms(card, limits);
  measure_grouped(card, limits);
  for (const int64_t queries : {1, 64, 1024}) measure_attention(card, limits, scaled(queries, 1));
  for (const int64_t queries : {1, 64}) measure_indexer(card, limits, scaled(queries, 1));
  return 0;
}
