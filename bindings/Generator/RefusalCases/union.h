/* refused at 3: hd_u is a union */
#include <stdint.h>
typedef union hd_u { int32_t i; float f; } hd_u;
