/* refused at 6: function pointer type hd_done_fn */
#include <stdint.h>
typedef void (*hd_done_fn)(void* context);
typedef struct hd_s {
  uint32_t struct_size;
  hd_done_fn x;
} hd_s;
