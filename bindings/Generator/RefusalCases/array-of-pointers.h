/* refused at 5: hd_s.x is an array of pointers */
#include <stdint.h>
typedef struct hd_s {
  uint32_t struct_size;
  void* x[4];
} hd_s;
