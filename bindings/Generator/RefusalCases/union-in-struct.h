/* refused at 5: union */
#include <stdint.h>
typedef struct hd_s {
  uint32_t struct_size;
  union { int32_t i; float f; } x;
} hd_s;
