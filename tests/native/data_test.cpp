// What the kernels refuse once they see the data: indices out of bounds, NaN where there is no order. On every
// instruction set, since each variant looks for itself.
#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <memory>
#include <tuple>

#include "cpu/features.h"
#include "support/builder.h"
#include "support/compare.h"
#include "support/cpu_stream.h"
#include "support/platform.h"

namespace hadal::tests {
namespace {

class Data : public testing::TestWithParam<cpu::Isa> {
 protected:
  void SetUp() override {
    if (!cpu::supports(GetParam())) GTEST_SKIP() << "this processor lacks " << cpu::name_of(GetParam());
    set_variable("HADAL_CPU_ISA", cpu::name_of(GetParam()));
    cpu_ = std::make_unique<CpuStream>();
  }
  void TearDown() override { unset_variable("HADAL_CPU_ISA"); }

  // Sets one element of an input; the call must be refused with these words, and write nothing.
  template <class T>
  void expect_refused(const Case& good, const char* tensor, size_t index, T value, const std::string& text,
                      bool may_write = false) {
    SCOPED_TRACE(good.name + ": " + text);
    Case source = good;
    bool found = false;
    for (Tensor& candidate : source.tensors) {
      if (candidate.name != tensor) continue;
      std::memcpy(&candidate.content.at(index * sizeof(T)), &value, sizeof(T));
      found = true;
    }
    ASSERT_TRUE(found);
    const Outcome outcome = run_on_device(cpu_->device(), cpu_->stream(), source);
    EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(outcome.text.rfind(text, 0), 0u) << outcome.text;
    for (size_t i = 0; i < source.tensors.size() && !may_write; ++i) {
      EXPECT_TRUE(outcome.tensors[i] == source.tensors[i].content) << source.tensors[i].name << " was written to";
    }
    EXPECT_EQ(run_on_device(cpu_->device(), cpu_->stream(), good).status, HD_STATUS_OK) << last_error();
  }

  static Case case_named(int32_t op, const std::string& part) {
    for (const CaseMaker& maker : cases_of(op)) {
      if (maker.name.find(part) != std::string::npos) return maker.whole();
    }
    ADD_FAILURE() << "no case " << part;
    return {};
  }

  // The checks that all operations over block tables share.
  template <class Args>
  void expect_paging_refused(const Case& good, const std::string& function) {
    const auto& args = good.as<Args>();
    expect_refused(good, "row_sequence", 1, args.sequences,
                   function + ": row_sequence[1] is " + std::to_string(args.sequences) + "; it must be 0 to " +
                       std::to_string(args.sequences - 1));
    expect_refused(good, "row_sequence", 0, -1, function + ": row_sequence[0] is -1");
    expect_refused(good, "visible", 3, -1, function + ": visible[3] is -1");
    expect_refused(good, "visible", 3, args.max_pages * 64 + 1,
                   function + ": visible[3] is " + std::to_string(args.max_pages * 64 + 1));
    expect_refused(good, "block_table", 0, -1, function + ": block_table[0][0] is -1");
  }

  std::unique_ptr<CpuStream> cpu_;
};

constexpr float kNanF = std::numeric_limits<float>::quiet_NaN();

TEST_P(Data, GroupsOutsideAreRefused) {
  const Case contiguous = case_named(HD_OP_FP8_GEMM_CONTIGUOUS, "_16x256");
  const int groups = contiguous.as<hd_fp8_gemm_contiguous_args>().groups;
  const std::string text = "hd_fp8_gemm_contiguous: grouped_layout[15] is ";
  expect_refused(contiguous, "grouped_layout", 15, groups,
                 text + std::to_string(groups) + "; it must be -1 to " + std::to_string(groups - 1));
  expect_refused(contiguous, "grouped_layout", 15, -2, text + "-2");
  const Case plain = case_named(HD_OP_GEMM_CONTIGUOUS, "3g_16x48");
  expect_refused(plain, "grouped_layout", 15, 3, "hd_gemm_contiguous: grouped_layout[15] is 3; it must be -1 to 2");
  expect_refused(plain, "grouped_layout", 0, -2, "hd_gemm_contiguous: grouped_layout[0] is -2");
  const Case masked = case_named(HD_OP_FP8_GEMM_MASKED, "_5x96");
  expect_refused(masked, "masked_m", 0, 6, "hd_fp8_gemm_masked: masked_m[0] is 6; it must be 0 to m_max = 5");
  expect_refused(masked, "masked_m", 1, -1, "hd_fp8_gemm_masked: masked_m[1] is -1");
}

TEST_P(Data, PositionsAndIdsOutsideAreRefused) {
  const Case rope = case_named(HD_OP_ROPE, "3x16x64");
  expect_refused(rope, "positions", 2, 100, "hd_rope: positions[2] is 100; the table holds 0 to 99");
  expect_refused(rope, "positions", 0, -1, "hd_rope: positions[0] is -1");
  const Case embedding = case_named(HD_OP_EMBEDDING, "5x1000");
  expect_refused(embedding, "ids", 4, 7, "hd_embedding: ids[4] is 7; the table has rows 0 to 6");
  expect_refused(embedding, "ids", 1, -1, "hd_embedding: ids[1] is -1");
}

TEST_P(Data, RoutesWithoutAnOrderAreRefused) {
  const Case route = case_named(HD_OP_MOE_ROUTE, "17_256e");
  expect_refused(route, "logits", 16 * 256 + 255, kNanF, "hd_moe_route: logits of token 16, expert 255 is NaN");
  expect_refused(route, "bias", 255, kNanF, "hd_moe_route: bias[255] is not finite");
  expect_refused(route, "bias", 0, std::numeric_limits<float>::infinity(), "hd_moe_route: bias[0] is not finite");
}

TEST_P(Data, ExpertsAndRowsOutsideAreRefused) {
  const Case permute = case_named(HD_OP_MOE_PERMUTE, "17x256_12e");
  expect_refused(permute, "ids", 17 * 4 - 1, 12, "hd_moe_permute: ids[67] is 12; it must be 0 to 11");
  expect_refused(permute, "ids", 0, -1, "hd_moe_permute: ids[0] is -1");
  Case few = permute;
  const int rows = permute.as<hd_moe_permute_args>().rows;
  reinterpret_cast<hd_moe_permute_args*>(few.args.data())->rows = rows - 1;
  const Outcome outcome = run_on_device(cpu_->device(), cpu_->stream(), few);
  EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(outcome.text,
            "hd_moe_permute: rows is " + std::to_string(rows - 1) + "; these tokens need " + std::to_string(rows));
  const Case combine = case_named(HD_OP_MOE_COMBINE, "17x200");
  expect_refused(combine, "row_of", 17 * 8 - 1, 40, "hd_moe_combine: row_of[135] is 40; x has rows 0 to 39");
  expect_refused(combine, "row_of", 0, -1, "hd_moe_combine: row_of[0] is -1");
}

TEST_P(Data, SlotsOutsideAreRefused) {
  for (const auto& [op, part, slots] : {std::tuple{HD_OP_MLA_CACHE_APPEND, "17_fp8", 192},
                                        {HD_OP_MLA_CACHE_APPEND, "6_f32", 192},
                                        {HD_OP_MLA_CACHE_GATHER, "17_fp8", 192},
                                        {HD_OP_INDEX_CACHE_APPEND, "17_bf16", 256}}) {
    const Case source = case_named(op, part);
    const std::string function = op == HD_OP_MLA_CACHE_APPEND   ? "hd_mla_cache_append"
                                 : op == HD_OP_MLA_CACHE_GATHER ? "hd_mla_cache_gather"
                                                                : "hd_index_cache_append";
    expect_refused(source, "slots", 2, slots,
                   function + ": slots[2] is " + std::to_string(slots) + "; the cache has slots 0 to " +
                       std::to_string(slots - 1));
    expect_refused(source, "slots", 0, -2, function + ": slots[0] is -2");
  }
}

TEST_P(Data, KeysOutsideAreRefused) {
  const Case source = case_named(HD_OP_INDEXER_LOGITS, "17x64h");
  expect_refused(source, "end", 5, 131, "hd_indexer_logits: row 5 sees keys ");
  expect_refused(source, "start", 0, -1, "hd_indexer_logits: row 0 sees keys -1 to 130; they must lie in 0 to 130");
  expect_refused(source, "start", 16, 131, "hd_indexer_logits: row 16 sees keys 131 to ");
}

TEST_P(Data, PagesOutsideAreRefused) {
  expect_paging_refused<hd_indexer_logits_paged_args>(case_named(HD_OP_INDEXER_LOGITS_PAGED, "17x64h"),
                                                      "hd_indexer_logits_paged");
  expect_paging_refused<hd_indexer_topk_args>(case_named(HD_OP_INDEXER_TOPK, "17x16h"), "hd_indexer_topk");
  expect_paging_refused<hd_dense_mla_args>(case_named(HD_OP_DENSE_MLA, "17x16h"), "hd_dense_mla");
  const Case dense = case_named(HD_OP_DENSE_MLA, "17x16h");
  expect_refused(dense, "block_table", 0, 7, "hd_dense_mla: block_table[0][0] is 7; the cache has pages 0 to 6");
  const Case topk = case_named(HD_OP_TOPK, "17_top64");
  expect_refused(topk, "visible", 4, 1001, "hd_topk: visible[4] is 1001; it must be 0 to scores_stride = 1000");
  expect_refused(topk, "visible", 4, -1, "hd_topk: visible[4] is -1");
  expect_refused(topk, "row_sequence", 4, 2, "hd_topk: row_sequence[4] is 2");
  expect_refused(topk, "block_table", 0, -5, "hd_topk: block_table[0][0] is -5");
}

TEST_P(Data, RowsOfLogitsThatAreTooShortAreRefused) {
  Case source = case_named(HD_OP_INDEXER_LOGITS_PAGED, "17x64h");
  reinterpret_cast<hd_indexer_logits_paged_args*>(source.args.data())->logits_stride = 191;
  const Outcome outcome = run_on_device(cpu_->device(), cpu_->stream(), source);
  EXPECT_EQ(outcome.status, HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(outcome.text, "hd_indexer_logits_paged: visible[3] is 192; logits_stride is 191");
}

TEST_P(Data, TokensOutsideAreRefused) {
  const Case sparse = case_named(HD_OP_SPARSE_MLA, "17x17h");
  expect_refused(sparse, "indices", 2 * 64 + 5, 384,
                 "hd_sparse_mla: indices[2][5] is 384; the cache has slots 0 to 383, and -1 is none");
  expect_refused(sparse, "indices", 0, -2, "hd_sparse_mla: indices[0][0] is -2");
  const Case masked = case_named(HD_OP_MASKED_MHA, "17x3h");
  expect_refused(masked, "visible", 1, 71, "hd_masked_mha: visible[1] is 71; it must be 0 to keys = 70");
  expect_refused(masked, "visible", 1, -1, "hd_masked_mha: visible[1] is -1");
  expect_refused(masked, "positions", 64, 3, "hd_masked_mha: positions[1][0] is 3; it must be below visible = 0");
  expect_refused(masked, "positions", 0, -2, "hd_masked_mha: positions[0][0] is -2");
}

TEST_P(Data, NanAmongCandidatesIsRefused) {
  const Case topk = case_named(HD_OP_TOPK, "17_top64");
  expect_refused(topk, "scores", 500, kNanF, "hd_topk: the score of row 0, position 500 is NaN", true);
  expect_refused(topk, "scores", 999, -kNanF, "hd_topk: the score of row 0, position 999 is NaN", true);
  const Case fused = case_named(HD_OP_INDEXER_TOPK, "17x16h");
  // Row 3 sees all; a NaN among the head weights makes each of its scores one.
  expect_refused(fused, "weights", 3 * 16 + 7, kNanF, "hd_indexer_topk: the score of row 3, position 0 is NaN", true);
}

TEST_P(Data, NanBeyondTheCandidatesIsNot) {
  // Row 2 of this case sees just topk columns: all are taken, unscored.
  Case source = case_named(HD_OP_TOPK, "17_top64");
  for (Tensor& tensor : source.tensors) {
    if (tensor.name != "scores") continue;
    for (const size_t index : {size_t{2} * 1000 + 3, size_t{2} * 1000 + 64}) {
      std::memcpy(&tensor.content[index * 4], &kNanF, 4);
    }
  }
  EXPECT_EQ(run_on_device(cpu_->device(), cpu_->stream(), source).status, HD_STATUS_OK) << last_error();
}

TEST_P(Data, FusedChoiceIsThatOfTheLogits) {
  // Scores of any size and sign: the fused form must choose by the very bits that the logits have.
  for (const CaseMaker& maker : cases_of(HD_OP_INDEXER_LOGITS_PAGED)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    Placed placed(source);
    const auto& from = *static_cast<const hd_indexer_logits_paged_args*>(placed.args());
    hd_indexer_logits_paged_args logits = from;
    ASSERT_EQ(cpu_->run(HD_OP_INDEXER_LOGITS_PAGED, logits), HD_STATUS_OK) << last_error();
    const size_t count = static_cast<size_t>(from.m) * 64;
    std::vector<int32_t> positions(count);
    std::vector<int32_t> indices(count);
    std::vector<int32_t> fused_positions(count);
    std::vector<int32_t> fused_indices(count);
    hd_topk_args topk{};
    topk.m = from.m;
    topk.topk = 64;
    topk.sequences = from.sequences;
    topk.max_pages = from.max_pages;
    topk.scores = from.logits;
    topk.scores_stride = from.logits_stride;
    topk.visible = from.visible;
    topk.block_table = from.block_table;
    topk.row_sequence = from.row_sequence;
    topk.positions = positions.data();
    topk.indices = indices.data();
    ASSERT_EQ(cpu_->run(HD_OP_TOPK, topk), HD_STATUS_OK) << last_error();
    hd_indexer_topk_args fused{};
    fused.m = from.m;
    fused.heads = from.heads;
    fused.topk = 64;
    fused.pages = from.pages;
    fused.sequences = from.sequences;
    fused.max_pages = from.max_pages;
    fused.q = from.q;
    fused.weights = from.weights;
    fused.cache = from.cache;
    fused.block_table = from.block_table;
    fused.row_sequence = from.row_sequence;
    fused.visible = from.visible;
    fused.positions = fused_positions.data();
    fused.indices = fused_indices.data();
    ASSERT_EQ(cpu_->run(HD_OP_INDEXER_TOPK, fused), HD_STATUS_OK) << last_error();
    EXPECT_EQ(fused_positions, positions);
    EXPECT_EQ(fused_indices, indices);
  }
}

TEST_P(Data, PagedLogitsHaveTheBitsOfContiguousOnes) {
  for (const CaseMaker& maker : cases_of(HD_OP_INDEXER_LOGITS_PAGED)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    Placed placed(source);
    const auto& paged = *static_cast<const hd_indexer_logits_paged_args*>(placed.args());
    ASSERT_EQ(cpu_->run(HD_OP_INDEXER_LOGITS_PAGED, paged), HD_STATUS_OK) << last_error();
    for (int32_t row = 0; row < paged.m; ++row) {
      const int32_t keys = paged.visible[row];
      std::vector<uint8_t> k;
      std::vector<float> scales;
      for (int32_t key = 0; key < keys; ++key) {
        const int32_t page = paged.block_table[paged.row_sequence[row] * paged.max_pages + key / 64];
        const uint8_t* base = paged.cache + int64_t{page} * 8448;
        k.insert(k.end(), base + key % 64 * 128, base + key % 64 * 128 + 128);
        std::memcpy(&scales.emplace_back(), base + 8192 + key % 64 * 4, 4);
      }
      const int32_t start = 0;
      std::vector<float> logits(static_cast<size_t>(keys));
      hd_indexer_logits_args args{};
      args.m = 1;
      args.heads = paged.heads;
      args.keys = keys;
      args.q = paged.q + int64_t{row} * paged.heads * 128;
      args.weights = paged.weights + int64_t{row} * paged.heads;
      args.k = k.data();
      args.k_scale = scales.data();
      args.start = &start;
      args.end = &keys;
      args.logits = logits.data();
      args.logits_stride = keys;
      ASSERT_EQ(cpu_->run(HD_OP_INDEXER_LOGITS, args), HD_STATUS_OK) << last_error();
      if (keys == 0) continue;
      EXPECT_EQ(std::memcmp(logits.data(), paged.logits + row * paged.logits_stride, logits.size() * 4), 0)
          << "row " << row;
    }
  }
}

TEST_P(Data, GroupedRowsHaveTheBitsOfPlainProducts) {
  for (const CaseMaker& maker : cases_of(HD_OP_GEMM_CONTIGUOUS)) {
    SCOPED_TRACE(maker.name);
    const Case source = maker.whole();
    Placed placed(source);
    const auto& grouped = *static_cast<const hd_gemm_contiguous_args*>(placed.args());
    ASSERT_EQ(cpu_->run(HD_OP_GEMM_CONTIGUOUS, grouped), HD_STATUS_OK) << last_error();
    const int64_t a_row = int64_t{grouped.k} * (grouped.a_dtype == HD_DTYPE_F32 ? 4 : 2);
    const int64_t d_row = int64_t{grouped.n} * (grouped.d_dtype == HD_DTYPE_F32 ? 4 : 2);
    std::vector<std::byte> d(static_cast<size_t>(d_row));
    for (int32_t row = 0; row < grouped.m; ++row) {
      if (grouped.grouped_layout[row] < 0) continue;
      hd_gemm_args plain{};
      plain.a_dtype = grouped.a_dtype;
      plain.b_dtype = grouped.b_format;
      plain.d_dtype = grouped.d_dtype;
      plain.batch = plain.m = 1;
      plain.n = grouped.n;
      plain.k = grouped.k;
      plain.a = static_cast<const std::byte*>(grouped.a) + row * a_row;
      plain.b = grouped.b[grouped.grouped_layout[row]];
      plain.a_stride = plain.b_stride = grouped.k;
      plain.d = d.data();
      plain.d_stride = grouped.n;
      ASSERT_EQ(cpu_->run(HD_OP_GEMM, plain), HD_STATUS_OK) << last_error();
      const auto type = type_of(grouped.d_dtype);
      EXPECT_TRUE(same_bits(type, d.data(), static_cast<const std::byte*>(grouped.d) + row * d_row, d.size()))
          << "row " << row;
    }
  }
}

TEST_P(Data, SparseAttentionToEverythingHasTheBitsOfDense) {
  // What the promise of one form needs: a context no longer than top-k gives the same whether it was chosen or not.
  const Case source = case_named(HD_OP_DENSE_MLA, "4x16h_1s4p_fp8");
  Placed placed(source);
  const auto& dense = *static_cast<const hd_dense_mla_args*>(placed.args());
  ASSERT_EQ(cpu_->run(HD_OP_DENSE_MLA, dense), HD_STATUS_OK) << last_error();
  std::vector<int32_t> indices;
  for (int32_t row = 0; row < dense.m; ++row) {
    for (int32_t i = 0; i < 256; ++i) {
      indices.push_back(i < dense.visible[row] ? dense.block_table[i / 64] * 64 + i % 64 : -1);
    }
  }
  std::vector<uint16_t> out(static_cast<size_t>(dense.m) * 16 * 512);
  hd_sparse_mla_args sparse{};
  sparse.q_dtype = HD_DTYPE_BF16;
  sparse.format = HD_MLA_FP8;
  sparse.m = dense.m;
  sparse.heads = dense.heads;
  sparse.topk = 256;
  sparse.pages = dense.pages;
  sparse.softmax_scale = dense.softmax_scale;
  sparse.q = dense.q;
  sparse.cache = dense.cache;
  sparse.indices = indices.data();
  sparse.out = out.data();
  ASSERT_EQ(cpu_->run(HD_OP_SPARSE_MLA, sparse), HD_STATUS_OK) << last_error();
  EXPECT_EQ(std::memcmp(out.data(), dense.out, out.size() * 2), 0);
}

INSTANTIATE_TEST_SUITE_P(Cpu, Data, testing::ValuesIn(cpu::kIsas),
                         [](const auto& isa) { return std::string(cpu::name_of(isa.param)); });

}  // namespace
}  // namespace hadal::tests
