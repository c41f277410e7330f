/* refused at 6: hd_b.x has struct hd_a by value */
#include <stdint.h>
typedef struct hd_a { uint32_t struct_size; } hd_a;
typedef struct hd_b {
  uint32_t struct_size;
  hd_a x;
} hd_b;
