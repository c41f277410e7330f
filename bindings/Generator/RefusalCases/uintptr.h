/* refused at 3: has type uintptr_t */
#include <stdint.h>
int32_t hd_f(uintptr_t x);
