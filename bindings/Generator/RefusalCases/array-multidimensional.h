/* refused at 5: hd_s.x is an array */
#include <stdint.h>
typedef struct hd_s {
  uint32_t struct_size;
  int32_t x[2][3];
} hd_s;
