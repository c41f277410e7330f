// Structs of callers that are older or newer than the library: by structs of the tests' own, in two versions, and by
// every struct of hadal.h.
#include "abi/structs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/cpu_stream.h"
#include "support/header.h"

namespace hadal {

// One struct, before and after its last two fields were appended.
struct Older {
  uint32_t struct_size;
  int32_t kept;
};
struct Newer {
  uint32_t struct_size;
  int32_t kept;
  int64_t added;
  int64_t last;
};
template <>
struct StructInfo<Older> {
  static constexpr const char* kName = "Struct";
  static constexpr uint32_t kFirstSize = 8;
};
template <>
struct StructInfo<Newer> {
  static constexpr const char* kName = "Struct";
  static constexpr uint32_t kFirstSize = 8;
};

namespace tests {
namespace {

template <class Struct, class Given>
int32_t read(const Given& given, Struct& whole) {
  return read_struct("f", reinterpret_cast<const Struct&>(given), whole);
}

TEST(Structs, OfAnOlderCallerReadAsZeroBeyondWhatItKnows) {
  // What lies behind an older caller's struct is not its own.
  struct {
    Older older{sizeof(Older), 7};
    int64_t others[2] = {-1, -1};
  } given;
  Newer whole{1, 1, 1, 1};
  ASSERT_EQ(read<Newer>(given, whole), HD_STATUS_OK) << last_error();
  EXPECT_EQ(whole.kept, 7);
  EXPECT_EQ(whole.added, 0);
  EXPECT_EQ(whole.last, 0);
  EXPECT_EQ(whole.struct_size, sizeof(Newer));
}

TEST(Structs, OfACallerInBetweenReadAsFarAsItKnows) {
  const Newer given{16, 7, 8, -1};
  Newer whole{};
  ASSERT_EQ(read<Newer>(given, whole), HD_STATUS_OK) << last_error();
  EXPECT_EQ(whole.added, 8);
  EXPECT_EQ(whole.last, 0);
}

TEST(Structs, OfANewerCallerAreTakenWhileItsFieldsAreZero) {
  Newer given{sizeof(Newer), 7, 0, 0};
  Older whole{};
  ASSERT_EQ(read<Older>(given, whole), HD_STATUS_OK) << last_error();
  EXPECT_EQ(whole.kept, 7);
  EXPECT_EQ(whole.struct_size, sizeof(Older));
  given.last = int64_t{1} << 56;
  whole = {1, 1};
  EXPECT_EQ(read<Older>(given, whole), HD_STATUS_UNSUPPORTED);
  EXPECT_EQ(
      last_error(),
      "f: byte 23 of Struct is set, beyond the 8 that this version knows: the caller is newer; use a newer library");
  EXPECT_EQ(whole.kept, 1);
}

TEST(Structs, OfNoVersionAreRefused) {
  for (const uint32_t size : {0u, 4u, 7u, 4097u, UINT32_MAX}) {
    Newer given{size, 7, 0, 0};
    Newer whole{1, 1, 1, 1};
    const std::string text = "f: struct_size is " + std::to_string(size) + "; it must be sizeof(Struct) = 24";
    EXPECT_EQ(read<Newer>(given, whole), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error(), text);
    EXPECT_EQ(whole.kept, 1);
    EXPECT_EQ(write_struct("f", Newer{0, 5, 5, 5}, given), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error(), text);
    EXPECT_EQ(given.kept, 7);
  }
}

TEST(Structs, AreFilledAsFarAsBothSidesKnow) {
  Newer wanted{8, 1, 1, 1};
  ASSERT_EQ(write_struct("f", Newer{0, 5, 6, 7}, wanted), HD_STATUS_OK);
  EXPECT_EQ(wanted.struct_size, 8u);
  EXPECT_EQ(wanted.kept, 5);
  EXPECT_EQ(wanted.added, 1);
  wanted = {16, 1, 1, 1};
  ASSERT_EQ(write_struct("f", Newer{0, 5, 6, 7}, wanted), HD_STATUS_OK);
  EXPECT_EQ(wanted.added, 6);
  EXPECT_EQ(wanted.last, 1);
  wanted = {sizeof(Newer), 1, 1, 1};
  ASSERT_EQ(write_struct("f", Older{0, 5}, reinterpret_cast<Older&>(wanted)), HD_STATUS_OK);
  EXPECT_EQ(wanted.struct_size, sizeof(Newer));
  EXPECT_EQ(wanted.kept, 5);
  EXPECT_EQ(wanted.added, 1);
}

// Every struct of hadal.h, in memory of a size that the test chooses, and a call that takes it.
class PublicStructs : public testing::Test {
 protected:
  struct Call {
    std::string type;
    uint32_t first_size;
    uint32_t size;
    bool is_result;
    std::function<int32_t(void*)> make;
  };

  std::vector<Call> calls() const {
    const auto result = []<class Struct>(int32_t (*function)(Struct*)) {
      return [function](void* memory) { return function(static_cast<Struct*>(memory)); };
    };
    std::vector<Call> all{
        {"hd_build_info", StructInfo<hd_build_info>::kFirstSize, sizeof(hd_build_info), true,
         result(hd_get_build_info)},
        {"hd_layout_entry", StructInfo<hd_layout_entry>::kFirstSize, sizeof(hd_layout_entry), true,
         [](void* memory) { return hd_layout_get(0, static_cast<hd_layout_entry*>(memory)); }},
        {"hd_device_info", StructInfo<hd_device_info>::kFirstSize, sizeof(hd_device_info), true,
         [this](void* memory) { return hd_device_get_info(cpu_.device(), static_cast<hd_device_info*>(memory)); }},
        {"hd_device_options", StructInfo<hd_device_options>::kFirstSize, sizeof(hd_device_options), false,
         [](void* memory) {
           hd_device* device = nullptr;
           const int32_t status = hd_device_create(static_cast<const hd_device_options*>(memory), &device);
           hd_device_release(device);
           return status;
         }}};
#define HD_OPERATION(name, op)                                                                                   \
  all.push_back({"hd_" #name "_args", StructInfo<hd_##name##_args>::kFirstSize, sizeof(hd_##name##_args), false, \
                 [this](void* memory) {                                                                          \
                   return hd_##name(cpu_.stream(), static_cast<const hd_##name##_args*>(memory), nullptr, 0);    \
                 }});                                                                                            \
  all.push_back({"hd_" #name "_args", StructInfo<hd_##name##_args>::kFirstSize, sizeof(hd_##name##_args), false, \
                 [this](void* memory) {                                                                          \
                   uint64_t size = 0;                                                                            \
                   return hd_workspace_size(cpu_.device(), op, memory, &size);                                   \
                 }});
#include "abi/operations.inc"
#undef HD_OPERATION
    return all;
  }

  CpuStream cpu_;
};

TEST_F(PublicStructs, OfEverySizeAreReadOrRefused) {
  std::map<std::string, uint32_t> seen;
  for (const Call& call : calls()) {
    SCOPED_TRACE(call.type);
    seen[call.type] = call.first_size;
    // A struct of zeros is refused by its content at most, and never for its size.
    const auto refused_for_size = [&](uint32_t size, std::byte tail) {
      std::vector<std::byte> memory(std::max<size_t>(size, call.first_size) + 16);
      std::fill(memory.begin() + call.first_size, memory.end(), tail);
      std::memcpy(memory.data(), &size, sizeof size);
      const int32_t status = call.make(memory.data());
      // A result is filled as far as its size tells, and no argument is written.
      const size_t known = call.is_result ? std::max(size, call.first_size) : call.first_size;
      EXPECT_TRUE(std::all_of(memory.begin() + known, memory.end(), [&](std::byte b) { return b == tail; }));
      if (status == HD_STATUS_UNSUPPORTED) return last_error().find(" is set, beyond the ") != std::string::npos;
      return status == HD_STATUS_INVALID_ARGUMENT && last_error().find(": struct_size is ") != std::string::npos;
    };
    EXPECT_TRUE(refused_for_size(0, std::byte{0}));
    EXPECT_TRUE(refused_for_size(call.first_size - 1, std::byte{0}));
    EXPECT_FALSE(refused_for_size(call.first_size, std::byte{0}));
    EXPECT_FALSE(refused_for_size(call.first_size, std::byte{1})) << "read what is not the caller's";
    EXPECT_FALSE(refused_for_size(call.size + 8, std::byte{0}));
    EXPECT_EQ(refused_for_size(call.size + 8, std::byte{1}), !call.is_result);
  }
  for (const HeaderRow& row : layout_of(HADAL_FIRST_HEADER)) EXPECT_TRUE(seen.contains(row.type)) << row.type;
}

// The promise of the first version: its fields stay where they are, and its sizes are the least.
TEST(FirstVersion, StaysAsItWas) {
  std::map<std::pair<std::string, std::string>, HeaderRow> now;
  for (const HeaderRow& row : layout_of(HADAL_HEADER)) now[{row.type, row.field}] = row;
  std::map<std::string, uint32_t> first_sizes{
#define HD_STRUCT(type, first_size) {#type, first_size},
#define HD_FIELD(type, field)
#include "abi/layout.inc"
#undef HD_STRUCT
#undef HD_FIELD
  };
  const std::vector<HeaderRow> first = layout_of(HADAL_FIRST_HEADER);
  ASSERT_GT(first.size(), 300u);
  for (const HeaderRow& row : first) {
    const auto found = now.find({row.type, row.field});
    ASSERT_NE(found, now.end()) << row.type << "." << row.field << " is gone";
    if (row.field.empty()) {
      EXPECT_EQ(first_sizes[row.type], row.size) << row.type;
    } else {
      EXPECT_EQ(found->second.offset, row.offset) << row.type << "." << row.field;
      EXPECT_EQ(found->second.size, row.size) << row.type << "." << row.field;
    }
    now.erase(found);
  }
  // What came later. Before a struct's first size may lie padding, which callers leave unset.
  std::set<std::string> structs;
  for (const HeaderRow& row : first) structs.insert(row.type);
  for (const auto& [name, row] : now) {
    if (structs.contains(row.type)) {
      EXPECT_GE(row.offset, first_sizes[row.type]) << row.type << "." << row.field;
    }
  }
}

}  // namespace
}  // namespace tests
}  // namespace hadal
