/* refused at 5: hd_s.x is a long */
#include <stdint.h>
typedef struct hd_s {
  uint32_t struct_size;
  unsigned long* x;
} hd_s;
