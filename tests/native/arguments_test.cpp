// What every call refuses: each field of each struct in turn, named in the text, with nothing written. The fields come
// from the library's own layout report, so that a new one can't be forgotten.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <set>

#include "abi/structs.h"
#include "support/builder.h"
#include "support/cpu_stream.h"

namespace hadal::tests {
namespace {

struct Field {
  std::string name;
  size_t offset;
  size_t size;
  bool is_array = false;  // A host array of numbers.

  bool is_stride() const { return name.ends_with("_stride") && !is_array; }
  bool is_pointer() const { return size == 8 && !is_stride(); }
  bool is_float() const { return name == "epsilon" || name == "scale" || name.ends_with("_scale"); }
};

const char* function_of(int32_t op) {
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return "hd_" #name;
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      return "";
  }
}

uint32_t first_size_of(int32_t op) {
  switch (op) {
#define HD_OPERATION(name, op_value) \
  case op_value:                     \
    return StructInfo<hd_##name##_args>::kFirstSize;
#include "abi/operations.inc"
#undef HD_OPERATION
    default:
      return 0;
  }
}

std::vector<Field> fields_of(int32_t op) {
  std::vector<Field> fields;
  uint32_t count = 0;
  hd_layout_count(&count);
  for (uint32_t i = 0; i < count; ++i) {
    hd_layout_entry entry{};
    entry.struct_size = sizeof entry;
    hd_layout_get(i, &entry);
    const std::string name = entry.field_name;
    if (entry.struct_name != std::string(function_of(op)) + "_args" || name.empty() || name == "struct_size") continue;
    fields.push_back({name, entry.offset, entry.size, op == HD_OP_FP8_GEMM_MULTI && name == "d_stride"});
  }
  return fields;
}

// A case in which every field counts: several rows, heads and batches, both outputs, a residual.
Case telling_case(int32_t op) {
  static const std::map<int32_t, std::string> kNames{{HD_OP_GEMM, "26x200x256_bf16e4m3"},
                                                     {HD_OP_RMS_NORM, "3x256_f32_q"},
                                                     {HD_OP_ROPE, "3x16x64"},
                                                     {HD_OP_TOPK, "17_top64"},
                                                     {HD_OP_INDEXER_TOPK, "17x16h"},
                                                     {HD_OP_MASKED_MHA, "17x3h"},
                                                     {HD_OP_MOE_ROUTE, "17_256e"},
                                                     {HD_OP_MOE_COMBINE, "17x200"},
                                                     {HD_OP_FP8_GEMM, "4x129x1024_bf16_ue8m0_pow2_strided_up"},
                                                     {HD_OP_FP8_GEMM_MULTI, "18x256"},
                                                     {HD_OP_FP8_GEMM_MASKED, "2g_9x100"},
                                                     {HD_OP_FP8_GEMM_CONTIGUOUS, "5g_4x129x1024_bf16_ue8m0_pow2_up"}};
  const auto wanted = kNames.find(op);
  for (const CaseMaker& maker : cases_of(op)) {
    if (wanted != kNames.end() ? maker.name.find(wanted->second) != std::string::npos
                               : maker.rows > 1 && maker.name.find("in_place") == std::string::npos) {
      return maker.whole();
    }
  }
  ADD_FAILURE() << "no case for " << function_of(op);
  return {};
}

bool optional(int32_t op, const std::string& field) {
  static const std::set<std::pair<int32_t, std::string>> kOptional{
      {HD_OP_RMS_NORM, "residual"},    {HD_OP_RMS_NORM, "y"},
      {HD_OP_RMS_NORM, "q"},           {HD_OP_MOE_ROUTE, "bias"},
      {HD_OP_MOE_COMBINE, "shared"},   {HD_OP_TOPK, "positions"},
      {HD_OP_TOPK, "indices"},         {HD_OP_INDEXER_TOPK, "positions"},
      {HD_OP_INDEXER_TOPK, "indices"}, {HD_OP_SPARSE_MLA, "lse"},
      {HD_OP_DENSE_MLA, "lse"},        {HD_OP_MASKED_MHA, "positions"},
  };
  return kOptional.contains({op, field});
}

// What the header lets lie anywhere in memory.
bool any_alignment(int32_t op, const std::string& field) {
  static const std::set<std::pair<int32_t, std::string>> kAny{
      {HD_OP_GEMM, "b"},          {HD_OP_EMBEDDING, "table"}, {HD_OP_RMS_NORM, "weight"}, {HD_OP_LAYER_NORM, "weight"},
      {HD_OP_LAYER_NORM, "bias"},
  };
  return kAny.contains({op, field});
}

class Arguments : public testing::TestWithParam<int32_t> {
 protected:
  int32_t op() const { return GetParam(); }

  uint64_t workspace_of(Placed& placed) {
    uint64_t wanted = 0;
    EXPECT_EQ(hd_workspace_size(cpu_.device(), op(), placed.args(), &wanted), HD_STATUS_OK) << last_error();
    return wanted;
  }

  // The case with its args spoilt is refused, the text names the culprit, and no memory changed.
  void expect_refused(const Case& source, const std::function<void(Placed&, std::byte* args)>& spoil,
                      const std::string& text, int32_t status = HD_STATUS_INVALID_ARGUMENT) {
    SCOPED_TRACE("expected: " + text);
    Placed placed(source);
    std::vector<std::byte> workspace(workspace_of(placed) + HD_ALIGNMENT);
    const uint64_t size = workspace.size() - HD_ALIGNMENT;
    void* aligned = workspace.data();
    size_t space = workspace.size();
    std::align(HD_ALIGNMENT, size, aligned, space);
    spoil(placed, static_cast<std::byte*>(placed.args()));
    EXPECT_EQ(call(op(), cpu_.stream(), placed.args(), size == 0 ? nullptr : aligned, size), status);
    const std::string said = last_error();
    EXPECT_EQ(said.rfind(std::string(function_of(op())) + ": ", 0), 0u) << said;
    EXPECT_NE(said.find(text), std::string::npos) << said;
    EXPECT_TRUE(placed.damage().empty()) << placed.damage();
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      EXPECT_TRUE(placed.content(i) == source.tensors[i].content) << source.tensors[i].name << " was written to";
    }
  }

  template <class T>
  static void set(std::byte* args, size_t offset, T value) {
    std::memcpy(args + offset, &value, sizeof value);
  }

  template <class T>
  static T get(const std::byte* args, size_t offset) {
    T value;
    std::memcpy(&value, args + offset, sizeof value);
    return value;
  }

  CpuStream cpu_;
};

TEST_P(Arguments, AreTakenWhereTheyAreRight) {
  const Case source = telling_case(op());
  const Outcome outcome = run_on_device(cpu_.device(), cpu_.stream(), source);
  EXPECT_EQ(outcome.status, HD_STATUS_OK) << outcome.text;
  EXPECT_TRUE(outcome.damage.empty()) << outcome.damage;
}

TEST_P(Arguments, NegativeCountsAndUnknownKindsAreRefused) {
  const Case source = telling_case(op());
  for (const Field& field : fields_of(op())) {
    if (field.size != 4 || field.is_float()) continue;
    for (const int32_t value : {-1, INT32_MIN}) {
      expect_refused(
          source, [&](Placed&, std::byte* args) { set(args, field.offset, value); },
          ": " + field.name + " is " + std::to_string(value));
    }
    if (!field.name.ends_with("dtype") && !field.name.ends_with("format") && field.name != "layout") continue;
    expect_refused(
        source, [&](Placed&, std::byte* args) { set(args, field.offset, 77); }, ": " + field.name + " is 77");
  }
}

TEST_P(Arguments, StridesBelowAWidthAreRefused) {
  const Case source = telling_case(op());
  for (const Field& field : fields_of(op())) {
    if (field.size != 8 || !field.is_stride()) continue;
    for (const int64_t value : {int64_t{-1}, INT64_MIN}) {
      expect_refused(
          source, [&](Placed&, std::byte* args) { set(args, field.offset, value); },
          ": " + field.name + " is " + std::to_string(value));
    }
  }
}

TEST_P(Arguments, NumbersThatAreNoneAreRefused) {
  const Case source = telling_case(op());
  for (const Field& field : fields_of(op())) {
    if (field.size != 4 || !field.is_float()) continue;
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity()}) {
      expect_refused(
          source, [&](Placed&, std::byte* args) { set(args, field.offset, value); }, ": " + field.name + " is ");
    }
  }
}

TEST_P(Arguments, NullPointersAreRefused) {
  const Case source = telling_case(op());
  for (const Field& field : fields_of(op())) {
    if (!field.is_pointer() || optional(op(), field.name)) continue;
    expect_refused(
        source, [&](Placed&, std::byte* args) { set<void*>(args, field.offset, nullptr); },
        ": " + field.name + " is null");
  }
}

TEST_P(Arguments, OptionalPointersMayBeNull) {
  for (const Field& field : fields_of(op())) {
    if (!field.is_pointer() || !optional(op(), field.name)) continue;
    SCOPED_TRACE(field.name);
    Case source = telling_case(op());
    for (Tensor& tensor : source.tensors) {
      std::erase(tensor.fields, field.offset);
    }
    const Outcome outcome = run_on_device(cpu_.device(), cpu_.stream(), source);
    EXPECT_EQ(outcome.status, HD_STATUS_OK) << outcome.text;
  }
}

TEST_P(Arguments, MisalignedPointersAreRefused) {
  const Case source = telling_case(op());
  for (const Field& field : fields_of(op())) {
    if (!field.is_pointer() || any_alignment(op(), field.name)) continue;
    const bool bytes = std::any_of(source.tensors.begin(), source.tensors.end(), [&](const Tensor& tensor) {
      return tensor.type == Type::u8 && tensor.name == field.name && field.name != "cache";
    });
    if (bytes) continue;
    expect_refused(
        source, [&](Placed&, std::byte* args) { set(args, field.offset, get<const char*>(args, field.offset) + 1); },
        ": " + field.name + " is at ");
  }
}

TEST_P(Arguments, OutputsThatOverlapAreRefused) {
  const Case source = telling_case(op());
  for (size_t output = 0; output < source.tensors.size(); ++output) {
    const Tensor& written = source.tensors[output];
    if (written.role == Role::input || written.fields.empty()) continue;
    for (size_t other = 0; other < source.tensors.size(); ++other) {
      const Tensor& tensor = source.tensors[other];
      if (other == output || tensor.fields.empty()) continue;
      // The output begins within the other, or ends within it: by up to 16 bytes, so that it keeps its alignment.
      const auto size = static_cast<int64_t>(written.content.size());
      for (const int64_t offset : {static_cast<int64_t>(tensor.content.size()) - 16, 16 - size}) {
        if (static_cast<int64_t>(tensor.content.size()) < 16 || size < 16) continue;
        expect_refused(
            source,
            [&](Placed& placed, std::byte* args) {
              const auto base = reinterpret_cast<intptr_t>(placed.data(other));
              for (const size_t field : written.fields) set(args, field, (base + offset) & ~intptr_t{15});
            },
            " overlaps ");
      }
    }
  }
}

TEST_P(Arguments, NullStreamAndArgsAreRefused) {
  Placed placed(telling_case(op()));
  EXPECT_EQ(call(op(), nullptr, placed.args(), nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), std::string(function_of(op())) + ": stream is null");
  EXPECT_EQ(call(op(), cpu_.stream(), nullptr, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), std::string(function_of(op())) + ": args is null");
  uint64_t size = 0;
  EXPECT_EQ(hd_workspace_size(cpu_.device(), op(), nullptr, &size), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), std::string(function_of(op())) + ": args is null");
}

TEST_P(Arguments, StructsOfOtherSizesAreRefused) {
  const Case source = telling_case(op());
  for (const uint32_t wrong : {0u, 4u, first_size_of(op()) - 1, 4097u, UINT32_MAX}) {
    expect_refused(
        source, [&](Placed&, std::byte* args) { set(args, 0, wrong); }, ": struct_size is " + std::to_string(wrong));
  }
}

TEST_P(Arguments, StructsOfANewerHeaderAreTakenWhileTheirNewFieldsAreZero) {
  Case source = telling_case(op());
  const size_t size = source.args.size();
  source.args.resize(size + 16);
  set(source.args.data(), 0, static_cast<uint32_t>(size + 16));
  const Outcome outcome = run_on_device(cpu_.device(), cpu_.stream(), source);
  EXPECT_EQ(outcome.status, HD_STATUS_OK) << outcome.text;
  expect_refused(
      source, [&](Placed&, std::byte* args) { args[size + 9] = std::byte{1}; },
      ": byte " + std::to_string(size + 9) + " of " + function_of(op()) + "_args is set", HD_STATUS_UNSUPPORTED);
}

TEST_P(Arguments, WorkspacesThatDoNotServeAreRefused) {
  const Case source = telling_case(op());
  Placed placed(source);
  const uint64_t wanted = workspace_of(placed);
  std::vector<std::byte> memory(wanted + 2 * HD_ALIGNMENT);
  void* aligned = memory.data();
  size_t space = memory.size();
  std::align(HD_ALIGNMENT, wanted + HD_ALIGNMENT, aligned, space);
  const auto expect = [&](void* workspace, uint64_t size, const std::string& text) {
    EXPECT_EQ(call(op(), cpu_.stream(), placed.args(), workspace, size), HD_STATUS_INVALID_ARGUMENT);
    const std::string start = std::string(function_of(op())) + ": " + text;
    EXPECT_EQ(last_error().rfind(start, 0), 0u) << last_error() << "\nexpected: " << start;
    for (size_t i = 0; i < source.tensors.size(); ++i) {
      EXPECT_TRUE(placed.content(i) == source.tensors[i].content) << source.tensors[i].name << " was written to";
    }
  };
  expect(nullptr, 64, "workspace is ");
  expect(static_cast<std::byte*>(aligned) + 4, wanted + 1, "workspace is ");
  if (wanted != 0) {
    expect(aligned, wanted - 1, "workspace_size is " + std::to_string(wanted - 1));
    expect(nullptr, 0, "workspace_size is 0");
  }
}

TEST_P(Arguments, WorkspacesThatOverlapAreRefused) {
  const Case source = telling_case(op());
  for (size_t i = 0; i < source.tensors.size(); ++i) {
    const Tensor& tensor = source.tensors[i];
    if (tensor.content.size() < 2 * HD_ALIGNMENT) continue;
    SCOPED_TRACE(tensor.name);
    Placed placed(source);
    auto address = reinterpret_cast<uintptr_t>(placed.data(i));
    address = (address + HD_ALIGNMENT - 1) / HD_ALIGNMENT * HD_ALIGNMENT;
    EXPECT_EQ(call(op(), cpu_.stream(), placed.args(), reinterpret_cast<void*>(address), HD_ALIGNMENT),
              HD_STATUS_INVALID_ARGUMENT);
    EXPECT_NE(last_error().find(" overlaps "), std::string::npos) << last_error();
    EXPECT_NE(last_error().find("workspace"), std::string::npos) << last_error();
    EXPECT_TRUE(placed.content(i) == tensor.content);
  }
}

TEST_P(Arguments, WorkspaceIsToldWithoutData) {
  const Case source = telling_case(op());
  Placed placed(source);
  const uint64_t with_data = workspace_of(placed);
  auto* args = static_cast<std::byte*>(placed.args());
  for (const Field& field : fields_of(op())) {
    if (field.is_pointer()) set<void*>(args, field.offset, nullptr);
  }
  EXPECT_EQ(workspace_of(placed), with_data);
}

TEST_P(Arguments, CountsOfZeroDoNothing) {
  for (const Field& field : fields_of(op())) {
    if (field.name != "m" && field.name != "n" && field.name != "batch" && field.name != "heads" &&
        field.name != "positions" && field.name != "m_max") {
      continue;
    }
    if (field.size != 4) continue;
    // Where a width or a number of heads has a least value, the header says so.
    const bool least = (op() == HD_OP_HADAMARD && field.name == "n") ||
                       (field.name == "heads" && (op() == HD_OP_INDEXER_LOGITS || op() == HD_OP_INDEXER_LOGITS_PAGED ||
                                                  op() == HD_OP_INDEXER_TOPK));
    SCOPED_TRACE(field.name);
    const Case source = telling_case(op());
    Placed placed(source);
    auto* args = static_cast<std::byte*>(placed.args());
    set(args, field.offset, 0);
    if (op() == HD_OP_MOE_PERMUTE) reinterpret_cast<hd_moe_permute_args*>(args)->rows = 0;
    if (least) {
      EXPECT_EQ(call(op(), cpu_.stream(), args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
      continue;
    }
    for (const Field& pointer : fields_of(op())) {
      if (pointer.is_pointer()) set<void*>(args, pointer.offset, nullptr);
    }
    EXPECT_EQ(call(op(), cpu_.stream(), args, nullptr, 0), HD_STATUS_OK) << last_error();
  }
}

TEST_P(Arguments, ShapesBeyondTheAddressSpaceAreRefused) {
  const Case source = telling_case(op());
  Placed placed(source);
  auto* args = static_cast<std::byte*>(placed.args());
  for (const Field& field : fields_of(op())) {
    // Those within a row are smaller, so that rows don't overlap.
    const bool within = field.name.ends_with("_block_stride") || field.name.ends_with("_batch_stride") ||
                        field.name.ends_with("_head_stride");
    if (field.is_stride()) set<int64_t>(args, field.offset, within ? INT32_MAX : INT64_MAX / 32);
  }
  for (const Field& field : fields_of(op())) {
    if (field.size == 4 && (field.name == "m" || field.name == "n" || field.name == "m_max")) {
      // Of widths, a multiple of 128.
      set(args, field.offset, op() == HD_OP_HADAMARD && field.name == "n" ? 1024 : INT32_MAX - 127);
    }
  }
  // Where the data are strided; without strides these counts may be meant.
  const bool large = op() == HD_OP_FP8_QUANTIZE || op() == HD_OP_FP8_GEMM || op() == HD_OP_GEMM ||
                     op() == HD_OP_RMS_NORM || op() == HD_OP_LAYER_NORM || op() == HD_OP_ROPE ||
                     op() == HD_OP_SILU_MUL || op() == HD_OP_MLA_CACHE_APPEND || op() == HD_OP_MLA_CACHE_GATHER ||
                     op() == HD_OP_INDEX_CACHE_APPEND || op() == HD_OP_INDEXER_LOGITS;
  if (!large) return;
  EXPECT_EQ(call(op(), cpu_.stream(), args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_NE(last_error().find("more than there is address space"), std::string::npos) << last_error();
}

INSTANTIATE_TEST_SUITE_P(Abi, Arguments, testing::Range(int32_t{0}, int32_t{HD_OP_COUNT}),
                         [](const auto& op) { return std::string(function_of(op.param)).substr(3); });

// Strides that pass one by one, but lay pieces of an output over one another.
TEST(Outputs, ThatOverlapThemselvesAreRefused) {
  const CpuStream cpu;
  const auto expect = [&]<class Args>(int32_t op, int64_t Args::*stride, int64_t value, int64_t Args::*other,
                                      int64_t other_value, const char* text) {
    const Case source = telling_case(op);
    Placed placed(source);
    Args& args = *static_cast<Args*>(placed.args());
    args.*stride = value;
    args.*other = other_value;
    uint64_t size = 0;
    const int32_t status = hd_workspace_size(cpu.device(), op, &args, &size);
    if (text == nullptr) {
      EXPECT_EQ(status, HD_STATUS_OK) << last_error();
      return;
    }
    EXPECT_EQ(status, HD_STATUS_INVALID_ARGUMENT);
    const std::string expected = std::string(function_of(op)) + ": " + text;
    EXPECT_EQ(last_error().rfind(expected, 0), 0u) << last_error() << "\nexpected: " << expected;
    EXPECT_NE(last_error().find("the output overlaps itself"), std::string::npos) << last_error();
    EXPECT_EQ(call(op, cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind(expected, 0), 0u) << last_error();
    EXPECT_TRUE(placed.damage().empty()) << placed.damage();
  };
  // 3 rows of 2 scales: one stride must step over all of the other's.
  using Norm = hd_rms_norm_args;
  const auto norm = [&](int64_t row, int64_t block, const char* text) {
    expect(HD_OP_RMS_NORM, &Norm::q_scale_row_stride, row, &Norm::q_scale_block_stride, block, text);
  };
  norm(1, 1, "q_scale_row_stride is 1 and q_scale_block_stride is 1");
  norm(1, 2, "q_scale_row_stride is 1 and q_scale_block_stride is 2");
  norm(1, 3, nullptr);
  norm(2, 2, "q_scale_row_stride is 2 and q_scale_block_stride is 2");
  norm(2, 1, nullptr);
  norm(7, 1, nullptr);
  using Quantize = hd_fp8_quantize_args;
  const Case quantize = telling_case(HD_OP_FP8_QUANTIZE);
  const int64_t m = quantize.as<Quantize>().m;
  ASSERT_GT(quantize.as<Quantize>().k, 128);
  const auto scale = [&](int64_t row, int64_t block, const char* text) {
    expect(HD_OP_FP8_QUANTIZE, &Quantize::scale_row_stride, row, &Quantize::scale_block_stride, block, text);
  };
  scale(1, m - 1, "scale_row_stride is 1 and scale_block_stride is ");
  scale(1, m, nullptr);
  using Permute = hd_moe_permute_args;
  expect(HD_OP_MOE_PERMUTE, &Permute::y_scale_row_stride, 1, &Permute::y_scale_block_stride, 1,
         "y_scale_row_stride is 1 and y_scale_block_stride is 1");
  // 3 tokens of 16 heads of 64: by token, or by head.
  using Rope = hd_rope_args;
  const auto rope = [&](int64_t token, int64_t head, const char* text) {
    expect(HD_OP_ROPE, &Rope::y_stride, token, &Rope::y_head_stride, head, text);
  };
  rope(64, 64, "y_stride is 64 and y_head_stride is 64");
  rope(16 * 64 - 1, 64, "y_stride is 1023 and y_head_stride is 64");
  rope(16 * 64, 64, nullptr);
  rope(64, 3 * 64 - 1, "y_stride is 64 and y_head_stride is 191");
  rope(64, 3 * 64, nullptr);
  using Gemm = hd_gemm_args;
  for (const CaseMaker& maker : cases_of(HD_OP_GEMM)) {
    const Case source = maker.whole();
    const Gemm& of = source.as<Gemm>();
    if (of.batch < 2 || of.m < 2) continue;
    Gemm args = of;
    uint64_t size = 0;
    args.d_stride = of.n;
    args.d_batch_stride = of.n;
    EXPECT_EQ(hd_workspace_size(cpu.device(), HD_OP_GEMM, &args, &size), HD_STATUS_INVALID_ARGUMENT) << maker.name;
    EXPECT_NE(last_error().find("the output overlaps itself"), std::string::npos) << last_error();
    args.d_stride = int64_t{of.n} * of.batch;
    EXPECT_EQ(hd_workspace_size(cpu.device(), HD_OP_GEMM, &args, &size), HD_STATUS_OK) << last_error();
    args.d_stride = of.n;
    args.d_batch_stride = int64_t{of.n} * of.m;
    EXPECT_EQ(hd_workspace_size(cpu.device(), HD_OP_GEMM, &args, &size), HD_STATUS_OK) << last_error();
  }
}

TEST(GroupedProducts, RefuseWhatTheirArraysHold) {
  const CpuStream cpu;
  const Case source = telling_case(HD_OP_FP8_GEMM_CONTIGUOUS);
  using Args = hd_fp8_gemm_contiguous_args;
  const auto expect_refused = [&]<class T>(const T* const* Args::*array, size_t index, uintptr_t pointer,
                                           const std::string& text) {
    Placed placed(source);
    Args& args = *static_cast<Args*>(placed.args());
    std::vector<const T*> pointers(args.*array, args.*array + args.groups);
    pointers[index] = reinterpret_cast<const T*>(pointer);
    args.*array = pointers.data();
    EXPECT_EQ(hd_fp8_gemm_contiguous(cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind("hd_fp8_gemm_contiguous: " + text, 0), 0u) << last_error() << "\nexpected: " << text;
  };
  expect_refused(&Args::b, 1, 0, "b[1] is ");
  expect_refused(&Args::b_scale, 4, 0x1001, "b_scale[4] is 0x1001");
  expect_refused(&Args::up, 0, 0, "up[0] is ");
  expect_refused(&Args::up_scale, 2, 0, "up_scale[2] is ");
  // A weight that the output lies in.
  Placed placed(source);
  Args& args = *static_cast<Args*>(placed.args());
  std::vector<const uint8_t*> weights(args.b, args.b + args.groups);
  weights[3] = static_cast<const uint8_t*>(args.d) + 1;
  args.b = weights.data();
  EXPECT_EQ(hd_fp8_gemm_contiguous(cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), "hd_fp8_gemm_contiguous: d overlaps b[3]; an output needs memory of its own");
}

TEST(GroupedProducts, OfPlainWeightsRefuseWhatTheirArrayHolds) {
  const CpuStream cpu;
  using Args = hd_gemm_contiguous_args;
  const auto refusal = [&](const std::function<void(Args&, std::vector<const void*>&)>& spoil) {
    Placed placed(telling_case(HD_OP_GEMM_CONTIGUOUS));
    Args& args = *static_cast<Args*>(placed.args());
    std::vector<const void*> weights(args.b, args.b + args.groups);
    args.b = weights.data();
    spoil(args, weights);
    EXPECT_EQ(hd_gemm_contiguous(cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
    return last_error();
  };
  EXPECT_EQ(refusal([](Args&, auto& weights) { weights[1] = nullptr; }).rfind("hd_gemm_contiguous: b[1] is ", 0), 0u)
      << last_error();
  // The last byte of a weight is the first of the output.
  EXPECT_EQ(refusal([](Args& args, auto& weights) {
              weights[3] = static_cast<const char*>(args.d) - int64_t{args.n} * args.k * 2 + 1;
            }),
            "hd_gemm_contiguous: d overlaps b[3]; an output needs memory of its own");
  EXPECT_EQ(refusal([](Args& args, auto&) { args.b_format = HD_WEIGHT_FP8; }),
            "hd_gemm_contiguous: b_format is 3; it must be HD_WEIGHT_BF16 (2) or HD_WEIGHT_F32 (1); "
            "hd_fp8_gemm_contiguous takes HD_WEIGHT_FP8");
  EXPECT_EQ(refusal([](Args& args, auto&) { args.k = 0; }).rfind("hd_gemm_contiguous: k is 0; ", 0), 0u)
      << last_error();
}

// Rows of bf16 or f32 are moved by the element, and have no scales.
TEST(Permutation, OfPlainRowsLooksAtThemAlone) {
  const CpuStream cpu;
  using Args = hd_moe_permute_args;
  int tried = 0;
  for (const CaseMaker& maker : cases_of(HD_OP_MOE_PERMUTE)) {
    const Case source = maker.whole();
    const int32_t dtype = source.as<Args>().x_dtype;
    if (maker.rows == 0 || (dtype != HD_DTYPE_BF16 && dtype != HD_DTYPE_F32)) continue;
    SCOPED_TRACE(maker.name);
    Placed placed(source);
    const Args good = *static_cast<const Args*>(placed.args());
    const auto refusal = [&](Args args) {
      EXPECT_EQ(hd_moe_permute(cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
      return last_error();
    };
    Args odd = good;
    ++odd.x;
    EXPECT_EQ(refusal(odd).rfind("hd_moe_permute: x is at ", 0), 0u) << last_error();
    odd = good;
    ++odd.y;
    EXPECT_EQ(refusal(odd).rfind("hd_moe_permute: y is at ", 0), 0u) << last_error();
    // An output over the end of the rows, which the size of their elements tells of.
    const int64_t bytes = int64_t{good.m} * good.k * (dtype == HD_DTYPE_F32 ? 4 : 2);
    odd = good;
    const auto end = reinterpret_cast<uintptr_t>(good.x) + static_cast<uintptr_t>(bytes);
    odd.row_of = reinterpret_cast<int32_t*>(end / 4 * 4) - good.m * good.top_experts;
    EXPECT_EQ(refusal(odd), "hd_moe_permute: row_of overlaps x; an output needs memory of its own");
    Args scaled = good;
    scaled.x_scale = reinterpret_cast<const float*>(uintptr_t{1});
    scaled.y_scale = reinterpret_cast<float*>(uintptr_t{1});
    scaled.x_scale_row_stride = scaled.y_scale_block_stride = -1;
    EXPECT_EQ(hd_moe_permute(cpu.stream(), &scaled, nullptr, 0), HD_STATUS_OK) << last_error();
    ++tried;
  }
  EXPECT_GT(tried, 1);
}

TEST(Products, TakeNoSecondWeightUnlessToldOf) {
  const CpuStream cpu;
  for (const int32_t op : {HD_OP_FP8_GEMM, HD_OP_FP8_GEMM_CONTIGUOUS, HD_OP_FP8_GEMM_MASKED}) {
    Placed placed(telling_case(op));
    auto* args = static_cast<std::byte*>(placed.args());
    for (const Field& field : fields_of(op)) {
      if (field.name == "has_up") std::memset(args + field.offset, 0, field.size);
    }
    for (const char* name : {"up", "up_scale"}) {
      EXPECT_EQ(call(op, cpu.stream(), args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
      EXPECT_NE(last_error().find(std::string(": ") + name + " is "), std::string::npos) << last_error();
      EXPECT_NE(last_error().find("it must be null where has_up is 0"), std::string::npos) << last_error();
      for (const Field& field : fields_of(op)) {
        if (field.name == name) std::memset(args + field.offset, 0, field.size);
      }
    }
  }
}

TEST(SeveralProducts, RefuseWhatTheirArraysHold) {
  const CpuStream cpu;
  const Case source = telling_case(HD_OP_FP8_GEMM_MULTI);
  using Args = hd_fp8_gemm_multi_args;
  struct Arrays {
    std::vector<int32_t> n, is_pow2;
    std::vector<const uint8_t*> b;
    std::vector<const float*> b_scale;
    std::vector<void*> d;
    std::vector<int64_t> d_stride;
  };
  const auto expect_refused = [&](const std::function<void(Args&, Arrays&)>& spoil, const std::string& text) {
    Placed placed(source);
    Args& args = *static_cast<Args*>(placed.args());
    Arrays arrays{{args.n, args.n + args.count}, {args.b_scale_is_pow2, args.b_scale_is_pow2 + args.count},
                  {args.b, args.b + args.count}, {args.b_scale, args.b_scale + args.count},
                  {args.d, args.d + args.count}, {args.d_stride, args.d_stride + args.count}};
    spoil(args, arrays);
    args.n = arrays.n.data();
    args.b_scale_is_pow2 = arrays.is_pow2.data();
    args.b = arrays.b.data();
    args.b_scale = arrays.b_scale.data();
    args.d = arrays.d.data();
    args.d_stride = arrays.d_stride.data();
    EXPECT_EQ(hd_fp8_gemm_multi(cpu.stream(), &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind("hd_fp8_gemm_multi: " + text, 0), 0u) << last_error() << "\nexpected: " << text;
  };
  expect_refused([](Args& args, Arrays&) { args.count = 5; }, "count is 5");
  expect_refused([](Args&, Arrays& arrays) { arrays.n[1] = -1; }, "n[1] is -1");
  expect_refused([](Args&, Arrays& arrays) { arrays.is_pow2[2] = 2; }, "b_scale_is_pow2[2] is 2");
  expect_refused([](Args&, Arrays& arrays) { arrays.d_stride[0] = arrays.n[0] - 1; }, "d_stride[0] is 95");
  expect_refused([](Args&, Arrays& arrays) { arrays.b[1] = nullptr; }, "b[1] is null");
  expect_refused([](Args&, Arrays& arrays) { arrays.b_scale[1] = nullptr; }, "b_scale[1] is null");
  expect_refused([](Args&, Arrays& arrays) { arrays.d[2] = static_cast<char*>(arrays.d[2]) + 1; }, "d[2] is at ");
  expect_refused([](Args&, Arrays& arrays) { arrays.d[2] = arrays.d[1]; }, "d[1] overlaps d[2]");
  expect_refused([](Args& args, Arrays& arrays) { arrays.d[0] = const_cast<float*>(args.a_scale); },
                 "d[0] overlaps ");  // What lies behind the scales may come first.
}

TEST(WorkspaceSize, RefusesItsOwnArguments) {
  const CpuStream cpu;
  const Case source = telling_case(HD_OP_HADAMARD);
  uint64_t size = 0;
  EXPECT_EQ(hd_workspace_size(nullptr, HD_OP_HADAMARD, source.args.data(), &size), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), "hd_workspace_size: device is null");
  EXPECT_EQ(hd_workspace_size(cpu.device(), HD_OP_HADAMARD, source.args.data(), nullptr), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), "hd_workspace_size: size is null");
  for (const int32_t op : {-1, int32_t{HD_OP_COUNT}}) {
    EXPECT_EQ(hd_workspace_size(cpu.device(), op, source.args.data(), &size), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error(), "hd_workspace_size: op is " + std::to_string(op) + "; it must be 0 to " +
                                std::to_string(HD_OP_COUNT - 1));
  }
}

}  // namespace
}  // namespace hadal::tests
