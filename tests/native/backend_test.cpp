// The seam of hadal_backend.h: backends that the core does not know, loaded from a folder.
#include <gtest/gtest.h>

#include <filesystem>

#include "platform/library.h"
#include "support/builder.h"
#include "support/platform.h"
#include "support/run.h"

namespace hadal::tests {
namespace {

class Backend : public testing::Test {
 protected:
  void SetUp() override {
    set_variable("HADAL_BACKEND_PATH", HADAL_MINIMAL_BACKEND);
    set_variable("HADAL_BACKEND", "minimal");
  }
  void TearDown() override {
    unset_variable("HADAL_BACKEND_PATH");
    unset_variable("HADAL_BACKEND");
    hd_set_log(nullptr, nullptr);
  }

  static hd_device* open() {
    const hd_device_options options{sizeof options, HD_DEVICE_EXTERNAL, 0, 0};
    hd_device* device = nullptr;
    EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_OK) << last_error();
    return device;
  }

  static void expect_text(const std::string& part) {
    EXPECT_NE(last_error().find(part), std::string::npos) << last_error() << "\nexpected: " << part;
  }
};

TEST_F(Backend, RunsAnOperationAndRefusesTheOthersByName) {
  hd_device* device = open();
  ASSERT_NE(device, nullptr);
  hd_stream* stream = nullptr;
  ASSERT_EQ(hd_stream_create(device, &stream), HD_STATUS_OK) << last_error();
  ThreadPool pool(1);
  for (int32_t op = 0; op < HD_OP_COUNT; ++op) {
    const std::string name = scalar_variant(op).name;
    const std::string function = "hd_" + name.substr(0, name.find('/'));
    SCOPED_TRACE(function);
    const Case source = cases_of(op).front().whole();
    char variant[64];
    uint64_t size = 0;
    if (op == HD_OP_INDEXER_WEIGHTS) {
      for (const CaseMaker& maker : cases_of(op)) {
        const Case one = maker.whole();
        const Outcome actual = run_on_device(device, stream, one);
        ASSERT_EQ(actual.status, HD_STATUS_OK) << actual.text;
        EXPECT_TRUE(actual.damage.empty());
        EXPECT_EQ(actual.tensors, run_variant(scalar_variant(op), one, pool).tensors);
      }
      EXPECT_EQ(hd_kernel_name(device, op, variant, sizeof variant), HD_STATUS_OK);
      EXPECT_STREQ(variant, "indexer_weights/minimal");
      continue;
    }
    EXPECT_EQ(hd_kernel_name(device, op, variant, sizeof variant), HD_STATUS_UNSUPPORTED);
    expect_text("has no " + function + ";");
    EXPECT_EQ(hd_workspace_size(device, op, source.args.data(), &size), HD_STATUS_UNSUPPORTED);
    expect_text("has no " + function + ";");
    Placed placed(source);
    EXPECT_EQ(call(op, stream, placed.args(), nullptr, 0), HD_STATUS_UNSUPPORTED);
    expect_text("has no " + function + ";");
    EXPECT_TRUE(placed.damage().empty());
  }
  EXPECT_EQ(hd_stream_synchronize(stream), HD_STATUS_OK);
  EXPECT_EQ(hd_stream_release(stream), HD_STATUS_OK);
  EXPECT_EQ(hd_device_release(device), HD_STATUS_OK);
}

TEST_F(Backend, HasItsArgumentsCheckedByTheCore) {
  hd_device* device = open();
  hd_stream* stream = nullptr;
  ASSERT_EQ(hd_stream_create(device, &stream), HD_STATUS_OK) << last_error();
  hd_indexer_weights_args args{};
  args.struct_size = sizeof args;
  args.m = -1;
  EXPECT_EQ(hd_indexer_weights(stream, &args, nullptr, 0), HD_STATUS_INVALID_ARGUMENT);
  expect_text("hd_indexer_weights: m is -1");
  hd_stream_release(stream);
  hd_device_release(device);
}

TEST_F(Backend, TellsWhatItIsAndGivesMemory) {
  hd_device* device = open();
  int32_t count = 0;
  EXPECT_EQ(hd_device_count(HD_DEVICE_EXTERNAL, &count), HD_STATUS_OK);
  EXPECT_EQ(count, 1);
  hd_device_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(hd_device_get_info(device, &info), HD_STATUS_OK);
  EXPECT_EQ(info.kind, HD_DEVICE_EXTERNAL);
  EXPECT_STREQ(info.name, "Minimal accelerator");
  EXPECT_EQ(info.host_memory, 1);
  EXPECT_EQ(info.graphs, 0);
  EXPECT_EQ(info.f32_activations, 0);
  EXPECT_EQ(info.per_head_fp8, 0);
  EXPECT_EQ(info.group_alignment, 1);
  EXPECT_EQ(info.synchronous, 1);
  uint64_t free_bytes = 0;
  EXPECT_EQ(hd_device_free_memory(device, &free_bytes), HD_STATUS_OK);
  EXPECT_EQ(free_bytes, 1u << 19);
  hd_buffer* buffer = nullptr;
  EXPECT_EQ(hd_buffer_create(device, (1 << 20) + 1, &buffer), HD_STATUS_OUT_OF_MEMORY);
  expect_text("minimal: only 1 MiB can be had");
  EXPECT_EQ(buffer, nullptr);
  ASSERT_EQ(hd_buffer_import(device, &count, sizeof count, &buffer), HD_STATUS_OK) << last_error();
  void* data = nullptr;
  EXPECT_EQ(hd_buffer_get_data(buffer, &data, nullptr), HD_STATUS_OK);
  EXPECT_EQ(data, &count);
  EXPECT_EQ(hd_buffer_release(buffer), HD_STATUS_OK);
  EXPECT_EQ(hd_buffer_create(device, 100, &buffer), HD_STATUS_OK);
  // The device goes last though its handle went first.
  EXPECT_EQ(hd_device_release(device), HD_STATUS_OK);
  EXPECT_EQ(hd_buffer_release(buffer), HD_STATUS_OK);
}

TEST_F(Backend, OlderThanTheCapabilitiesHasNoneAndTheStrictestAlignment) {
  set_variable("HADAL_BACKEND", "older");
  hd_device* device = open();
  ASSERT_NE(device, nullptr);
  hd_device_info info{};
  info.struct_size = sizeof info;
  EXPECT_EQ(hd_device_get_info(device, &info), HD_STATUS_OK);
  EXPECT_STREQ(info.name, "Minimal accelerator");
  EXPECT_EQ(info.host_memory, 0);
  EXPECT_EQ(info.graphs, 0);
  EXPECT_EQ(info.f32_activations, 0);
  EXPECT_EQ(info.per_head_fp8, 0);
  EXPECT_EQ(info.group_alignment, 128);
  EXPECT_EQ(info.synchronous, 0);
  int32_t value = 0;
  hd_buffer* buffer = nullptr;
  EXPECT_EQ(hd_buffer_import(device, &value, sizeof value, &buffer), HD_STATUS_UNSUPPORTED);
  expect_text("hd_buffer_import: the device does not read the host's memory;");
  EXPECT_EQ(buffer, nullptr);
  EXPECT_EQ(hd_device_release(device), HD_STATUS_OK);
}

TEST_F(Backend, WritesToTheLogAndDestroysADeviceOnce) {
  std::vector<std::string> lines;
  hd_set_log([](void* context, const char* text) { static_cast<std::vector<std::string>*>(context)->push_back(text); },
             &lines);
  hd_device* device = open();
  hd_stream* stream = nullptr;
  EXPECT_EQ(hd_stream_create(device, &stream), HD_STATUS_OK);
  hd_device_release(device);
  EXPECT_EQ(lines, std::vector<std::string>{"minimal: a device was made"});
  hd_stream_release(stream);
  EXPECT_EQ(lines, (std::vector<std::string>{"minimal: a device was made", "minimal: the device was destroyed"}));
}

TEST_F(Backend, ItsOwnRefusalsComeThrough) {
  const hd_device_options options{sizeof options, HD_DEVICE_EXTERNAL, 3, 0};
  hd_device* device = nullptr;
  EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_INVALID_ARGUMENT);
  EXPECT_EQ(last_error(), "minimal: ordinal is 3; there is only 0");
  EXPECT_EQ(device, nullptr);
}

TEST_F(Backend, OfAnotherVersionIsRefused) {
  set_variable("HADAL_BACKEND", "skewed");
  EXPECT_EQ(hd_backend_load(HD_DEVICE_EXTERNAL), HD_STATUS_UNSUPPORTED);
  expect_text(backend_library("skewed") + ": it was built for another version of this library");
}

TEST_F(Backend, ThatExportsNothingOrFindsNoDriverIsRefusedInItsWords) {
  set_variable("HADAL_BACKEND", "empty");
  EXPECT_EQ(hd_backend_load(HD_DEVICE_EXTERNAL), HD_STATUS_UNSUPPORTED);
  expect_text(backend_library("empty") + ": it does not export hd_backend_query");
  set_variable("HADAL_BACKEND", "unwilling");
  EXPECT_EQ(hd_backend_load(HD_DEVICE_EXTERNAL), HD_STATUS_UNSUPPORTED);
  expect_text(backend_library("unwilling") + ": the unwilling backend found no driver");
}

TEST_F(Backend, ThatIsNotThereIsRefusedWithEveryPathTried) {
  for (const int32_t kind : {HD_DEVICE_CUDA, HD_DEVICE_EXTERNAL}) {
    set_variable("HADAL_BACKEND_PATH", "/nowhere/at/all");
    set_variable("HADAL_BACKEND", "absent");
    const std::string library = backend_library(kind == HD_DEVICE_CUDA ? "cuda" : "absent");
    const std::string path = (std::filesystem::path("/nowhere/at/all") / library).string();
    std::vector<std::string> lines;
    hd_set_log(
        [](void* context, const char* text) { static_cast<std::vector<std::string>*>(context)->push_back(text); },
        &lines);
    EXPECT_EQ(hd_backend_load(kind), HD_STATUS_UNSUPPORTED);
    hd_set_log(nullptr, nullptr);
    expect_text("hd_backend_load: ");
    expect_text("\n  " + path + ": " + missing_library_words(path));
    expect_text("\n  " + (std::filesystem::path(own_folder()) / library).string() + ": ");
    expect_text("\n  " + library + ": ");
    EXPECT_EQ(lines.size(), 3u);
    int32_t count = -5;
    EXPECT_EQ(hd_device_count(kind, &count), HD_STATUS_UNSUPPORTED);
    EXPECT_EQ(count, -5);
    const hd_device_options options{sizeof options, kind, 0, 0};
    hd_device* device = nullptr;
    EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_UNSUPPORTED);
    expect_text("hd_device_create: ");
    EXPECT_EQ(device, nullptr);
  }
}

TEST_F(Backend, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "a/b", "../minimal", "a.so"}) {
    set_variable("HADAL_BACKEND", name);
    EXPECT_EQ(hd_backend_load(HD_DEVICE_EXTERNAL), HD_STATUS_INVALID_ARGUMENT) << name;
    expect_text("HADAL_BACKEND is \"" + std::string(name) + "\"");
  }
  unset_variable("HADAL_BACKEND");
  EXPECT_EQ(hd_backend_load(HD_DEVICE_EXTERNAL), HD_STATUS_INVALID_ARGUMENT);
  expect_text("HADAL_BACKEND is unset");
}

TEST_F(Backend, KindsThatAreNoneAreRefused) {
  int32_t count = 0;
  for (const int32_t kind : {-1, 3, INT32_MAX}) {
    EXPECT_EQ(hd_backend_load(kind), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind("hd_backend_load: kind is " + std::to_string(kind), 0), 0u) << last_error();
    EXPECT_EQ(hd_device_count(kind, &count), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind("hd_device_count: kind is ", 0), 0u) << last_error();
    const hd_device_options options{sizeof options, kind, 0, 0};
    hd_device* device = nullptr;
    EXPECT_EQ(hd_device_create(&options, &device), HD_STATUS_INVALID_ARGUMENT);
    EXPECT_EQ(last_error().rfind("hd_device_create: kind is ", 0), 0u) << last_error();
  }
}

}  // namespace
}  // namespace hadal::tests
