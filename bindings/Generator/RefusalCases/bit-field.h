/* refused at 5: hd_s.x is a bit-field */
#include <stdint.h>
typedef struct hd_s {
  uint32_t struct_size;
  uint32_t x : 3;
} hd_s;
