/* A program of the ABI's first version: it knows hadal_v1.h alone, and must work with every later library. */
#include <stdio.h>
#include <string.h>

#include "hadal_v1.h"

static int failed(const char* what) {
  char text[1024];
  hd_last_error(text, sizeof text, NULL);
  fprintf(stderr, "%s: %s\n", what, text);
  return 1;
}

int main(void) {
  /* Guards follow the results: what the first version does not know must not be written. */
  struct {
    hd_build_info info;
    unsigned char guard[64];
  } build;
  struct {
    hd_device_info info;
    unsigned char guard[64];
  } told;
  struct {
    hd_layout_entry entry;
    unsigned char guard[64];
  } layout;
  unsigned char guard[64];
  hd_device_options options;
  hd_layer_norm_args args;
  hd_device* device = NULL;
  hd_stream* stream = NULL;
  uint64_t workspace = 1;
  float x[2] = {1.0f, 3.0f};
  float weight[2] = {2.0f, 2.0f};
  float bias[2] = {0.5f, 0.25f};
  float y[2] = {0.0f, 0.0f};

  memset(guard, 0x5a, sizeof guard);
  memset(&build, 0x5a, sizeof build);
  memset(&told, 0x5a, sizeof told);
  memset(&layout, 0x5a, sizeof layout);

  build.info.struct_size = sizeof build.info;
  if (hd_get_build_info(&build.info) != HD_STATUS_OK) return failed("hd_get_build_info");
  if (build.info.abi_version != HD_ABI_VERSION || strlen(build.info.header_sha256) != 64) return failed("build info");
  layout.entry.struct_size = sizeof layout.entry;
  if (hd_layout_get(0, &layout.entry) != HD_STATUS_OK) return failed("hd_layout_get");
  if (strcmp(layout.entry.struct_name, "hd_device_options") != 0) return failed("layout");

  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.kind = HD_DEVICE_CPU;
  options.thread_count = 2;
  if (hd_device_create(&options, &device) != HD_STATUS_OK) return failed("hd_device_create");
  told.info.struct_size = sizeof told.info;
  if (hd_device_get_info(device, &told.info) != HD_STATUS_OK) return failed("hd_device_get_info");
  if (told.info.thread_count != 2) return failed("device info");
  if (hd_stream_create(device, &stream) != HD_STATUS_OK) return failed("hd_stream_create");
  if (memcmp(build.guard, guard, sizeof guard) != 0 || memcmp(told.guard, guard, sizeof guard) != 0 ||
      memcmp(layout.guard, guard, sizeof guard) != 0) {
    return failed("a result went beyond its struct");
  }

  memset(&args, 0, sizeof args);
  args.struct_size = sizeof args;
  args.x_dtype = HD_DTYPE_F32;
  args.weight_dtype = HD_DTYPE_F32;
  args.m = 1;
  args.n = 2;
  args.epsilon = 1e-12f;
  args.x = x;
  args.weight = weight;
  args.bias = bias;
  args.y = y;
  if (hd_workspace_size(device, HD_OP_LAYER_NORM, &args, &workspace) != HD_STATUS_OK || workspace != 0) {
    return failed("hd_workspace_size");
  }
  if (hd_layer_norm(stream, &args, NULL, 0) != HD_STATUS_OK) return failed("hd_layer_norm");
  /* The mean is 2 and the variance 1: -1 and 1, times 2, and the bias. */
  if (y[0] != -1.5f || y[1] != 2.25f) {
    fprintf(stderr, "hd_layer_norm gave %g %g\n", (double)y[0], (double)y[1]);
    return 1;
  }
  if (hd_stream_release(stream) != HD_STATUS_OK || hd_device_release(device) != HD_STATUS_OK) return failed("release");
  return 0;
}
