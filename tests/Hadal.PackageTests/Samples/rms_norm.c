#include <hadal.h>
#include <stdio.h>

int main(void) {
  hd_device_options options = {.struct_size = sizeof options, .kind = HD_DEVICE_CPU};
  hd_device* device = NULL;
  hd_stream* stream = NULL;
  float x[4] = {3, 4, 0, 0}, weight[4] = {1, 1, 1, 2}, y[4];
  hd_rms_norm_args args = {.struct_size = sizeof args,
                           .x_dtype = HD_DTYPE_F32,
                           .weight_dtype = HD_DTYPE_F32,
                           .m = 1,
                           .n = 4,
                           .epsilon = 1e-6f,
                           .x = x,
                           .x_stride = 4,
                           .weight = weight,
                           .y = y,
                           .y_stride = 4};
  if (hd_device_create(&options, &device) != HD_STATUS_OK || hd_stream_create(device, &stream) != HD_STATUS_OK ||
      hd_rms_norm(stream, &args, NULL, 0) != HD_STATUS_OK) {
    char text[512];
    hd_last_error(text, sizeof text, NULL);
    fprintf(stderr, "%s\n", text);
    return 1;
  }
  printf("%.3f %.3f %.3f %.3f\n", y[0], y[1], y[2], y[3]); /* 1.200 1.600 0.000 0.000 */
  hd_stream_release(stream);
  return hd_device_release(device);
}
